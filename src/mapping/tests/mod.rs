//! Whole files through the public door.

mod accepted;
mod broken;
mod broken_destinations;
mod broken_filters;
mod broken_http;
mod broken_lines;
mod broken_streams;
mod broken_targets;
mod definitions;
mod files;
mod filters;
mod http;
mod never_panics;
mod streams;
mod targets;

use std::path::Path;

use super::{Loaded, Mapping, parse_at};

/// The time of these tests: 2026-11-20T08:30:00Z, in milliseconds since the Unix epoch.
const NOW: u64 = 1_795_163_400_000;

/// The variables of these tests.
fn env(name: &str) -> Option<String> {
    match name {
        "QUEUE" => Some("arn:aws:sqs:us-east-1:000000000000:orders".into()),
        "SIZE" => Some("5".into()),
        "ON" => Some("false".into()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn read(text: &str) -> Loaded {
    parse_at(Path::new("orders.yaml"), text, &env, NOW)
}

/// The mappings of a text that must be clean.
fn clean(text: &str) -> Vec<Mapping> {
    let loaded = read(text);
    let rendered: Vec<_> = loaded.diagnostics.iter().map(|diagnostic| diagnostic.render(false)).collect();
    assert!(rendered.is_empty(), "{text}\n{}", rendered.join("\n\n"));
    loaded.mappings
}
