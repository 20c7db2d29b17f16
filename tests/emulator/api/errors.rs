//! The errors that AWS was seen to answer, provoked one by one and compared word for word, as botocore understands
//! them.

use serde_json::{Value, json};

use crate::api::boto::Reply;
use crate::api::site::{Api, Client, GONE, arn, uuid};
use crate::api::sources::{Journal, Kind, TIMEOUT, merge};
use crate::harness::Emulator;

const BAD: &str = "InvalidParameterValueException";
const NOT_VALID: &str = "ValidationException";
const NOT_FOUND: &str = "ResourceNotFoundException";
const CONFLICT: &str = "ResourceConflictException";

const UNSUPPORTED: &str = "Unsupported DestinationConfig parameter for given event source mapping type.";
const NO_START: &str = "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: \
                        Member must not be null.";
const BAD_START: &str = "1 validation error detected: Value 'invalid' at 'startingPosition' failed to satisfy \
    constraint: \
                         Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]";
const TOO_LARGE: &str =
    "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10";
const NO_QUEUE: &str = "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. \
                        SQS Error Message: The specified queue does not exist.";
const BAD_FILTER: &str = "Invalid filter pattern definition.";
const NO_WINDOW: &str = "Batching window is not supported for FIFO queues";
const NO_ACCESS: &str = "Required 'sourceAccessConfigurations' parameter is missing.";
const RESOURCE: &str = concat!(
    r"arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:",
    r"(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|code-signing-config:csc-[a-z0-9]{17}|",
    r"event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|",
    r"(capacity-provider|network-connector):[a-zA-Z0-9-_]{1,64})"
);

/// What stands in an account before anything is asked.
struct Scene {
    api: Api,
    queue: String,
    fifo: String,
    short: String,
    stream: String,
    table: String,
    /// The mappings that exist: of the queue, of the FIFO queue, of the stream and of the table.
    made: Vec<Value>,
}

/// A call that is refused.
struct Row {
    operation: &'static str,
    arguments: Value,
    status: u16,
    code: &'static str,
    message: String,
}

fn row(operation: &'static str, arguments: Value, code: &'static str, message: impl Into<String>) -> Row {
    let status = match code {
        NOT_FOUND => 404,
        CONFLICT => 409,
        _ => 400,
    };
    Row { operation, arguments, status, code, message: message.into() }
}

impl Scene {
    async fn set() -> Self {
        let (account, site) = Kind::Kinesis.site(Emulator::shared()).await;
        let journal = Journal::new(&site, "journal");
        account.create_function_with("work", &journal.code("one"), TIMEOUT).await;
        account.create_function_with("other", &journal.code("one"), TIMEOUT).await;
        account.create_function_with("slow", &journal.code("one"), 60).await;
        let mut arns = Vec::new();
        for kind in Kind::ALL {
            arns.push(kind.source(&account, "orders").await.arn().to_owned());
        }
        let short = Kind::Standard.source(&account, "short").await.arn().to_owned();
        let api = Api::start(site, Client::Boto).await;
        let mut made = Vec::new();
        for (kind, source) in Kind::ALL.into_iter().zip(&arns) {
            let mut arguments = json!({"EventSourceArn": source, "FunctionName": "work", "Enabled": false});
            merge(&mut arguments, &kind.start());
            let created = api.create(arguments).await;
            made.push(api.becomes(uuid(&created), "Disabled").await);
        }
        let [queue, fifo, stream, table] = arns.try_into().unwrap();
        Self { api, queue, fifo, short, stream, table, made }
    }

    /// The arguments of a Create for the function `other`.
    fn with(source: &str, more: &Value) -> Value {
        let mut arguments = json!({"EventSourceArn": source, "FunctionName": "other"});
        merge(&mut arguments, more);
        arguments
    }

    fn sources(&self) -> Vec<Row> {
        const CREATE: &str = "create_event_source_mapping";
        let missing = |arn: &str| arn.replace("orders", "nowhere");
        let begin = json!({"StartingPosition": "TRIM_HORIZON"});
        let at = |position: &str| json!({ "StartingPosition": position });
        let on_success = json!({"DestinationConfig": {"OnSuccess": {"Destination": self.queue}}});
        let mut nobody = Self::with(&self.stream, &on_success);
        merge(&mut nobody, &json!({"FunctionName": "nowhere", "StartingPosition": "LATEST"}));
        let kafka = json!({
            "FunctionName": "other", "Topics": ["topic"], "StartingPosition": "TRIM_HORIZON",
            "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["kafka:1000"]}},
        });
        let timed = json!({"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1_700_000_000});
        vec![
            row(CREATE, json!({"FunctionName": "other"}), BAD, "Unrecognized event source."),
            row(
                CREATE,
                json!({"EventSourceArn": self.queue, "FunctionName": "nowhere"}),
                BAD,
                "Function does not exist",
            ),
            row(
                CREATE,
                json!({"EventSourceArn": self.queue, "FunctionName": "work:9"}),
                BAD,
                "Function does not exist",
            ),
            row(CREATE, nobody, BAD, UNSUPPORTED),
            row(CREATE, Self::with(&self.queue, &on_success), BAD, UNSUPPORTED),
            row(CREATE, Self::with(&self.stream, &json!({})), BAD, NO_START),
            row(CREATE, Self::with(&self.table, &json!({})), BAD, NO_START),
            row(CREATE, Self::with(&self.stream, &at("invalid")), NOT_VALID, BAD_START),
            row(CREATE, Self::with(&self.table, &at("invalid")), NOT_VALID, BAD_START),
            row(
                CREATE,
                Self::with(&self.table, &timed),
                BAD,
                format!("Unsupported starting position for arn type: {}", self.table),
            ),
            row(CREATE, Self::with(&missing(&self.queue), &json!({})), BAD, NO_QUEUE),
            row(CREATE, Self::with(&missing(&self.fifo), &json!({})), BAD, NO_QUEUE),
            row(
                CREATE,
                Self::with(&missing(&self.stream), &begin),
                BAD,
                format!("Stream not found: {}", missing(&self.stream)),
            ),
            row(
                CREATE,
                Self::with(&missing(&self.table), &begin),
                BAD,
                format!("Stream not found: {}", missing(&self.table)),
            ),
            row(CREATE, kafka, BAD, NO_ACCESS),
            row(
                CREATE,
                json!({"EventSourceArn": self.short, "FunctionName": "slow"}),
                BAD,
                "Queue visibility timeout: 20 seconds is less than Function timeout: 60 seconds",
            ),
        ]
    }

    fn values(&self) -> Vec<Row> {
        const CREATE: &str = "create_event_source_mapping";
        const UPDATE: &str = "update_event_source_mapping";
        let made = |place: usize, more: &Value| {
            let mut arguments = json!({ "UUID": uuid(&self.made[place]) });
            merge(&mut arguments, more);
            arguments
        };
        let small = "1 validation error detected: Value '0' at 'batchSize' failed to satisfy constraint: Member must \
            have value \
                     greater than or equal to 1";
        let large = "1 validation error detected: Value '10001' at 'batchSize' failed to satisfy constraint: Member \
            must have value \
                     less than or equal to 10000";
        let two = "2 validation errors detected: Value '0' at 'batchSize' failed to satisfy constraint: Member must \
            have value \
                   greater than or equal to 1; Value '301' at 'maximumBatchingWindowInSeconds' failed to satisfy \
                    constraint: \
                   Member must have value less than or equal to 300";
        let (batch, window) = (json!({"BatchSize": 11}), json!({"MaximumBatchingWindowInSeconds": 1}));
        let mut rows = vec![
            row(CREATE, Self::with(&self.queue, &batch), BAD, TOO_LARGE),
            row(UPDATE, made(0, &batch), BAD, TOO_LARGE),
            row(CREATE, Self::with(&self.fifo, &window), BAD, NO_WINDOW),
            row(UPDATE, made(1, &window), BAD, NO_WINDOW),
            row(CREATE, Self::with(&self.queue, &json!({"BatchSize": 0})), NOT_VALID, small),
            row(UPDATE, made(0, &json!({"BatchSize": 0})), NOT_VALID, small),
            row(CREATE, Self::with(&self.queue, &json!({"BatchSize": 10_001})), NOT_VALID, large),
            row(
                CREATE,
                Self::with(&self.queue, &json!({"BatchSize": 0, "MaximumBatchingWindowInSeconds": 301})),
                NOT_VALID,
                two,
            ),
            row(
                UPDATE,
                made(0, &json!({"FunctionName": "slow"})),
                BAD,
                "Queue visibility timeout: 20 seconds is less than Function timeout: 60 seconds",
            ),
            row(UPDATE, made(0, &json!({"FunctionName": "nowhere"})), BAD, "Function does not exist"),
        ];
        let patterns =
            ["null", "\"text\"", "{\"eventSource\":\"aws:sqs\"}", "{\"eventSource\":[]}", "{\"broken\"", "[]", "7"];
        for pattern in patterns {
            let filters = json!({"FilterCriteria": {"Filters": [{"Pattern": pattern}]}});
            rows.push(row(CREATE, Self::with(&self.queue, &filters), BAD, BAD_FILTER));
            rows.push(row(UPDATE, made(0, &filters), BAD, BAD_FILTER));
        }
        rows
    }

    fn names(&self) -> Vec<Row> {
        const CREATE: &str = "create_event_source_mapping";
        let nobody = "00000000-0000-4000-8000-000000000000";
        let unknown = arn(&self.made[0]).replace(uuid(&self.made[0]), nobody);
        let mut rows = Vec::new();
        for operation in ["get_event_source_mapping", "update_event_source_mapping", "delete_event_source_mapping"] {
            rows.push(row(operation, json!({ "UUID": nobody }), NOT_FOUND, GONE));
        }
        let calls = |resource: &str| {
            [
                ("list_tags", json!({ "Resource": resource })),
                ("tag_resource", json!({"Resource": resource, "Tags": {"a": "b"}})),
                ("untag_resource", json!({"Resource": resource, "TagKeys": ["a"]})),
            ]
        };
        for (operation, arguments) in calls(&unknown) {
            rows.push(row(operation, arguments, NOT_FOUND, format!("Event source mapping not found: {unknown}")));
        }
        for malformed in ["not-an-arn", &unknown[..unknown.len() - 1]] {
            let message = format!(
                "1 validation error detected: Value '{malformed}' at 'resource' failed to satisfy constraint: \
                 Member must satisfy regular expression pattern: {RESOURCE}"
            );
            for (operation, arguments) in calls(malformed) {
                rows.push(row(operation, arguments, NOT_VALID, &*message));
            }
        }
        let (queues, streams) = ([(&self.queue, 0), (&self.fifo, 1)], [(&self.stream, 2), (&self.table, 3)]);
        for (source, place) in queues {
            let message = format!(
                "An event source mapping with SQS arn (\" {source} \") and function (\" work \") already exists. \
                 Please update \
                 or delete the existing mapping with UUID {}",
                uuid(&self.made[place])
            );
            rows.push(row(CREATE, json!({"EventSourceArn": source, "FunctionName": "work"}), CONFLICT, message));
        }
        for (source, place) in streams {
            let message = format!(
                "The event source arn (\" {source} \") and function (\" work \") provided mapping already exists. \
                 Please update \
                 or delete the existing mapping with UUID {}",
                uuid(&self.made[place])
            );
            let arguments = json!({"EventSourceArn": source, "FunctionName": "work", "StartingPosition": "LATEST"});
            rows.push(row(CREATE, arguments, CONFLICT, message));
        }
        rows
    }
}

/// What is wrong with an answer; none when it is the row's error.
fn differs(row: &Row, reply: &Reply) -> Option<String> {
    if !reply.failed {
        return Some(format!("{} {} succeeds: {}", row.operation, row.arguments, reply.body));
    }
    let found = (reply.status, reply.error().0, reply.error().1);
    let mut wrong = Vec::new();
    if found != (row.status, row.code, &*row.message) {
        wrong.push(format!("answers {found:?}, not {:?}", (row.status, row.code, &row.message)));
    }
    // The wire as it was recorded: of an unknown resource a `Message`, of the others a `message`; of a
    // ValidationException nothing says whose fault it is.
    let wire: Value = serde_json::from_str(&reply.wire).unwrap_or_default();
    let expected = match row.code {
        NOT_FOUND => json!({"Type": "User", "Message": row.message}),
        NOT_VALID => json!({ "message": row.message }),
        _ => json!({"Type": "User", "message": row.message}),
    };
    if wire != expected {
        wrong.push(format!("the wire has {wire}, not {expected}"));
    }
    let header = |name: &str| reply.headers[name].as_str().unwrap_or_default();
    if header("x-amzn-errortype") != row.code {
        wrong.push(format!("x-amzn-errortype is {:?}", header("x-amzn-errortype")));
    }
    if header("x-amzn-requestid").len() != 36 {
        wrong.push(format!("x-amzn-requestid is {:?}", header("x-amzn-requestid")));
    }
    (!wrong.is_empty()).then(|| format!("{} {}: {}", row.operation, row.arguments, wrong.join("; ")))
}

#[tokio::test]
async fn every_error_has_the_words_code_and_status_of_aws() {
    let scene = Scene::set().await;
    let rows: Vec<Row> = [scene.sources(), scene.values(), scene.names()].into_iter().flatten().collect();
    let mut wrong = Vec::new();
    for row in &rows {
        let reply = scene.api.reply(row.operation, row.arguments.clone()).await;
        wrong.extend(differs(row, &reply));
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
    println!("{} errors compared", rows.len());
    // What was refused has left nothing behind.
    let listed = scene.api.list(json!({})).await;
    assert_eq!(listed.len(), scene.made.len());
    for made in &scene.made {
        assert!(listed.contains(made), "{made} has changed: {listed:?}");
    }
    scene.api.stop().await;
}

#[tokio::test]
async fn what_forebay_does_not_do_is_refused_and_named() {
    let scene = Scene::set().await;
    let consumer = format!("{}/consumer/fast:1700000000", scene.stream);
    let begin = json!({"StartingPosition": "LATEST"});
    let arn = |service: &str| format!("arn:aws:{service}:us-east-1:123456789012:thing");
    let cases = [
        (Scene::with(&consumer, &begin), "fan-out"),
        (Scene::with(&arn("kafka"), &begin), "Amazon MSK"),
        (Scene::with(&arn("mq"), &json!({"Queues": ["q"]})), "Amazon MQ"),
        (Scene::with(&scene.queue, &json!({"KMSKeyArn": "arn:aws:kms:us-east-1:123456789012:key/a"})), "KMSKeyArn"),
        (
            Scene::with(&scene.queue, &json!({"ProvisionedPollerConfig": {"MinimumPollers": 2}})),
            "ProvisionedPollerConfig",
        ),
    ];
    for (arguments, word) in cases {
        let reply = scene.api.reply("create_event_source_mapping", arguments).await;
        assert_eq!((reply.status, reply.error().0), (400, BAD), "{word}");
        assert!(reply.error().1.to_lowercase().contains(&word.to_lowercase()), "{word}: {reply:?}");
    }
    // Functions are not to be had here.
    for (operation, arguments) in [("list_functions", json!({})), ("get_function", json!({"FunctionName": "work"}))] {
        let reply = scene.api.reply(operation, arguments).await;
        assert_eq!((reply.status, reply.error().0), (404, "UnknownOperationException"), "{operation}");
    }
    assert_eq!(scene.api.list(json!({})).await.len(), scene.made.len());
    scene.api.stop().await;
}
