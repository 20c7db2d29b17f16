//! Targets that are called over HTTP: what is read of them.

use std::time::Duration;

use super::{clean, read};
use crate::mapping::{
    Addresses, Auth, Dns, Envelope, Health, HttpTarget, RieTarget, Secret, Side, StatusMeaning, Target, TlsOptions,
};

#[test]
fn an_http_service_instead_of_a_lambda_function() {
    let with = |function: &str| {
        let text = format!(
            "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: f\nPoller: {{ Function: {{ \
             {function} }} }}\n"
        );
        clean(&text).remove(0).target
    };
    assert_eq!(
        with("Http: { Url: \"http://orders:8080/events\" }"),
        Target::Http(HttpTarget::new("http://orders:8080/events").into())
    );
    let longer = HttpTarget { timeout: Duration::from_secs(300), ..HttpTarget::new("https://h") };
    assert_eq!(with("Timeout: 5m, Http: { Url: \"https://h\" }"), Target::Http(longer.into()));
    let everything = "Timeout: 30s, InvokeIdentityArn: \"arn:aws:iam::123456789012:role/orders\", Http: { Url: \
        \"https://orders.internal/events\", Endpoints: { Dns: orders.svc, Port: 443, ResolveEvery: 1s }, \
        ConnectTimeout: 500ms, MaxConnections: 8, Headers: { X-Team: shop, X-Count: 3 }, Bearer: { Env: SIZE }, \
        Signature: { Scheme: StandardWebhooks, Secrets: [{ File: /run/new }, { File: /run/old }] }, Tls: { CaFile: \
        /ca.pem, CertFile: /cert.pem, KeyFile: /key.pem, ServerName: orders }, Envelope: CloudEvents, Statuses: { \
        Success: [202], Throttle: [509], Transient: [404, \"520-524\"], Failed: [\"502\"] }, RetryAfterMax: 0s, \
        Health: { Path: /healthz, Every: 1s, Timeout: 500ms, Healthy: 2, Unhealthy: 5 } }";
    let Target::Http(target) = with(everything) else { panic!("another target") };
    let statuses = target.statuses.clone();
    let seconds = Duration::from_secs;
    let file = |path: &str| Secret::File(path.into());
    let expected = HttpTarget {
        url: "https://orders.internal/events".into(),
        timeout: seconds(30),
        addresses: Some(Addresses::Dns(Dns { name: "orders.svc".into(), port: 443, every: seconds(1) })),
        connect_timeout: Duration::from_millis(500),
        max_connections: 8,
        headers: [("X-Team", "shop"), ("X-Count", "3")].map(|(name, text)| (name.into(), text.into())).into(),
        auth: Auth::Bearer(Secret::Env("SIZE".into())),
        signature: vec![file("/run/new"), file("/run/old")],
        tls: TlsOptions {
            ca_file: Some("/ca.pem".into()),
            cert_file: Some("/cert.pem".into()),
            key_file: Some("/key.pem".into()),
            server_name: Some("orders".into()),
        },
        envelope: Envelope::CloudEvents,
        statuses: statuses.clone(),
        retry_after_max: Duration::ZERO,
        health: Some(Health {
            path: Some("/healthz".into()),
            every: seconds(1),
            timeout: Duration::from_millis(500),
            healthy: 2,
            unhealthy: 5,
        }),
    };
    assert_eq!(*target, expected);
    let meanings = [202, 509, 404, 519, 520, 524, 502, 500].map(|status| statuses.meaning(status));
    let (success, transient) = (Some(StatusMeaning::Success), Some(StatusMeaning::Transient));
    let (throttle, failed) = (Some(StatusMeaning::Throttle), Some(StatusMeaning::Failed));
    assert_eq!(meanings, [success, throttle, transient, None, transient, transient, failed, None]);
}

#[test]
fn a_function_url_is_signed_for_its_region() {
    let with = |function: &str| {
        let text = format!(
            "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: f\nPoller: {{ Function: {{ \
             {function} }} }}\n"
        );
        let loaded = read(&text);
        assert!(!loaded.has_errors(), "{function}");
        let Target::Http(target) = loaded.mappings[0].target.clone() else { panic!("another target") };
        target
    };
    let url = with(
        "RoleArn: \"arn:aws:iam::123456789012:role/r\", FunctionUrl: { Url: \
        \"https://abc.lambda-url.eu-west-3.on.aws/\" }",
    );
    let side = |region: &str, role: Option<&str>| Side { region: Some(region.into()), role_arn: role.map(Into::into) };
    let role = Some("arn:aws:iam::123456789012:role/r");
    assert_eq!(url.auth, Auth::SigV4 { service: "lambda".into(), side: side("eu-west-3", role) });
    assert_eq!(url.statuses.meaning(502), Some(StatusMeaning::Failed));
    let said = "FunctionUrl: { Url: \"https://abc.lambda-url.eu-west-3.on.aws/\", Statuses: { Transient: [502] } }";
    assert_eq!(with(said).statuses.meaning(502), Some(StatusMeaning::Transient));
    let gateway = with("Region: eu-west-1, FunctionUrl: { Url: \"https://api.example.com/x\", Service: execute-api }");
    assert_eq!(gateway.auth, Auth::SigV4 { service: "execute-api".into(), side: side("eu-west-1", None) });
    assert_eq!(gateway.statuses.meaning(502), None);
}

#[test]
fn runtime_interface_emulators_instead_of_a_lambda_function() {
    let with = |function: &str| {
        let text = format!(
            "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: f\nPoller: {{ Function: {{ \
             {function} }} }}\n"
        );
        let Target::Rie(target) = clean(&text).remove(0).target else { panic!("another target") };
        target
    };
    let fixed = RieTarget {
        addresses: Addresses::Fixed(vec!["http://localhost:8080".into(), "http://[::1]:8080".into()]),
        concurrency: 1,
        error_shape: true,
        exclusive: false,
        timeout: Duration::from_secs(60),
    };
    assert_eq!(with("Rie: { Endpoints: [\"http://localhost:8080/\", \"http://[::1]:8080\"] }"), fixed);
    let dns = Dns { name: "fn.default.svc".into(), port: 8080, every: Duration::from_secs(5) };
    let named = RieTarget {
        addresses: Addresses::Dns(dns),
        concurrency: 4,
        error_shape: false,
        exclusive: true,
        timeout: Duration::from_secs(900),
    };
    let text = "Timeout: 15m, Rie: { Endpoints: { Dns: fn.default.svc, Port: 8080 }, Concurrency: 4, ErrorShape: \
        false, Exclusive: true }";
    assert_eq!(with(text), named);
}
