//! Whole files through the door that the command line takes.

mod answers;
mod broken;
mod never_panics;
mod overrides;
mod resources;
mod sam;
mod serverless;
mod templates;

use std::path::Path;

use serde_json::Value;

use super::{Dialect, Import, Options, Taken, import};

/// The time of these tests: 2026-11-20T08:30:00Z, in milliseconds since the Unix epoch.
const NOW: u64 = 1_795_163_400_000;

fn options(parameters: &[(&str, &str)]) -> Options {
    let parameters = parameters.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Options { dialect: Dialect::Auto, parameters, now: NOW, ..Options::default() }
}

fn read(text: &str, options: &Options) -> Import {
    import(Path::new("file.yaml"), text, options, &mut Taken::default())
        .unwrap_or_else(|diagnostic| panic!("{}\n{text}", diagnostic.render(false)))
}

/// The only mapping of a text from which nothing is left out.
fn only(text: &str, parameters: &[(&str, &str)]) -> Value {
    let import = read(text, &options(parameters));
    assert_eq!(import.left, [], "{text}");
    assert_eq!(import.mappings.len(), 1, "{text}");
    says(&import, 0)
}

/// What the file of a mapping says.
fn says(import: &Import, index: usize) -> Value {
    serde_saphyr::from_str(&import.mappings[index].text).unwrap()
}

/// What is left out of a text that gives no mapping: line, what and why.
fn left(text: &str, parameters: &[(&str, &str)]) -> Vec<(usize, String, String)> {
    let import = read(text, &options(parameters));
    assert!(import.mappings.is_empty(), "{text}\n{:?}", import.mappings);
    import.left.into_iter().map(|left| (left.line, left.what, left.why)).collect()
}

/// The reason why the only mapping of a text is left out.
fn why(text: &str, parameters: &[(&str, &str)]) -> String {
    let left = left(text, parameters);
    assert_eq!(left.len(), 1, "{text}\n{left:?}");
    left[0].2.clone()
}
