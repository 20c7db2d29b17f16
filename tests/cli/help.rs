//! What the command line says of itself.

use crate::support::Place;

const VERBS: [&str; 20] = [
    "run",
    "validate",
    "list",
    "status",
    "start",
    "stop",
    "restart",
    "reload",
    "checkpoint",
    "fleet",
    "store",
    "invoke",
    "filter",
    "import",
    "export",
    "health",
    "schema",
    "completions",
    "explain",
    "version",
];

#[test]
fn help_of_every_verb() {
    let place = Place::new();
    insta::assert_snapshot!("help", place.stdout(&["--help"]));
    for verb in VERBS {
        insta::assert_snapshot!(format!("help_{verb}"), place.stdout(&[verb, "--help"]));
    }
}

#[test]
fn nothing_at_all_is_answered_with_help_on_stderr() {
    let place = Place::new();
    let output = place.forebay(&[]).assert().code(2);
    assert!(output.get_output().stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.get_output().stderr).contains("Usage: forebay <COMMAND>"));
}

#[test]
fn what_the_command_line_cannot_be() {
    let place = Place::new();
    for (arguments, said) in [
        (vec!["lst"], "unrecognized subcommand 'lst'"),
        (vec!["list", "--outptu", "json"], "unexpected argument '--outptu'"),
        (vec!["list", "-o", "xml"], "[possible values: table, wide, json, yaml]"),
        (vec!["run", "--drain-timeout", "30"], "write 30s for seconds"),
        (vec!["run", "--drain-timeout", "soon"], "write a duration such as 30s"),
        (vec!["run", "--store", "dynamodb://a/b"], "write dynamodb://TABLE or dynamodb://TABLE?region=REGION"),
        (vec!["run", "--lease-time", "1s"], "write 5s to 5m"),
        (vec!["run", "--save-every", "10m"], "write 1s to 5m"),
        (vec!["store", "create", "./forebay.redb"], "is no table"),
        (
            vec!["store", "describe", "dynamodb://fleet", "--as", "pulumi"],
            "[possible values: terraform, cloudformation, iam]",
        ),
        (vec!["run", "--store", "redis://x"], "there is no store of the kind \"redis\""),
        (vec!["run", "--log-format", "xml"], "[possible values: text, json]"),
        (vec!["start"], "<NAME>..."),
        (vec!["stop", "orders", "--all"], "cannot be used with"),
        (vec!["stop", "orders", "--timeout", "3s"], "--wait"),
        (vec!["completions", "tcsh"], "[possible values:"),
        (vec!["explain"], "<CODE>"),
        (vec!["filter"], "--pattern <JSON>"),
        (vec!["filter", "--pattern", "{}", "--source", "kafka"], "[possible values: sqs, kinesis, dynamodb, event]"),
        (vec!["filter", "--pattern", "{}", "-f", "mappings"], "cannot be used with"),
        (vec!["filter", "--pattern", "{}", "--peek", "5"], "cannot be used with"),
        (vec!["filter", "-f", "mappings", "orders", "--peek", "0"], "1..=100"),
        (vec!["filter", "-f", "mappings", "orders", "a", "b"], "unexpected value 'b'"),
        (vec!["filter", "-f", "mappings", "--source", "sqs"], "cannot be used with"),
        (vec!["import"], "<FILE>..."),
        (vec!["import", "a", "--from", "terraform"], "[possible values: auto, aws, cloudformation, sam, serverless]"),
        (vec!["import", "a", "--region", "EU"], "write a region such as eu-central-1"),
        (vec!["import", "a", "--account", "12"], "an account has 12 digits"),
        (vec!["import", "a", "--parameter", "Stage"], "write NAME=VALUE"),
        (vec!["import", "absent.yaml"], "absent.yaml cannot be read"),
        (vec!["export", "--store", "memory"], "help: ask the running forebay: omit --store"),
        (vec!["checkpoint"], "Usage: forebay checkpoint <COMMAND>"),
        (vec!["checkpoint", "list", "-o", "yaml"], "[possible values: table, json]"),
        (vec!["checkpoint", "set", "orders", "shardId-0"], "<POSITION>"),
        (vec!["checkpoint", "set", "orders", "shardId-0", "SOON"], "\"SOON\" is no position: write TRIM_HORIZON"),
        (vec!["checkpoint", "set", "orders", "a/b", "END"], "\"a/b\" is not a shard id: it has 1 to 128 letters"),
        (vec!["checkpoint", "set", "orders", "a", "END", "--source", "arn"], "--store <PATH>"),
        (vec!["checkpoint", "set", "orders"], "<SHARD> <POSITION>"),
        (vec!["checkpoint", "set", "orders", "--all"], "<SHARD> <POSITION>"),
        (vec!["checkpoint", "set", "orders", "--all", "7"], "belongs to one shard"),
        (vec!["checkpoint", "set", "orders", "--all", "a", "END"], "--all takes no shard"),
        (vec!["restart"], "<NAME>..."),
        (vec!["reload", "orders"], "unexpected argument 'orders'"),
        (vec!["explain", "FB0201", "--list"], "cannot be used with"),
        (vec!["checkpoint", "list", "--store", "memory"], "help: ask the running forebay: omit --store"),
        (vec!["checkpoint", "list", "--store", "dynamodb://leases"], "omit --store"),
    ] {
        let error = place.stderr(&arguments, 2);
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
}

#[test]
fn variables_stand_for_the_flags_of_run() {
    let place = Place::new();
    for (name, value, said) in [
        ("FOREBAY_STORE", "dynamodb://", "write dynamodb://TABLE"),
        ("FOREBAY_DRAIN_TIMEOUT", "soon", "write a duration such as 30s"),
        ("FOREBAY_LOG_FORMAT", "xml", "[possible values: text, json]"),
        ("FOREBAY_FILE", "absent.yaml", "absent.yaml"),
        ("RUST_LOG", "forebay=loud", "is not a log filter"),
        ("FOREBAY_CONTROL_TOKEN", "short", "at least 16 are needed"),
    ] {
        let output = place.forebay(&["run"]).env(name, value).assert().code(2);
        let error = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        assert!(error.contains(said), "{name}: {error}");
    }
}
