//! Mixed traffic for filters: what they must let pass, what not, and what they cannot be applied to.

use serde::Deserialize;
use serde_json::Value;

use crate::harness::ledger::{Line, Notes};
use crate::harness::process::{SOON, Site, eventually};
use crate::harness::{Account, Queue};

/// A filter of orders from 100 on, as lines of a mapping file.
pub(crate) const ORDERS: &str =
    "FilterCriteria: { Filters: [{ Pattern: { body: { type: [order], total: [{ numeric: [\">=\", 100] }] } } }] }";

/// One invocation with messages of any queue: where each came from, and its body.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Taken {
    records: Vec<(String, String)>,
}

impl Line for Taken {
    const NOTE: &str = "
def note(event):
    write({'records': [[r['eventSourceARN'], r['body']] for r in event['Records']]})
";
}

/// What a function was given from several queues.
pub(crate) type Takes = Notes<Taken>;

impl Takes {
    /// The bodies from one queue, sorted.
    pub(crate) fn from(&mut self, queue: &Queue) -> Vec<String> {
        let records = self.entries().iter().flat_map(|taken| &taken.records);
        let mut bodies: Vec<String> =
            records.filter(|(source, _)| *source == queue.arn).map(|(_, body)| body.clone()).collect();
        bodies.sort();
        bodies
    }
}

/// Lists within lists, more of them than most readers of JSON bear.
fn deep() -> String {
    ["[".repeat(200), "]".repeat(200)].concat()
}

/// Orders from 100 on, some of them written as no serializer would.
pub(crate) fn matching() -> Vec<String> {
    let plain = [
        r#"{"type":"order","total":100}"#,
        " {\"total\" : 1.00e2 ,\r\n\t\"type\":\"order\", \"note\":\"é \\u00e9 \\/ 漢字 🦀\"} ",
        r#"{"\u0074ype":"\u006frder","total":100.000000000000000000001}"#,
        r#"{"type":"order","total":250,"weight":1e400}"#,
        r#"{"type":"order","total":250,"name":"\ud800","more":"\udc00\ud800"}"#,
        r#"{"type":"order","total":250,"twice":1,"twice":[{}]}"#,
        r#"{"type":["draft","order"],"total":[1,100]}"#,
        r#"[{"type":"refund","total":100},{"type":"order","total":101}]"#,
    ];
    let mut bodies = plain.map(str::to_owned).to_vec();
    bodies.push(format!(r#"{{"nested":{},"type":"order","total":300}}"#, deep()));
    bodies
}

/// JSON that is no order from 100 on.
pub(crate) fn other() -> Vec<String> {
    let plain = [
        r#"{"type":"order","total":99.999999999999999999999}"#,
        r#"{"type":"Order","total":100}"#,
        r#"{"type":"order","total":"100"}"#,
        r#"{"type":"order"}"#,
        r#"{"body":{"type":"order","total":100}}"#,
        r#"{"type":"refund","total":100,"weight":1e400,"name":"\ud800"}"#,
        r#"[{"type":"order","total":1},{"type":"refund","total":100}]"#,
        "{}",
        "[]",
    ];
    let mut bodies = plain.map(str::to_owned).to_vec();
    bodies.push(format!(r#"{{"nested":{},"type":"order","total":3}}"#, deep()));
    bodies
}

/// What a pattern cannot look into.
pub(crate) fn undecidable() -> Vec<String> {
    let bodies = [
        "an order of 100",
        r#"{"type":"order","total":100"#,
        r#"{"type":"order","total":100}}"#,
        r#"{"type":"order","total":100,}"#,
        "{'type':'order','total':100}",
        r#"{"type":"order","total":100,"weight":01}"#,
        r#""{\"type\":\"order\",\"total\":100}""#,
        "100",
        "null",
    ];
    bodies.map(str::to_owned).to_vec()
}

/// All three, in an order of their own.
pub(crate) fn mixed() -> Vec<String> {
    let mut bodies = [matching(), other(), undecidable()].concat();
    fastrand::Rng::with_seed(7).shuffle(&mut bodies);
    bodies
}

pub(crate) fn sorted(mut bodies: Vec<String>) -> Vec<String> {
    bodies.sort();
    bodies
}

/// The bodies of all messages of a queue, visible or not, sorted.
pub(crate) async fn left(account: &Account, queue: &Queue) -> Vec<String> {
    let body = |message: &Value| message["Body"].as_str().unwrap().to_owned();
    sorted(account.messages(queue).await.iter().map(body).collect())
}

/// Waits until nothing but these bodies is left in a queue.
pub(crate) async fn leaves(account: &Account, queue: &Queue, bodies: Vec<String>) {
    let bodies = sorted(bodies);
    let what = format!("{} messages are left in {}", bodies.len(), queue.arn);
    eventually(SOON, &what, async || (left(account, queue).await == bodies).then_some(())).await;
}

/// The failure records of messages in a destination: condition and body of each, sorted. Each names its queue and
/// message.
pub(crate) async fn told(account: &Account, destination: &Queue, source: &Queue) -> Vec<(String, String)> {
    let mut told = Vec::new();
    for text in left(account, destination).await {
        let record: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}"));
        let request = &record["requestContext"];
        assert_eq!(request["approximateInvokeCount"], 0, "{text}");
        assert_eq!((&record["responseContext"], &record["responsePayload"]), (&Value::Null, &Value::Null), "{text}");
        let records = record["requestPayload"]["Records"].as_array().unwrap();
        assert_eq!(records.len(), 1, "{text}");
        let message = &record["SQSMessageInfo"];
        assert_eq!(message["queueArn"], *source.arn, "{text}");
        assert_eq!(message["messageId"], records[0]["messageId"], "{text}");
        let member = |value: &Value| value.as_str().unwrap().to_owned();
        told.push((member(&request["condition"]), member(&records[0]["body"])));
    }
    told.sort();
    told
}

/// The same bodies, each with a condition.
pub(crate) fn each(condition: &str, bodies: Vec<String>) -> Vec<(String, String)> {
    sorted(bodies).into_iter().map(|body| (condition.to_owned(), body)).collect()
}

/// What a mapping has counted: polled, filtered out, undecidable, invoked.
pub(crate) async fn counted(site: &Site, mapping: &str) -> [usize; 4] {
    let counters = &site.status(mapping).await["Counters"];
    let names = ["Polled", "Filtered", "Undecidable", "Invoked"];
    names.map(|name| usize::try_from(counters[name].as_u64().unwrap()).unwrap())
}
