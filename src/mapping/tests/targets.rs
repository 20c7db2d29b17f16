//! Targets that are read.

use std::time::Duration;

use super::clean;
use crate::mapping::{LateAnswers, RuntimeApiTarget, Target};

fn with(function: &str) -> Target {
    let text = format!(
        "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: f\nPoller: {{ Function: {{ \
         {function} }} }}\n"
    );
    clean(&text).remove(0).target
}

#[test]
fn workers_that_attach() {
    let plain = RuntimeApiTarget {
        listen: "127.0.0.1:9001".parse().unwrap(),
        allow_from: Vec::new(),
        attach_wait: Duration::from_secs(300),
        timeout: Duration::from_secs(60),
        late_answers: LateAnswers::Reject,
    };
    for listen in ["127.0.0.1:9001", "localhost:9001"] {
        let read = with(&format!("RuntimeApi: {{ Listen: \"{listen}\" }}"));
        assert_eq!(read, Target::RuntimeApi(plain.clone()), "{listen}");
    }
    let read = with(
        "Timeout: 5m, RuntimeApi: { Listen: \"[::]:9001\", AllowFrom: [10.0.0.0/8, \"fd00::1\"], AttachWait: 10s, \
         OnLateAnswer: Accept }",
    );
    let all = RuntimeApiTarget {
        listen: "[::]:9001".parse().unwrap(),
        allow_from: vec!["10.0.0.0/8".parse().unwrap(), "fd00::1/128".parse().unwrap()],
        attach_wait: Duration::from_secs(10),
        timeout: Duration::from_secs(300),
        late_answers: LateAnswers::Accept,
    };
    assert_eq!(read, Target::RuntimeApi(all));
}
