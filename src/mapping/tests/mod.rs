//! Whole files through the public door.

mod accepted;
mod broken;
mod files;
mod never_panics;

use std::path::Path;

use super::{Loaded, Mapping, parse};

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
    parse(Path::new("orders.yaml"), text, &env)
}

/// The mappings of a text that must be clean.
fn clean(text: &str) -> Vec<Mapping> {
    let loaded = read(text);
    let rendered: Vec<_> = loaded.diagnostics.iter().map(|diagnostic| diagnostic.render(false)).collect();
    assert!(rendered.is_empty(), "{text}\n{}", rendered.join("\n\n"));
    loaded.mappings
}
