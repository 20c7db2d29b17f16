//! Reads the sources: the machine is pure, and modules depend on each other in one direction only.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::rust_text::{bare, paths, test_modules, without_test_modules};

/// What the pure modules may use of the standard library.
const PURE_STD: [&str; 22] = [
    "std::borrow",
    "std::cmp",
    "std::collections::BTreeMap",
    "std::collections::BTreeSet",
    "std::collections::BinaryHeap",
    "std::collections::VecDeque",
    "std::collections::btree_map",
    "std::convert",
    "std::error",
    "std::fmt",
    "std::hash",
    "std::iter",
    "std::marker",
    "std::mem",
    "std::net::Ipv4Addr",
    "std::net::Ipv6Addr",
    "std::num",
    "std::ops",
    "std::str",
    "std::sync::Arc",
    "std::time::Duration",
    "std::vec",
];

/// The crates that they may use.
const PURE_CRATES: [&str; 9] = [
    "base64_simd",
    "bytes",
    "fastrand::Rng",
    "jiff::Timestamp",
    "memchr",
    "serde",
    "serde_json",
    "thiserror",
    "xxhash_rust",
];

/// Words that have no place in them: clocks, chance without a seed, order without order, tasks, output.
const IMPURE_WORDS: [&str; 16] = [
    "HashMap",
    "HashSet",
    "Instant",
    "SystemTime",
    "RandomState",
    "async",
    "await",
    "tokio",
    "tracing",
    "println",
    "eprintln",
    "print",
    "eprint",
    "dbg",
    "thread_local",
    "static",
];

/// Files and folders of the API whose words are texts alone: they make no request, and get the time as an argument.
const STILL: [&str; 5] =
    ["aws_api/definition.rs", "aws_api/error.rs", "aws_api/paging.rs", "aws_api/request", "aws_api/shape.rs"];

/// Words that have no place in those.
const UNQUIET_WORDS: [&str; 11] = [
    "Instant",
    "SystemTime",
    "HashMap",
    "async",
    "await",
    "tokio",
    "fastrand",
    "fs",
    "println",
    "eprintln",
    "thread_local",
];

/// For each module, the others that it may use. A module that is not listed here may use everything.
const DIRECTIONS: [(&str, &[&str]); 21] = [
    ("machine", &[]),
    ("fleet", &["machine"]),
    ("filter", &[]),
    ("clock", &[]),
    ("crowd", &[]),
    ("json", &[]),
    ("parameters", &["machine"]),
    ("mapping", &["filter", "machine", "parameters"]),
    ("source", &["aws", "clock", "json", "machine", "mapping"]),
    ("function", &["aws", "clock", "crowd", "machine", "mapping"]),
    ("destination", &["aws", "json", "machine", "mapping"]),
    ("store", &["aws", "clock", "fleet", "machine"]),
    ("aws", &["clock", "machine"]),
    ("telemetry", &["clock", "machine", "mapping"]),
    (
        "engine",
        &["clock", "destination", "filter", "fleet", "function", "machine", "mapping", "source", "store", "telemetry"],
    ),
    ("connector", &["aws", "clock", "destination", "engine", "function", "machine", "mapping", "source"]),
    ("import", &["mapping", "parameters"]),
    ("replica", &["clock", "engine", "fleet", "machine", "store"]),
    ("view", &["engine", "fleet", "function", "machine", "mapping"]),
    ("control", &["crowd", "engine", "machine", "mapping", "telemetry", "view"]),
    ("aws_api", &["clock", "engine", "function", "machine", "mapping", "parameters", "source", "store", "view"]),
];

/// The engine knows its ports, never what stands behind them.
const ADAPTERS: [&str; 5] = [
    "crate::source::sqs",
    "crate::source::SqsQueue",
    "crate::function::lambda",
    "crate::function::LambdaFunction",
    "crate::store::EmbeddedStore",
];

/// A source file without its comments, strings and tests.
struct Source {
    /// Relative to `src`.
    file: String,
    /// The module that it is in: `machine`, `cli`, or the file itself at the top.
    module: String,
    text: String,
    paths: BTreeSet<String>,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let texts: Vec<(PathBuf, String)> = files
        .into_iter()
        .map(|file| {
            let text = bare(&fs::read_to_string(&file).expect("a source file can be read"));
            (file, text)
        })
        .collect();
    let tests: BTreeSet<PathBuf> = texts.iter().flat_map(|(file, text)| test_files(file, text)).collect();
    let is_test = |file: &Path| tests.iter().any(|test| file.starts_with(test));
    texts
        .iter()
        .filter(|(file, _)| !is_test(file))
        .map(|(file, text)| {
            let relative = file.strip_prefix(&root).expect("it was found there");
            let mut modules: Vec<String> =
                relative.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
            if modules.last().is_some_and(|last| last == "mod" || last == "lib") {
                modules.pop();
            }
            let text = without_test_modules(text);
            let paths = paths(&text, &modules);
            Source {
                file: relative.to_string_lossy().replace('\\', "/"),
                module: modules.first().cloned().unwrap_or_default(),
                text,
                paths,
            }
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src can be read") {
        let path = entry.expect("src can be read").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The files and folders of the modules that a file declares for tests only.
fn test_files(file: &Path, text: &str) -> Vec<PathBuf> {
    let name = file.file_stem().expect("a file has a name").to_string_lossy();
    let folder = file.parent().expect("a file is in a folder");
    let folder =
        if name == "mod" || name == "lib" || name == "main" { folder.to_path_buf() } else { folder.join(&*name) };
    test_modules(text).into_iter().flat_map(|name| [folder.join(format!("{name}.rs")), folder.join(name)]).collect()
}

fn begins(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn is_pure(module: &str) -> bool {
    matches!(module, "filter" | "fleet" | "machine")
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

/// What is impure in a pure source.
fn impurities(source: &Source, crates: &BTreeSet<String>) -> Vec<String> {
    let mut found = Vec::new();
    for path in &source.paths {
        let root = path.split("::").next().unwrap_or_default();
        let allowed = match root {
            "std" | "core" | "alloc" => PURE_STD.iter().any(|allowed| begins(path, allowed)),
            _ if crates.contains(root) => PURE_CRATES.iter().any(|allowed| begins(path, allowed)),
            _ => true,
        };
        if !allowed {
            found.push(format!("{}: {path}", source.file));
        }
    }
    // Lifetimes are written 'static; the word alone is global state.
    let text = source.text.replace("'static", "");
    let impure = words(&text).filter(|word| IMPURE_WORDS.contains(word));
    found.extend(impure.map(|word| format!("{}: the word {word}", source.file)));
    for unseeded in ["Rng::new", "Rng::default", "fastrand::Rng::new"] {
        if source.paths.iter().any(|path| path.ends_with(unseeded)) {
            found.push(format!("{}: {unseeded}", source.file));
        }
    }
    found
}

/// What asks the world in a source that is to be still.
fn unquiet(source: &Source) -> Vec<String> {
    let found = words(&source.text).filter(|word| UNQUIET_WORDS.contains(word));
    found.map(|word| format!("{}: the word {word}", source.file)).collect()
}

/// What a source uses against the direction.
fn detours(source: &Source) -> Vec<String> {
    let Some((_, allowed)) = DIRECTIONS.iter().find(|(module, _)| *module == source.module) else { return Vec::new() };
    let mut found = Vec::new();
    for path in &source.paths {
        let Some(rest) = path.strip_prefix("crate::") else { continue };
        let target = rest.split("::").next().unwrap_or_default();
        let known = DIRECTIONS.iter().any(|(module, _)| *module == target) || target == "cli";
        if known && target != source.module && !allowed.contains(&target) {
            found.push(format!("{}: {path}", source.file));
        }
        if source.module == "engine" && ADAPTERS.iter().any(|adapter| begins(path, adapter)) {
            found.push(format!("{}: {path}", source.file));
        }
    }
    found
}

/// The crates that `Cargo.toml` names, as Rust writes them.
fn dependencies() -> BTreeSet<String> {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).expect("it is there");
    let section = manifest.split("\n[dependencies]\n").nth(1).expect("there are dependencies");
    let section = section.split("\n[").next().unwrap_or_default();
    section.lines().filter_map(|line| line.split_once(" =")).map(|(name, _)| name.trim().replace('-', "_")).collect()
}

#[test]
fn the_machine_is_pure() {
    let crates = dependencies();
    assert!(crates.contains("tokio") && crates.contains("aws_sdk_sqs"), "{crates:?}");
    let pure: Vec<Source> = sources().into_iter().filter(|source| is_pure(&source.module)).collect();
    assert!(pure.len() > 10, "the machine's sources are looked for in the wrong place");
    let found: Vec<String> = pure.iter().flat_map(|source| impurities(source, &crates)).collect();
    assert!(found.is_empty(), "these have no place in a pure module:\n{}", found.join("\n"));
}

#[test]
fn what_the_api_says_and_takes_is_decided_without_a_look_at_the_world() {
    let still = |source: &Source| STILL.iter().any(|place| source.file.starts_with(place));
    let still: Vec<Source> = sources().into_iter().filter(still).collect();
    assert!(!still.is_empty(), "the API's sources are looked for in the wrong place");
    let found: Vec<String> = still.iter().flat_map(unquiet).collect();
    assert!(found.is_empty(), "these have no place there:\n{}", found.join("\n"));
}

#[test]
fn modules_depend_in_one_direction() {
    let sources = sources();
    assert!(sources.iter().any(|source| source.module == "engine"), "the engine's sources are gone");
    let found: Vec<String> = sources.iter().flat_map(detours).collect();
    assert!(found.is_empty(), "these go against docs/architecture.md:\n{}", found.join("\n"));
}

#[test]
fn what_is_forbidden_is_found() {
    let source = |module: &str, text: &str| {
        let text = without_test_modules(&bare(text));
        let modules = [module.to_owned(), "part".to_owned()];
        Source { file: format!("{module}/part.rs"), module: module.into(), paths: paths(&text, &modules), text }
    };
    let crates = dependencies();
    let impure = [
        "use std::time::Instant;",
        "use std::{fmt, time::{Duration, SystemTime}};",
        "fn f() { let n = fastrand::u32(..); }",
        "fn f() { let rng = fastrand::Rng::new(); }",
        "fn f() { tokio::spawn(x()); }",
        "use std::collections::HashMap;",
        "fn f() { std::thread::sleep(d); }",
        "fn f() { println!(\"x\"); }",
        "use std::sync::Mutex;",
        "async fn f() {}",
        "use aws_sdk_sqs as x;",
        "static COUNT: AtomicU64 = AtomicU64::new(0);",
    ];
    for text in impure {
        assert!(!impurities(&source("machine", text), &crates).is_empty(), "{text}");
    }
    let pure = [
        "use std::time::Duration; use std::sync::Arc; use fastrand::Rng; fn f(r: &'static str) {}",
        "// use std::fs;\nfn f() { g(\"tokio::spawn\"); }",
        "#[cfg(test)]\nmod tests { use std::fs; fn f() { println!(); } }",
        "use super::batcher::Batcher; use crate::machine::Mono;",
    ];
    for text in pure {
        assert_eq!(impurities(&source("machine", text), &crates), Vec::<String>::new(), "{text}");
        assert_eq!(detours(&source("machine", text)), Vec::<String>::new(), "{text}");
    }
    let astray = [
        ("machine", "use crate::engine::Ports;"),
        ("machine", "use super::super::mapping::Mapping;"),
        ("mapping", "fn f() { crate::engine::spawn(x); }"),
        ("engine", "use crate::{machine::Fault, aws::Sdk};"),
        ("engine", "use crate::source::{QueueSource, sqs::SqsQueue};"),
        ("source", "use crate::engine::Ports;"),
        ("control", "use crate::connector::AwsConnector;"),
        ("control", "use crate::import::import;"),
        ("aws", "use crate::engine::Connector;"),
        ("aws", "use crate::source::QueueSource;"),
        ("mapping", "use crate::function::FunctionSettings;"),
        ("store", "use crate::mapping::Mapping;"),
        ("engine", "use crate::aws_api::ApiError;"),
        ("engine", "use crate::view::MappingStatus;"),
        ("telemetry", "use crate::engine::Snapshot;"),
        ("aws_api", "use crate::connector::AwsConnector;"),
        ("aws_api", "use crate::control::Api;"),
    ];
    for (module, text) in astray {
        assert!(!detours(&source(module, text)).is_empty(), "{module}: {text}");
    }
    for text in ["use std::time::SystemTime;", "async fn f() {}", "fn f() { std::fs::read(x); }"] {
        assert!(!unquiet(&source("aws_api", text)).is_empty(), "{text}");
    }
    let quiet = "static TABLE: [u8; 1] = [1]; // now\nfn f(now_unix_ms: u64) { g(\"tokio\"); }";
    assert_eq!(unquiet(&source("aws_api", quiet)), Vec::<String>::new());
}
