//! Targets that are read.

use std::collections::BTreeMap;
use std::time::Duration;

use super::clean;
use crate::machine::BackoffPolicy;
use crate::mapping::{CommandSpec, LateAnswers, RuntimeApiTarget, Target};

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
        listen: Some("127.0.0.1:9001".parse().unwrap()),
        allow_from: Vec::new(),
        attach_wait: Duration::from_secs(300),
        timeout: Duration::from_secs(60),
        late_answers: LateAnswers::Reject,
        command: None,
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
        listen: Some("[::]:9001".parse().unwrap()),
        allow_from: vec!["10.0.0.0/8".parse().unwrap(), "fd00::1/128".parse().unwrap()],
        attach_wait: Duration::from_secs(10),
        timeout: Duration::from_secs(300),
        late_answers: LateAnswers::Accept,
        command: None,
    };
    assert_eq!(read, Target::RuntimeApi(all));
}

#[test]
fn workers_that_forebay_starts() {
    let command = |function: &str| match with(function) {
        Target::RuntimeApi(RuntimeApiTarget { listen: None, command: Some(command), .. }) => command,
        other => panic!("{other:?}"),
    };
    let bare = command("RuntimeApi: { Command: [python3, -m, awslambdaric, app.handler] }");
    let plain = CommandSpec {
        command: ["python3", "-m", "awslambdaric", "app.handler"].map(str::to_owned).into(),
        workers: 1,
        environment: BTreeMap::new(),
        working_directory: None,
        init_timeout: Duration::from_secs(60),
        kill_after: Duration::from_secs(2),
        restart: BackoffPolicy { initial: Duration::from_secs(1), maximum: Duration::from_secs(60) },
    };
    assert_eq!(bare, plain);
    let full = command(
        "RuntimeApi: { Command: [./bootstrap, \"\"], Workers: 4, Environment: { TABLE: \"${SIZE}\", PATH: /bin }, \
         WorkingDirectory: /app, InitTimeout: 5s, KillAfter: 500ms, RestartBackoff: { Initial: 100ms } }",
    );
    let all = CommandSpec {
        command: vec!["./bootstrap".into(), String::new()],
        workers: 4,
        environment: [("PATH", "/bin"), ("TABLE", "5")].map(|(name, value)| (name.into(), value.into())).into(),
        working_directory: Some("/app".into()),
        init_timeout: Duration::from_secs(5),
        kill_after: Duration::from_millis(500),
        restart: BackoffPolicy { initial: Duration::from_millis(100), maximum: Duration::from_secs(60) },
    };
    assert_eq!(full, all);
}
