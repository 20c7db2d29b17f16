//! Broken targets: the codes each gives, and how the problems look.

use super::broken::{Case, SOUND, check_all};

/// Lines added to a queue's mapping.
pub(super) const LINES: &[Case] = &[
    (
        "two_targets",
        &["FB0311"],
        "Poller:\n  Function:\n    Http: { Url: \"http://h/\" }\n    RuntimeApi: { Listen: \"127.0.0.1:9001\" }",
    ),
    ("workers_nowhere", &["FB0103"], "Poller: { Function: { RuntimeApi: {} } }"),
    ("workers_no_map", &["FB0102"], "Poller: { Function: { RuntimeApi: \"127.0.0.1:9001\" } }"),
    ("workers_at_a_name", &["FB0220"], "Poller: { Function: { RuntimeApi: { Listen: \"orders:9001\" } } }"),
    ("workers_at_a_path", &["FB0220"], "Poller: { Function: { RuntimeApi: { Listen: \"127.0.0.1:9001/orders\" } } }"),
    ("workers_at_no_port", &["FB0220"], "Poller: { Function: { RuntimeApi: { Listen: \"localhost:0\" } } }"),
    ("workers_at_many", &["FB0325"], "Poller: { Function: { RuntimeApi: { Listen: \"0.0.0.0:9001\" } } }"),
    (
        "workers_from_nowhere",
        &["FB0220"],
        "Poller: { Function: { RuntimeApi: { Listen: \"0.0.0.0:9001\", AllowFrom: [10.0.0.0/8, 10.0.0.0/33] } } }",
    ),
    (
        "workers_of_lambda",
        &["FB0311", "FB0204", "FB0209"],
        "Poller:\n  Function:\n    Region: eu-west-1\n    RuntimeApi:\n      Listen: 127.0.0.1:9001\n      \
         OnLateAnswer: Ignore\n      AttachWait: 13h",
    ),
    (
        "workers_without_command",
        &["FB0331", "FB0331"],
        "Poller:\n  Function:\n    RuntimeApi:\n      Listen: 127.0.0.1:9001\n      Workers: 4\n      \
         Environment: { A: b }",
    ),
    (
        "workers_out_of_range",
        &["FB0201", "FB0209", "FB0209", "FB0307"],
        "Poller:\n  Function:\n    RuntimeApi:\n      Command: [./bootstrap]\n      Workers: 257\n      \
         InitTimeout: 2h\n      KillAfter: 1ms\n      RestartBackoff: { Initial: 2s, Maximum: 1s }",
    ),
    ("command_empty", &["FB0103"], "Poller: { Function: { RuntimeApi: { Command: [] } } }"),
    ("command_no_list", &["FB0102"], "Poller: { Function: { RuntimeApi: { Command: python3 app.py } } }"),
    (
        "command_variables",
        &["FB0225", "FB0225"],
        "Poller:\n  Function:\n    RuntimeApi:\n      Command: [./bootstrap]\n      Environment:\n        \
         1st: x\n        AWS_LAMBDA_RUNTIME_API: localhost:1",
    ),
    ("command_null", &["FB0102"], "Poller: { Function: { RuntimeApi: { Command: [echo, null] } } }"),
    (
        "command_nul",
        &["FB0204", "FB0204", "FB0225"],
        "Poller:\n  Function:\n    RuntimeApi:\n      Command: [./bootstrap, \"a\\0b\"]\n      WorkingDirectory: \
         \"/a\\0b\"\n      Environment: { A: \"a\\0b\" }",
    ),
    (
        "command_secrets",
        &["FB0224", "FB0224"],
        "Poller:\n  Function:\n    RuntimeApi:\n      Command: [./bootstrap]\n      Environment:\n        \
         AWS_ACCESS_KEY_ID: AKIA\n        AWS_SECRET_ACCESS_KEY: abc\n        AWS_SESSION_TOKEN: def",
    ),
];

/// Whole files.
pub(super) const FILES: &[Case] = &[
    (
        "listener_with_two_doors",
        &["FB0326"],
        "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:first
FunctionName: orders
Poller: { Function: { RuntimeApi: { Listen: \"10.0.0.1:9001\", AllowFrom: [10.0.0.0/8] } } }
---
EventSourceArn: arn:aws:sqs:us-east-1:000000000000:second
FunctionName: orders
Poller: { Function: { RuntimeApi: { Listen: \"10.0.0.1:9001\", AllowFrom: [10.1.0.0/16] } } }
",
    ),
    (
        "workers_started_in_two_ways",
        &["FB0326"],
        "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:first
FunctionName: orders
Poller: { Function: { RuntimeApi: { Command: [./bootstrap] } } }
---
EventSourceArn: arn:aws:sqs:us-east-1:000000000000:second
FunctionName: orders
Poller: { Function: { RuntimeApi: { Command: [./bootstrap, -v] } } }
",
    ),
    (
        "shared_listener",
        &["FB0326"],
        "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:first
FunctionName: orders
Poller: { Function: { RuntimeApi: { Listen: \"127.0.0.1:9001\" } } }
---
EventSourceArn: arn:aws:sqs:us-east-1:000000000000:second
FunctionName: arn:aws:lambda:us-east-1:000000000000:function:orders
Poller: { Function: { RuntimeApi: { Listen: \"localhost:9001\" } } }
---
EventSourceArn: arn:aws:sqs:us-east-1:000000000000:first
FunctionName: other
Poller: { Function: { RuntimeApi: { Listen: \"127.0.0.1:9001\" } } }
",
    ),
];

#[test]
fn broken_targets() {
    check_all(LINES, SOUND);
    check_all(FILES, "");
}
