//! Broken lines of mappings of HTTP services and function URLs.

use super::broken::{Case, SOUND, check_all};
use super::broken_streams::KINESIS_SOUND;

/// Lines added to a sound mapping.
pub(super) const LINES: &[Case] = &[
    ("http_without_url", &["FB0103"], "Poller: { Function: { Http: {} } }"),
    ("http_no_url", &["FB0211"], "Poller: { Function: { Http: { Url: localhost:8080 } } }"),
    ("http_with_a_password", &["FB0211"], "Poller: { Function: { Http: { Url: \"http://me:secret@host/\" } } }"),
    ("http_with_a_fragment", &["FB0211"], "Poller: { Function: { Http: { Url: \"http://h/#part\" } } }"),
    (
        "http_and_lambda",
        &["FB0311", "FB0311"],
        "Poller: { Function: { Region: eu-west-1, RequireLambdaHeaders: false, Http: { Url: \"http://h/\" } } }",
    ),
    (
        "http_ranges",
        &["FB0209", "FB0201", "FB0209", "FB0204"],
        "Poller:\n  Function:\n    Http:\n      Url: http://h/\n      ConnectTimeout: 2m\n      \
         MaxConnections: 0\n      \
         RetryAfterMax: 2h\n      Envelope: Knative",
    ),
    (
        "http_endpoints_of_another_scheme",
        &["FB0211"],
        "Poller: { Function: { Http: { Url: \"https://h/\", Endpoints: [\"http://10.0.0.1:80\"] } } }",
    ),
    (
        "http_headers",
        &["FB0224", "FB0224"],
        "Poller:\n  Function:\n    Http:\n      Url: http://h/\n      Headers:\n        Authorization: x\n        \
         X-Api-Key: x",
    ),
    (
        "http_headers_of_forebay",
        &["FB0221", "FB0221", "FB0221"],
        "Poller:\n  Function:\n    Http:\n      Url: http://h/\n      Headers:\n        Forebay-Attempt: 1\n        \
         content-type: x\n        webhook-id: x",
    ),
    (
        "http_headers_that_cannot_be_sent",
        &["FB0221", "FB0221", "FB0221"],
        "Poller: { Function: { Http: { Url: \"http://h/\", Headers: { \"X Y\": a, X-Ü: b, X-A: \"b\\nc\" } } } }",
    ),
    ("http_headers_no_map", &["FB0102"], "Poller: { Function: { Http: { Url: \"http://h/\", Headers: [a] } } }"),
    ("http_bearer_inline", &["FB0102"], "Poller: { Function: { Http: { Url: \"https://h/\", Bearer: eyJhbGciOi } } }"),
    (
        "http_bearer_of_nothing",
        &["FB0103", "FB0327"],
        "Poller: { Function: { Http: { Url: \"http://h/\", Bearer: {} } } }",
    ),
    (
        "http_bearer_of_both",
        &["FB0311"],
        "Poller: { Function: { Http: { Url: \"https://h/\", Bearer: { File: /token, Env: SIZE } } } }",
    ),
    (
        "http_bearer_of_no_variable",
        &["FB0012"],
        "Poller: { Function: { Http: { Url: \"https://h/\", Bearer: { Env: NO_TOKEN } } } }",
    ),
    (
        "http_bearer_of_an_empty_variable",
        &["FB0012"],
        "Poller: { Function: { Http: { Url: \"https://h/\", Bearer: { Env: EMPTY } } } }",
    ),
    (
        "http_bearer_of_a_relative_path",
        &["FB0223"],
        "Poller: { Function: { Http: { Url: \"https://h/\", Bearer: { File: run/token } } } }",
    ),
    (
        "http_bearer_in_plain",
        &["FB0327"],
        "Poller: { Function: { Http: { Url: \"http://h/\", Bearer: { File: /token } } } }",
    ),
    (
        "http_signature_of_nothing",
        &["FB0103", "FB0103"],
        "Poller: { Function: { Http: { Url: \"https://h/\", Signature: {} } } }",
    ),
    (
        "http_signature",
        &["FB0204", "FB0103"],
        "Poller: { Function: { Http: { Url: \"https://h/\", Signature: { Scheme: Svix, Secrets: [{}] } } } }",
    ),
    (
        "http_signature_without_secrets",
        &["FB0103"],
        "Poller: { Function: { Http: { Url: \"https://h/\", Signature: { Scheme: StandardWebhooks, Secrets: [] } } \
         } }",
    ),
    (
        "http_tls_in_plain",
        &["FB0311"],
        "Poller: { Function: { Http: { Url: \"http://h/\", Tls: { CaFile: /ca.pem } } } }",
    ),
    (
        "http_tls",
        &["FB0223", "FB0103", "FB0223", "FB0211"],
        "Poller:\n  Function:\n    Http:\n      Url: https://h/\n      Tls:\n        CaFile: ca.pem\n        \
         CertFile: \
         cert.pem\n        ServerName: \"https://h\"",
    ),
    (
        "http_statuses",
        &["FB0222", "FB0222", "FB0222", "FB0222", "FB0222"],
        "Poller:\n  Function:\n    Http:\n      Url: http://h/\n      Statuses:\n        Success: [404]\n        \
         Failed: \
         [409, \"400-499\"]\n        Transient: [\"599-500\", 99, 5xx]",
    ),
    (
        "http_statuses_without_success",
        &["FB0222"],
        "Poller: { Function: { Http: { Url: \"http://h/\", Statuses: { Failed: [\"200-299\"] } } } }",
    ),
    (
        "http_statuses_of_steps",
        &["FB0222"],
        "Poller: { Function: { Http: { Url: \"http://h/\", Statuses: { Failed: [100] } } } }",
    ),
    ("http_half_an_address", &["FB0211"], "Poller: { Function: { Http: { Url: \"http://[::1/\" } } }"),
    (
        "http_statuses_terminal_to_nowhere",
        &["FB0410"],
        "Poller: { Function: { Http: { Url: \"http://h/\", Statuses: { Terminal: [410] } } } }",
    ),
    ("http_health_of_nothing", &["FB0103"], "Poller: { Function: { Http: { Url: \"http://h/\", Health: {} } } }"),
    (
        "http_health",
        &["FB0311", "FB0209", "FB0201"],
        "Poller:\n  Function:\n    Http:\n      Url: http://h/\n      Health:\n        Path: /healthz\n        Tcp: \
         true\n        \
         Every: 10ms\n        Unhealthy: 0",
    ),
    (
        "http_health_no_path",
        &["FB0211"],
        "Poller: { Function: { Http: { Url: \"http://h/\", Health: { Path: healthz } } } }",
    ),
    (
        "more_than_connections",
        &["FB0329"],
        "ScalingConfig: { MaximumConcurrency: 65 }\nPoller: { Function: { Http: { Url: \"http://h/\" } } }",
    ),
    ("http_identity", &["FB0213"], "Poller: { Function: { InvokeIdentityArn: me, Http: { Url: \"http://h/\" } } }"),
    (
        "lambda_identity",
        &["FB0311"],
        "Poller: { Function: { InvokeIdentityArn: \"arn:aws:iam::123456789012:role/r\" } }",
    ),
    (
        "function_url_of_lambda",
        &["FB0328"],
        "Poller: { Function: { FunctionUrl: { Url: \"https://abc.lambda-url.us-east-1.on.aws/\" } } }",
    ),
    (
        "function_url_without_a_region",
        &["FB0103"],
        "Poller: { Function: { FunctionUrl: { Url: \"https://api.example.com/\", Service: execute-api } } }",
    ),
    (
        "function_url_with_two_regions",
        &["FB0311"],
        "Poller: { Function: { Region: eu-west-1, FunctionUrl: { Url: \"https://h/\", Region: eu-west-1 } } }",
    ),
    (
        "function_url_with_options_of_http",
        &["FB0101", "FB0101"],
        "Poller: { Function: { FunctionUrl: { Url: \"https://h/\", Region: r1, Bearer: { File: /t }, Headers: {} } \
         } }",
    ),
];

/// Lines added to a sound mapping of a Kinesis stream.
pub(super) const KINESIS: &[Case] = &[(
    "cloud_events_with_a_window",
    &["FB0311"],
    "StartingPosition: LATEST\nTumblingWindowInSeconds: 10\nPoller: { Function: { Http: { Url: \"http://h/\", \
         Envelope: CloudEvents } } }",
)];

#[test]
fn broken_http_services_give_their_codes_and_carets() {
    check_all(LINES, SOUND);
    check_all(KINESIS, KINESIS_SOUND);
}
