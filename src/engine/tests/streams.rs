//! What is shown of stream mappings.

use crate::engine::MappingState;
use crate::mapping::{DestinationKind, FailureDestination, Mapping};
use crate::view::{MappingStatus, StreamConfiguration};

use super::world::{Rig, mapping};

/// A mapping that does not run: what is shown of it comes from its file alone.
fn stream(destination: bool) -> Mapping {
    let mut mapping = super::world::stream("clicks");
    mapping.enabled = false;
    let stream = mapping.source.stream_mut().unwrap();
    (stream.parallelization, stream.maximum_retry_attempts, stream.bisect) = (2, Some(5), true);
    let arn = super::world::mapping("clicks", "").source.arn().clone();
    mapping.on_failure = destination.then_some(FailureDestination { kind: DestinationKind::Sqs { fifo: false }, arn });
    mapping
}

async fn shown(mapping: Mapping) -> MappingStatus {
    let rig = Rig::new(vec![mapping]);
    rig.status("clicks").await
}

#[tokio::test(start_paused = true)]
async fn a_stream_shows_awss_members_and_its_shards_and_no_queue() {
    let status = shown(stream(false)).await;
    assert_eq!((status.state, status.state_transition_reason.as_str()), (MappingState::Disabled, "User action"));
    let expected = StreamConfiguration {
        starting_position: "LATEST".into(),
        starting_position_timestamp: None,
        parallelization_factor: 2,
        maximum_retry_attempts: 5,
        maximum_record_age_in_seconds: -1,
        bisect_batch_on_function_error: true,
        tumbling_window_in_seconds: 0,
    };
    assert_eq!(status.stream_configuration, Some(expected));
    assert_eq!((status.queue, status.shards.as_deref()), (None, Some(&[][..])));
    assert_eq!(status.stream.unwrap().iterator_age_seconds, None);
    assert_eq!(status.destination_config.unwrap().on_failure.destination, None);
    let with = shown(stream(true)).await.destination_config.unwrap().on_failure.destination;
    assert_eq!(with.as_deref(), Some("arn:aws:sqs:us-east-1:000000000000:clicks"));
}

#[tokio::test(start_paused = true)]
async fn a_queue_shows_a_destination_only_where_it_has_one() {
    let queue = mapping("clicks", "Enabled: false");
    let on_failure = stream(true).on_failure;
    let with = Mapping { on_failure, ..queue.clone() };
    let status = shown(queue).await;
    assert_eq!(status.state_transition_reason, "USER_INITIATED");
    assert!(status.queue.is_some());
    assert_eq!((status.stream_configuration, status.destination_config), (None, None));
    assert_eq!((status.stream, status.shards), (None, None));
    assert!(shown(with).await.destination_config.unwrap().on_failure.destination.is_some());
}
