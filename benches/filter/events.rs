//! What is filtered every day: an order, and patterns that people write for it.

/// An order of 886 bytes.
pub(crate) const ORDER: &str = r#"{"version":"0","id":"7bf73129-1428-4cd3-a780-95db273d1602","detail-type":"Order Placed","source":"shop.orders","account":"123456789012","time":"2026-11-11T21:29:54Z","region":"eu-central-1","resources":["arn:aws:dynamodb:eu-central-1:123456789012:table/orders"],"detail":{"orderId":"A-4711-0815","status":"placed","channel":"web","customer":{"id":884211,"name":"Zoë Müller","tier":"gold","email":"zoe@example.org","newsletter":false},"items":[{"sku":"BK-1001","title":"The Rust Book","quantity":1,"price":39.95,"tags":["book","it"]},{"sku":"MU-2002","title":"Mug, 0.3 l","quantity":2,"price":12.5,"tags":["kitchen"]},{"sku":"TS-3003","title":"T-shirt \"crab\"","quantity":1,"price":24.0,"tags":["wear","xl"]}],"total":88.95,"currency":"EUR","coupon":null,"shipping":{"method":"express","country":"DE","zip":"10115","gift":true},"ip":"192.0.2.44","note":"please do ring twice!!!!!!!"}}"#;

/// Ten patterns, all of which match it.
pub(crate) const PATTERNS: [&str; 10] = [
    r#"{"source":["shop.orders"],"detail":{"status":["placed","paid"],"total":[{"numeric":[">",50]}]}}"#,
    r#"{"detail":{"customer":{"tier":["silver"]},"shipping":{"country":["DE","AT"]}}}"#,
    r#"{"detail-type":[{"prefix":"Order"}],"detail":{"channel":["app"]}}"#,
    r#"{"detail":{"items":{"sku":[{"prefix":"BK-"}],"quantity":[{"numeric":[">=",2]}]}}}"#,
    r#"{"region":["us-east-1","us-west-2"],"detail":{"currency":["USD"]}}"#,
    r#"{"detail":{"ip":[{"cidr":"10.0.0.0/8"}]}}"#,
    r#"{"detail":{"coupon":[{"exists":false}],"status":[{"anything-but":["placed","test"]}]}}"#,
    r#"{"detail":{"note":[{"wildcard":"*ring*once*"}]}}"#,
    r#"{"detail":{"customer":{"email":[{"suffix":"@example.com"}],"newsletter":[true]}}}"#,
    r#"{"detail":{"shipping":{"method":[{"equals-ignore-case":"STANDARD"}],"gift":[true]}}}"#,
];

/// A pattern that does not match it.
pub(crate) const MISS: &str =
    r#"{"source":["shop.orders"],"detail":{"status":["cancelled"],"total":[{"numeric":[">",50]}]}}"#;

/// The order as the body of a message, as the function would get it.
pub(crate) fn message() -> Vec<u8> {
    let record = serde_json::json!({
        "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a".repeat(10),
        "body": ORDER,
        "attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183",
        "SenderId": "AIDAIENQZJOLO23YVJ4VO" },
        "messageAttributes": {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:orders",
        "awsRegion": "eu-central-1",
    });
    record.to_string().into_bytes()
}

/// The order as the data of a Kinesis record.
pub(crate) fn kinesis() -> Vec<u8> {
    let record = serde_json::json!({
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "884211",
            "sequenceNumber": "49590338271490256608559692538361571095921575989136588898",
            "data": base64_simd::STANDARD.encode_to_string(ORDER),
            "approximateArrivalTimestamp": 1_545_084_650.987,
        },
        "eventSource": "aws:kinesis",
        "eventName": "aws:kinesis:record",
        "awsRegion": "eu-central-1",
        "eventSourceARN": "arn:aws:kinesis:eu-central-1:123456789012:stream/orders",
    });
    record.to_string().into_bytes()
}

/// The first pattern, for a document within a record.
pub(crate) fn within(name: &str) -> String {
    format!("{{\"{name}\":{}}}", PATTERNS[0])
}
