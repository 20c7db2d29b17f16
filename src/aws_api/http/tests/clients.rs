//! The SDK's own client for Lambda.

use aws_sdk_lambda::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_lambda::operation::RequestId;
use aws_sdk_lambda::{Client, Config};

use super::*;
use crate::aws_api::auth::tests::{KEY, SECRET};

fn client(door: &Door, key: &str, secret: &str, token: Option<&str>) -> Client {
    let credentials = Credentials::new(key, secret, token.map(str::to_owned), None, "test");
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .endpoint_url(format!("http://{}", door.address))
        .credentials_provider(SharedCredentialsProvider::new(credentials));
    Client::from_conf(config.build())
}

async fn real() -> Door {
    let wall = crate::clock::host_unix_ms;
    Door::open(Access::Keys(keys()), Arc::new(wall), Limits::DEFAULT).await
}

const ARN: &str = "arn:aws:lambda:eu-central-1:000000000000:event-source-mapping:0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d";

#[tokio::test]
async fn every_call_of_the_sdk_is_admitted() {
    let door = real().await;
    for token in [None, Some("FwoGZXIvYXdzEXAMPLE//token+with/odd==")] {
        let client = client(&door, KEY, SECRET, token);
        let before = door.handled();
        let source = "arn:aws:sqs:eu-central-1:000000000000:orders";
        client.create_event_source_mapping().function_name("bill").event_source_arn(source).send().await.unwrap();
        client.list_event_source_mappings().send().await.unwrap();
        let list = client.list_event_source_mappings().function_name("a b+c/ü~*").event_source_arn(source);
        list.marker("AbC+/==").max_items(10).send().await.unwrap();
        client.get_event_source_mapping().uuid("0a1b-ü /%").send().await.unwrap();
        client.update_event_source_mapping().uuid("0a1b").batch_size(3).send().await.unwrap();
        client.delete_event_source_mapping().uuid("0a1b").send().await.unwrap();
        client.tag_resource().resource(ARN).tags("tea m", "blüe").send().await.unwrap();
        client.list_tags().resource(ARN).send().await.unwrap();
        let untag = client.untag_resource().resource(ARN).tag_keys("z").tag_keys("a b").tag_keys("ü&=+");
        untag.send().await.unwrap();
        assert_eq!(door.handled() - before, 9);
    }
}

#[tokio::test]
async fn the_sdk_understands_the_refusals() {
    let door = real().await;
    for (key, secret, code) in [
        (KEY, "another-secret-of-some-length", "InvalidSignatureException"),
        ("AKIDNOBODY", SECRET, "UnrecognizedClientException"),
    ] {
        let error = client(&door, key, secret, None).list_event_source_mappings().send().await.unwrap_err();
        let error = error.into_service_error();
        assert_eq!(error.code(), Some(code));
        assert!(error.message().is_some_and(|message| message.starts_with("The ")), "{error:?}");
        assert!(error.meta().request_id().is_some(), "{error:?}");
    }
    assert_eq!(door.handled(), 0);
}
