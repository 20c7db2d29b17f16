//! How failure records name things: the function, the S3 object, the delivery, and times.

use jiff::Timestamp;

use crate::machine::uuid::hyphenated;
use crate::machine::{FailedBatch, Failure};
use crate::mapping::Mapping;

/// The function's full ARN. What a bare name or a partial ARN leaves open is taken from the source, because AWS wants
/// both in one region; a region that the mapping sets for its function comes before all others.
pub(super) fn function_arn(mapping: &Mapping) -> String {
    let (function, source) = (&mapping.function, mapping.source.arn());
    let partition = match function.text.split(':').collect::<Vec<_>>()[..] {
        ["arn", partition, ..] => partition,
        _ => &source.partition,
    };
    let region = mapping.target.region().or(function.region.as_deref()).unwrap_or(&source.region);
    let account = function.account.as_ref().unwrap_or(&source.account);
    let mut arn = format!("arn:{partition}:lambda:{region}:{account}:function:{}", function.name);
    if let Some(qualifier) = &function.qualifier {
        arn.push(':');
        arn.push_str(qualifier);
    }
    arn
}

/// The key that AWS gives the object of a failure: the same for every try, so a repeated delivery replaces it.
/// Where AWS has the shard's id, a queue's failure has the queue's name.
pub(super) fn object_key(mapping: &Mapping, failure: &Failure) -> String {
    let part = match &failure.batch {
        FailedBatch::Stream { shard, .. } => shard,
        FailedBatch::Queue { .. } => mapping.source.arn().resource.as_str(),
    };
    let time = timestamp(failure.unix_ms).strftime("%Y/%m/%d/%Y-%m-%dT%H.%M.%S");
    format!("aws/lambda/{}/{part}/{time}-{}", mapping.uuid, hyphenated(failure.uuid))
}

/// What a FIFO queue or topic keeps in order: the failures of one shard, or of one message group. The messages of a
/// standard queue have no order among each other, so each is a group of its own and none waits for another.
pub(super) fn group(failure: &Failure) -> &str {
    match &failure.batch {
        FailedBatch::Stream { shard, .. } => shard,
        FailedBatch::Queue { group, message_id, .. } => group.as_deref().unwrap_or(message_id),
    }
}

/// `2019-11-14T00:38:06.021Z`.
pub(super) fn with_ms(unix_ms: u64) -> String {
    format!("{:.3}", timestamp(unix_ms))
}

/// `2019-11-14T00:38:06Z`: what is less than a second is cut off.
pub(super) fn whole_seconds(unix_ms: u64) -> String {
    format!("{:.0}", timestamp(unix_ms / 1000 * 1000))
}

/// A time that is beyond the calendar counts as the calendar's last.
fn timestamp(unix_ms: u64) -> Timestamp {
    i64::try_from(unix_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, KINESIS, QUEUE};
    use super::*;
    use crate::mapping::FunctionRef;

    #[test]
    fn the_functions_arn_is_made_whole() {
        let function = |text: &str, own_region: Option<&str>| {
            let mut mapping = fixture::mapping(KINESIS);
            mapping.function = FunctionRef::parse(text).unwrap();
            mapping.target.lambda_mut().unwrap().side.region = own_region.map(Into::into);
            function_arn(&mapping)
        };
        let whole = "arn:aws-cn:lambda:cn-north-1:999999999999:function:work:live";
        for (text, own_region, expected) in [
            ("work", None, "arn:aws:lambda:us-east-2:123456789012:function:work"),
            ("work:live", None, "arn:aws:lambda:us-east-2:123456789012:function:work:live"),
            ("work:$LATEST", None, "arn:aws:lambda:us-east-2:123456789012:function:work:$LATEST"),
            ("work", Some("eu-west-1"), "arn:aws:lambda:eu-west-1:123456789012:function:work"),
            ("999999999999:function:work:7", None, "arn:aws:lambda:us-east-2:999999999999:function:work:7"),
            (whole, None, whole),
            (whole, Some("cn-west-1"), "arn:aws-cn:lambda:cn-west-1:999999999999:function:work:live"),
        ] {
            assert_eq!(function(text, own_region), expected, "{text}");
        }
    }

    #[test]
    fn keys_hold_the_records_own_time_and_uuid() {
        let mapping = fixture::mapping(KINESIS);
        let key = "aws/lambda/6c6fdcd6-8a1a-4d34-9d05-3a7bd47b2a8f/shardId-000000000001/2019/11/14/\
                   2019-11-14T00.38.06-0f8fad5b-d9cb-469f-a165-70867728950e";
        assert_eq!(object_key(&mapping, &fixture::stream_failure()), key);
        let key = "aws/lambda/6c6fdcd6-8a1a-4d34-9d05-3a7bd47b2a8f/orders/2019/11/14/\
                   2019-11-14T00.38.06-0f8fad5b-d9cb-469f-a165-70867728950e";
        assert_eq!(object_key(&fixture::mapping(QUEUE), &fixture::queue_failure()), key);
    }

    #[test]
    fn groups_are_shards_and_messages() {
        assert_eq!(group(&fixture::stream_failure()), "shardId-000000000001");
        assert_eq!(group(&fixture::queue_failure()), "059f36b4-87a3-44ab-83d2-661975830a7d");
    }

    #[test]
    fn times_have_their_forms() {
        for (ms, fine, coarse) in [
            (0, "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00Z"),
            (1_573_691_886_021, "2019-11-14T00:38:06.021Z", "2019-11-14T00:38:06Z"),
            (1_573_691_886_999, "2019-11-14T00:38:06.999Z", "2019-11-14T00:38:06Z"),
        ] {
            assert_eq!((with_ms(ms).as_str(), whole_seconds(ms).as_str()), (fine, coarse));
        }
        assert!(with_ms(u64::MAX).starts_with("9999-12-"), "{}", with_ms(u64::MAX));
    }
}
