//! Terraform as a client of the API. It and AWS's provider are too large to install for every test run: with both at
//! hand, `TF_PLUGINS=FOLDER cargo test --test emulator terraform -- --ignored`, where FOLDER is a mirror of providers
//! (as `terraform providers mirror FOLDER` makes it); without the variable, Terraform fetches the provider itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::api::life::Stage;
use crate::api::site::{Client, arn, uuid};
use crate::api::sources::Kind;

/// Terraform in a folder with the configuration, which gets its variables from the environment.
struct Terraform<'a> {
    folder: PathBuf,
    stage: &'a Stage,
    variables: Vec<(&'static str, String)>,
}

impl Terraform<'_> {
    async fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new("terraform");
        command.args(words).arg("-no-color").current_dir(&self.folder);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.stage.api.site.path("")).env("CHECKPOINT_DISABLE", "1").env("TF_IN_AUTOMATION", "1");
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("NO_PROXY", "127.0.0.1").kill_on_drop(true);
        command.envs(self.variables.iter().cloned());
        tokio::time::timeout(Duration::from_secs(300), command.output()).await.expect("it ends").unwrap()
    }

    async fn done(&self, words: &[&str]) -> String {
        let output = self.run(words).await;
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Makes the mappings be as they are wanted, and fails when a plan then wants more.
    async fn apply(&self, changed: bool) {
        let changed = format!("-var=changed={changed}");
        self.done(&["apply", "-auto-approve", "-input=false", &changed]).await;
        let plan = self.run(&["plan", "-input=false", "-detailed-exitcode", &changed]).await;
        assert_eq!(plan.status.code(), Some(0), "a second plan has something to do: {plan:?}");
    }
}

#[tokio::test]
#[ignore = "needs terraform and AWS's provider"]
async fn terraform_makes_changes_imports_and_destroys_mappings() {
    let mut stage = Stage::new(Kind::Standard, Client::Boto).await;
    let stream = Kind::Kinesis.source(&stage.account, "clicks").await;
    let failed = stage.account.create_queue("failed", &[]).await;
    let folder = stage.api.site.path("terraform");
    fs::create_dir(&folder).unwrap();
    let given = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/terraform/main.tf");
    fs::copy(given, folder.join("main.tf")).unwrap();
    let variables = vec![
        ("TF_VAR_endpoint", stage.api.endpoint().to_owned()),
        ("TF_VAR_access_key", stage.api.key.0.clone()),
        ("TF_VAR_secret_key", stage.api.key.1.clone()),
        ("TF_VAR_queue", stage.source.arn().to_owned()),
        ("TF_VAR_stream", stream.arn().to_owned()),
        ("TF_VAR_failed", failed.arn),
        ("TF_VAR_function", stage.function.clone()),
    ];
    let texts = stage.put("keep", 2).await;
    let terraform = Terraform { folder, stage: &stage, variables };
    let mut init = vec!["init".to_owned(), "-input=false".to_owned()];
    init.extend(std::env::var("TF_PLUGINS").map(|folder| format!("-plugin-dir={folder}")));
    terraform.done(&init.iter().map(String::as_str).collect::<Vec<_>>()).await;
    terraform.apply(false).await;
    let outputs: Value = serde_json::from_str(&terraform.done(&["output", "-json"]).await).unwrap();
    let of = |name: &str| outputs[name]["value"].as_str().unwrap().to_owned();
    let (queues, streams) = (of("queue"), of("stream"));
    let api = &stage.api;
    let made = api.get(&queues).await;
    assert_eq!(
        (&made["State"], &made["BatchSize"], &made["FilterCriteria"], &made["ScalingConfig"]),
        (&json!("Enabled"), &json!(10), &Kind::Standard.keeping(), &json!({"MaximumConcurrency": 5}))
    );
    assert_eq!(serde_json::to_value(api.tags(arn(&made)).await).unwrap(), json!({"team": "orders", "stage": "test"}));
    assert_eq!(api.get(&streams).await["MaximumRetryAttempts"], 3);

    terraform.apply(true).await;
    let changed = api.get(&queues).await;
    assert_eq!(
        (&changed["State"], &changed["BatchSize"], changed.get("FilterCriteria"), &changed["ScalingConfig"]),
        (&json!("Disabled"), &json!(20), None, &json!({"MaximumConcurrency": 7}))
    );
    assert_eq!(changed["FunctionArn"], format!("{}:live", stage.function));
    assert_eq!(serde_json::to_value(api.tags(arn(&made)).await).unwrap(), json!({"team": "payments"}));
    let changed = api.get(&streams).await;
    assert_eq!((&changed["ParallelizationFactor"], &changed["MaximumRetryAttempts"]), (&json!(2), &json!(5)));
    assert_eq!(changed["DestinationConfig"], json!({"OnFailure": {}}));

    // Terraform forgets one, and takes it over again: there is nothing to change.
    let address = "aws_lambda_event_source_mapping.queue";
    terraform.done(&["state", "rm", address]).await;
    terraform.done(&["import", "-input=false", "-var=changed=true", address, &queues]).await;
    terraform.apply(true).await;
    terraform.apply(false).await;
    assert_eq!(uuid(&api.get(&queues).await), queues, "it is still the same mapping");
    terraform.done(&["destroy", "-auto-approve", "-input=false"]).await;
    assert_eq!(api.list(json!({})).await, [] as [Value; 0]);
    drop(terraform);
    stage.journal.comes(0, &texts, false).await;
    stage.api.stop().await;
}
