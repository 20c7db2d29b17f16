//! The whole life of a mapping through the API, of each kind, with boto3 and with the `aws` command: it is made,
//! changed, tagged, disabled, enabled and deleted, while real records go to a real function.

use serde_json::{Value, json};

use crate::api::site::{Api, Client, GONE, MAPPINGS, Refusal, arn, uuid};
use crate::api::sources::{Journal, Kind, Source, TIMEOUT, a_while, merge};
use crate::harness::process::{SOON, eventually};
use crate::harness::{Account, Emulator};

/// A function `work` of which version 1, also called `live`, tells `one`, and the newest code `two`.
pub(crate) struct Stage {
    pub(crate) kind: Kind,
    pub(crate) account: Account,
    pub(crate) source: Source,
    pub(crate) api: Api,
    pub(crate) journal: Journal,
    /// The function's ARN without a qualifier.
    pub(crate) function: String,
    put: usize,
}

impl Stage {
    pub(crate) async fn new(kind: Kind, client: Client) -> Self {
        let (account, site) = kind.site(Emulator::shared()).await;
        let source = kind.source(&account, "orders").await;
        let journal = Journal::new(&site, "journal");
        let function = account.create_function_with("work", &journal.code("one"), TIMEOUT).await;
        account.publish("work").await;
        account.alias("work", "live", "1").await;
        account.recode("work", &journal.code("two")).await;
        let api = Api::start(site, client).await;
        Self { kind, account, source, api, journal, function, put: 0 }
    }

    /// Creates the mapping of this source and the function, with these members too.
    pub(crate) async fn create(&self, more: &Value) -> Value {
        let mut arguments = json!({"EventSourceArn": self.source.arn(), "FunctionName": "work"});
        merge(&mut arguments, &self.kind.start());
        merge(&mut arguments, more);
        self.api.create(arguments).await
    }

    /// Puts so many numbered records that begin with a word, all of one key; their texts.
    pub(crate) async fn put(&mut self, word: &str, count: usize) -> Vec<String> {
        let texts: Vec<String> = (self.put..self.put + count).map(|number| format!("{word} {number}")).collect();
        self.put += count;
        let records: Vec<(&str, String)> = texts.iter().map(|text| ("key", text.clone())).collect();
        self.source.put(&self.account, &records).await;
        texts
    }

    /// Puts records, and waits until the function was given just these: in their order, where the source has one.
    pub(crate) async fn flows(&mut self, word: &str, count: usize) {
        let before = self.journal.texts().len();
        let texts = self.put(word, count).await;
        self.journal.comes(before, &texts, self.kind != Kind::Standard).await;
    }

    /// What Get is to show of a mapping.
    fn expected(&self, uuid: &str, state: &str, more: &Value) -> Value {
        let mut expected = self.kind.defaults(self.source.arn(), &self.function, state);
        let arn = format!("arn:aws:lambda:us-east-1:{}:event-source-mapping:{uuid}", self.account.id);
        merge(&mut expected, &json!({"UUID": uuid, "EventSourceMappingArn": arn}));
        merge(&mut expected, more);
        expected
    }
}

/// An answer without the time of the last change, which must be there and lie in the last minutes.
fn timeless(mut answer: Value) -> Value {
    let object = answer.as_object_mut().unwrap();
    let modified = object.remove("LastModified").unwrap().as_f64().unwrap();
    let age = crate::harness::fifo::unix() - modified;
    assert!((-1.0..600.0).contains(&age), "modified {age} s ago");
    object.remove("ResponseMetadata");
    answer
}

/// What a mapping that the API knows no more answers to everything.
async fn is_unknown(api: &Api, uuid: &str, arn: &str) {
    let gone = Err(Refusal { code: "ResourceNotFoundException".to_owned(), message: GONE.to_owned() });
    for operation in ["get", "update", "delete"] {
        let answer = api.call(&format!("{operation}_{MAPPINGS}"), json!({ "UUID": uuid })).await;
        assert_eq!(answer, gone, "{operation}");
    }
    let message = format!("Event source mapping not found: {arn}");
    let tagless = Err(Refusal { code: "ResourceNotFoundException".to_owned(), message });
    assert_eq!(api.call("list_tags", json!({ "Resource": arn })).await, tagless);
}

async fn live(kind: Kind, client: Client) {
    let mut stage = Stage::new(kind, client).await;
    let waiting = stage.put("first", 3).await;
    let created = stage.create(&json!({"Tags": {"team": "orders", "stage": "test"}})).await;
    let uuid = uuid(&created).to_owned();
    let arn = arn(&created).to_owned();
    assert_eq!(timeless(created), stage.expected(&uuid, "Creating", &json!({})));
    stage.api.becomes(&uuid, "Enabled").await;
    stage.journal.comes(0, &waiting, kind != Kind::Standard).await;
    assert_eq!(stage.journal.last_version(), "two");
    let done = if kind.is_stream() { json!({"LastProcessingResult": "OK"}) } else { json!({}) };
    stage.api.daemon().reaches("forebay_events_invoked_total", &uuid, 3.0).await;
    stage.flows("next", 2).await;
    let shown = stage.api.get(&uuid).await;
    let listed = stage.api.list(json!({})).await;
    assert_eq!(listed, std::slice::from_ref(&shown));
    assert_eq!(timeless(shown), stage.expected(&uuid, "Enabled", &done));
    let listed = stage.api.site.json(&["list"]).await;
    assert_eq!(
        (&listed[0]["Name"], &listed[0]["UUID"], &listed[0]["Origin"]),
        (&json!(uuid), &json!(uuid), &json!("api"))
    );

    change(&mut stage, &uuid).await;
    switch(&mut stage, &uuid).await;
    tag(&stage.api, &arn).await;

    let deleted = stage.api.delete(&uuid).await;
    assert_eq!((&deleted["UUID"], &deleted["State"]), (&json!(uuid), &json!("Deleting")));
    stage.api.vanishes(&uuid).await;
    is_unknown(&stage.api, &uuid, &arn).await;
    assert_eq!(stage.api.list(json!({})).await, [] as [Value; 0]);
    let told = stage.journal.texts().len();
    stage.put("too late", 1).await;
    a_while().await;
    assert_eq!(stage.journal.texts().len(), told);
    let site = stage.api.stop().await;
    assert_eq!(site.call(&["checkpoint", "list", "--store", "store.redb", "-o", "json"]).await.stdout.trim(), "[]");
}

/// Sizes, filters, the function's version and the destination are set, take effect, and are cleared.
async fn change(stage: &mut Stage, uuid: &str) {
    let kind = stage.kind;
    let mut sizes = json!({"BatchSize": 4, "FunctionResponseTypes": ["ReportBatchItemFailures"]});
    if kind != Kind::Fifo {
        sizes["MaximumBatchingWindowInSeconds"] = json!(1);
    }
    if kind.is_stream() {
        merge(
            &mut sizes,
            &json!({"MaximumRetryAttempts": 0, "ParallelizationFactor": 2, "MaximumRecordAgeInSeconds": 600}),
        );
    } else {
        sizes["ScalingConfig"] = json!({"MaximumConcurrency": 2});
    }
    let answer = stage.api.changes(uuid, &sizes).await;
    let done = if kind.is_stream() { json!({"LastProcessingResult": "OK"}) } else { json!({}) };
    let mut known = sizes.clone();
    merge(&mut known, &done);
    assert_eq!(timeless(answer), stage.expected(uuid, "Updating", &known));
    assert_eq!(timeless(stage.api.get(uuid).await), stage.expected(uuid, "Enabled", &known));
    stage.flows("sized", 5).await;

    let filters = kind.keeping();
    let answer = stage.api.changes(uuid, &json!({ "FilterCriteria": filters })).await;
    assert_eq!(answer["FilterCriteria"], filters);
    let before = stage.journal.texts().len();
    stage.put("drop", 2).await;
    let kept = stage.put("keep", 2).await;
    stage.journal.comes(before, &kept, kind != Kind::Standard).await;
    if let Source::Queue(queue) = &stage.source {
        // What does not match is deleted.
        stage.account.emptied(queue).await;
    }
    assert_eq!(stage.api.get(uuid).await["FilterCriteria"], filters);

    let answer = stage.api.changes(uuid, &json!({"FunctionName": "work:live", "FilterCriteria": {}})).await;
    assert_eq!(answer["FunctionArn"], format!("{}:live", stage.function));
    assert_eq!(answer.get("FilterCriteria"), None);
    stage.flows("drop", 2).await;
    assert_eq!(stage.journal.last_version(), "one");
    let answer = stage.api.changes(uuid, &json!({"FunctionName": stage.function})).await;
    assert_eq!(answer["FunctionArn"], *stage.function);
    stage.flows("drop", 2).await;
    assert_eq!(stage.journal.last_version(), "two");

    if kind.is_stream() {
        destination(stage, uuid).await;
    } else {
        let answer = stage.api.changes(uuid, &json!({"ScalingConfig": {}, "FunctionResponseTypes": []})).await;
        assert_eq!((answer.get("ScalingConfig"), &answer["FunctionResponseTypes"]), (None, &json!([])));
    }
    stage.flows("after", 3).await;
}

/// A failure destination is told what is given up, until it is taken away.
async fn destination(stage: &mut Stage, uuid: &str) {
    let failed = stage.account.create_queue("failed", &[]).await;
    let set = json!({"DestinationConfig": {"OnFailure": {"Destination": failed.arn}}});
    let answer = stage.api.changes(uuid, &set).await;
    assert_eq!(answer["DestinationConfig"], set["DestinationConfig"]);
    stage.flows("fail", 1).await;
    eventually(SOON, "the destination is told", async || {
        (stage.account.messages(&failed).await.len() == 1).then_some(())
    })
    .await;
    let cleared = json!({"DestinationConfig": {"OnFailure": {"Destination": ""}}});
    let answer = stage.api.changes(uuid, &cleared).await;
    assert_eq!(answer["DestinationConfig"], json!({"OnFailure": {}}));
    stage.flows("fail", 1).await;
    stage.flows("good", 1).await;
    assert_eq!(stage.account.messages(&failed).await.len(), 1, "nobody is told any more");
}

/// While it is disabled nothing is delivered; what came meanwhile is delivered when it is enabled.
async fn switch(stage: &mut Stage, uuid: &str) {
    let answer = stage.api.changes(uuid, &json!({"Enabled": false})).await;
    assert_eq!(answer["State"], "Disabling");
    let before = stage.journal.texts().len();
    let waiting = stage.put("while disabled", 3).await;
    a_while().await;
    assert_eq!(stage.journal.texts().len(), before);
    let answer = stage.api.changes(uuid, &json!({"Enabled": true})).await;
    assert_eq!(answer["State"], "Enabling");
    stage.journal.comes(before, &waiting, stage.kind != Kind::Standard).await;
    stage.flows("enabled", 2).await;
}

async fn tag(api: &Api, arn: &str) {
    let tags = async || serde_json::to_value(api.tags(arn).await).unwrap();
    assert_eq!(tags().await, json!({"stage": "test", "team": "orders"}));
    api.ask("tag_resource", json!({"Resource": arn, "Tags": {"team": "payments", "cost": "12:3 é"}})).await;
    assert_eq!(tags().await, json!({"cost": "12:3 é", "stage": "test", "team": "payments"}));
    api.ask("untag_resource", json!({"Resource": arn, "TagKeys": ["stage", "cost", "unknown"]})).await;
    assert_eq!(tags().await, json!({"team": "payments"}));
}

#[tokio::test]
async fn a_function_with_an_alias_is_taken_in_every_form_of_its_name() {
    let mut stage = Stage::new(Kind::Standard, Client::Boto).await;
    let account = stage.account.id.clone();
    let alias = format!("{}:live", stage.function);
    let forms = [
        "work:live",
        "function:work:live",
        &format!("{account}:function:work:live"),
        &format!("{account}:work:live"),
        &alias,
    ];
    for form in forms {
        let made = stage.create(&json!({"FunctionName": form})).await;
        assert_eq!(made["FunctionArn"], alias, "{form}");
        stage.api.becomes(uuid(&made), "Enabled").await;
        stage.flows("next", 2).await;
        assert_eq!(stage.journal.last_version(), "one", "{form}");
        stage.api.delete(uuid(&made)).await;
        stage.api.vanishes(uuid(&made)).await;
    }
    stage.api.stop().await;
}

#[tokio::test]
async fn a_queue_lives_with_boto3() {
    live(Kind::Standard, Client::Boto).await;
}

#[tokio::test]
async fn a_queue_lives_with_the_aws_command() {
    live(Kind::Standard, Client::Command).await;
}

#[tokio::test]
async fn a_fifo_queue_lives_with_boto3() {
    live(Kind::Fifo, Client::Boto).await;
}

#[tokio::test]
async fn a_fifo_queue_lives_with_the_aws_command() {
    live(Kind::Fifo, Client::Command).await;
}

#[tokio::test]
async fn a_kinesis_stream_lives_with_boto3() {
    live(Kind::Kinesis, Client::Boto).await;
}

#[tokio::test]
async fn a_kinesis_stream_lives_with_the_aws_command() {
    live(Kind::Kinesis, Client::Command).await;
}

#[tokio::test]
async fn the_stream_of_a_table_lives_with_boto3() {
    live(Kind::DynamoDb, Client::Boto).await;
}

#[tokio::test]
async fn the_stream_of_a_table_lives_with_the_aws_command() {
    live(Kind::DynamoDb, Client::Command).await;
}
