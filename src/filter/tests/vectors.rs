//! Vectors of AWS's behaviour that lie beside the project, not in it. Where they are absent the test says so and
//! passes.

use std::path::PathBuf;
use std::{env, fs};

use serde::Deserialize;

use crate::filter::{Filters, Pattern, Verdict, View};

#[derive(Deserialize)]
struct Vector {
    id: String,
    layer: String,
    pattern: String,
    event: String,
    expect: serde_json::Value,
    tags: Vec<String>,
}

impl Vector {
    /// Those that we may decide otherwise, if `docs/filters.md` says how.
    fn is_quirk(&self) -> bool {
        self.tags.iter().any(|tag| tag == "quirk" || tag == "legacy-or")
    }

    fn expected(&self) -> String {
        self.expect.as_str().map_or_else(|| self.expect.to_string(), str::to_owned)
    }

    fn decided(&self) -> String {
        let view = match &self.layer[..] {
            "esm-sqs" => View::Sqs,
            "esm-kinesis" => View::Kinesis,
            "esm-ddb" => View::DynamoDb,
            _ => View::Event,
        };
        let Ok(pattern) = Pattern::parse(&self.pattern) else { return "error".into() };
        let Ok(filters) = Filters::new(view, vec![pattern]) else { return "error".into() };
        matches!(filters.decide(self.event.as_bytes()), Verdict::Match(_)).to_string()
    }
}

#[test]
fn vectors_are_decided_as_aws_does() {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/filter-vectors.jsonl");
    let path = env::var_os("FOREBAY_FILTER_VECTORS").map_or_else(beside, PathBuf::from);
    let Ok(text) = fs::read_to_string(&path) else {
        println!("filter vectors: skipped: not present ({})", path.display());
        return;
    };
    let vectors: Vec<Vector> = text.lines().map(|line| serde_json::from_str(line).expect("a vector a line")).collect();
    let (quirks, gated): (Vec<&Vector>, Vec<&Vector>) = vectors.iter().partition(|vector| vector.is_quirk());
    let differing = |vectors: &[&Vector]| -> Vec<String> {
        let differs = vectors.iter().filter(|vector| vector.decided() != vector.expected());
        differs.map(|vector| format!("{} ({}, expected {})", vector.id, vector.decided(), vector.expected())).collect()
    };
    let (failed, otherwise) = (differing(&gated), differing(&quirks));
    println!("filter vectors: {} passed, {} failed", gated.len() - failed.len(), failed.len());
    println!("filter quirks: {} of {} decided otherwise: {}", otherwise.len(), quirks.len(), otherwise.join(", "));
    assert!(failed.is_empty(), "these differ from AWS:\n{}", failed.join("\n"));
    assert!(gated.len() > 100, "the vectors are gone from {}", path.display());
}
