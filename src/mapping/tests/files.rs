//! Paths, folders and files on a disk.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::mapping::{Loaded, Origin, SourceKind, SourceSpec, load};

fn mapping(queue: &str) -> String {
    format!("EventSourceArn: arn:aws:sqs:us-east-1:000000000000:{queue}\nFunctionName: f\n")
}

fn load_all(paths: &[PathBuf]) -> Loaded {
    load(paths, &|_| None, super::NOW)
}

fn codes(loaded: &Loaded) -> Vec<&'static str> {
    loaded.diagnostics.iter().map(|diagnostic| diagnostic.code.as_str()).collect()
}

#[test]
fn a_folder_gives_its_files_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    for (name, text) in [
        ("b.yaml", mapping("b")),
        ("a.yml", mapping("a")),
        ("c.json", "{\"EventSourceArn\": \"arn:aws:sqs:us-east-1:000000000000:c\", \"FunctionName\": \"f\"}".into()),
        ("schema.json", "{}".into()),
        ("README.md", "no".into()),
        (".hidden.yaml", "no".into()),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    fs::create_dir(folder.path().join("below.yaml")).unwrap();
    let loaded =
        load_all(&[folder.path().into(), folder.path().join("b.yaml"), folder.path().join(".").join("b.yaml")]);
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    assert_eq!(loaded.mappings.iter().map(|mapping| mapping.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(loaded.mappings[1].origin, Origin::File(folder.path().join("b.yaml")));
}

#[test]
fn every_path_that_fails_is_told() {
    let folder = TempDir::new().unwrap();
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let latin = folder.path().join("latin.yaml");
    fs::write(&latin, b"Name: a\nTags: { x: \"\xe9\" }\n").unwrap();
    let large = folder.path().join("large.yaml");
    fs::write(&large, "# a line of a very large file\n".repeat(50_000)).unwrap();
    let good = folder.path().join("good.txt");
    fs::write(&good, mapping("good")).unwrap();
    let loaded = load_all(&[folder.path().join("absent.yaml"), empty, latin, large, good]);
    let mut found = codes(&loaded);
    found.sort_unstable();
    assert_eq!(found, ["FB0002", "FB0003", "FB0004", "FB0006"]);
    assert!(loaded.diagnostics.iter().any(|diagnostic| diagnostic.message.contains("line 2")));
    assert_eq!(loaded.mappings.len(), 1, "the good file is loaded all the same");
}

#[cfg(unix)]
#[test]
fn what_cannot_be_read_is_told() {
    let folder = TempDir::new().unwrap();
    // A link to itself cannot be followed, whoever asks.
    let around = folder.path().join("around.yaml");
    std::os::unix::fs::symlink(&around, &around).unwrap();
    assert_eq!(codes(&load_all(&[folder.path().into()])), ["FB0001"]);
}

#[test]
fn names_and_pairs_are_compared_across_files() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.yaml"), format!("Name: one\n{}", mapping("q"))).unwrap();
    fs::write(folder.path().join("b.yaml"), format!("Name: one\n{}", mapping("q"))).unwrap();
    let loaded = load_all(&[folder.path().into()]);
    assert_eq!(codes(&loaded), ["FB0304", "FB0305"]);
    assert!(loaded.diagnostics[0].message.contains("a.yaml:1"), "{}", loaded.diagnostics[0].message);
    assert_eq!(loaded.mappings.len(), 1);
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let below = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("bomb.yaml");
    fs::write(&file, bomb).unwrap();
    assert_eq!(codes(&load_all(&[file])), ["FB0006"]);
}

#[test]
fn the_problems_of_one_file_are_bounded() {
    let keys: String = (0..40_000).map(|number| format!("\"k{number}\": {number}, ")).collect();
    let items = "{}, ".repeat(60_000);
    for text in [format!("{{ {keys} \"Name\": \"a\" }}"), format!("[ {items} {{}} ]")] {
        let loaded = crate::mapping::parse(&PathBuf::from("many.json"), &text, &|_| None);
        assert_eq!(loaded.diagnostics.len(), 201);
        assert!(loaded.mappings.is_empty());
        assert!(loaded.diagnostics.iter().any(|diagnostic| diagnostic.message.contains("more problems")));
    }
}

#[test]
fn the_examples_of_the_docs_are_clean() {
    let docs = [include_str!("../../../docs/mapping-files.md"), include_str!("../../../docs/fifo.md")];
    let blocks = |docs: &'static str| docs.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let blocks: Vec<_> = docs.into_iter().flat_map(blocks).collect();
    assert!(blocks.len() >= 6);
    for block in blocks {
        let mut text = block.to_owned();
        if !text.contains("FunctionName:") {
            text.push_str("FunctionName: f\n");
        }
        if !text.contains("EventSourceArn:") && !text.contains("Queue:") {
            text.push_str("EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\n");
        }
        let env = |name: &str| (name == "ACCOUNT_ID").then(|| "123456789012".to_owned());
        let loaded = crate::mapping::parse(&PathBuf::from("docs.yaml"), &text, &env);
        assert!(loaded.diagnostics.is_empty(), "{text}\n{:?}", loaded.diagnostics);
    }
}

#[test]
fn the_examples_are_clean() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("mappings");
    let loaded = load_all(&[folder]);
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    let [clicks, orders, orders_fifo, payments, stock] = loaded.mappings.try_into().unwrap();
    assert_eq!((clicks.source.kind(), stock.source.kind()), (SourceKind::Kinesis, SourceKind::DynamoDb));
    for stream in [clicks, stock] {
        assert!(crate::mapping::lint(&stream, None, None).is_empty(), "{}", stream.name);
    }
    assert_eq!((orders.name.as_str(), orders.function.name.as_str()), ("orders", "process-orders"));
    assert!(orders.report_batch_item_failures);
    assert!(matches!(&orders.source, SourceSpec::Queue(queue) if queue.maximum_concurrency.is_some()));
    for fifo in [orders_fifo.source, payments.source] {
        assert_eq!(fifo.kind(), SourceKind::Fifo);
    }
    assert!(orders_fifo.report_batch_item_failures && payments.on_failure.is_some());
}
