//! What the documentation shows: every command and flag exists, and every mapping is valid.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::Place;

/// Flags in the text that belong to other programs.
const OF_OTHERS: [&str; 7] = ["--endpoint-url", "--help", "--limit", "--no-enabled", "--noise", "--ulimit", "--uuid"];

/// The first keys of YAML that is none of forebay's.
const OTHER_YAML: [&str; 8] =
    ["Resources", "apiVersion", "functions", "groups", "scrape_configs", "service", "services", "spec"];

const OF_STREAMS: [&str; 6] = [
    "BisectBatchOnFunctionError",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "StartingPosition",
    "TumblingWindowInSeconds",
];

/// A block of code, or a span of code within a line.
struct Code {
    /// The page and the line, for messages.
    at: String,
    /// The last heading before it.
    heading: String,
    /// What follows the fence, or nothing for a span.
    kind: Option<String>,
    text: String,
}

#[test]
fn every_command_and_flag_of_the_docs_exists() {
    let mut helps = Helps { place: Place::new(), texts: BTreeMap::new() };
    let mut wrong = Vec::new();
    for code in documentation() {
        match code.kind.as_deref() {
            Some("" | "sh" | "bash" | "console") => {
                for line in joined(&code.text) {
                    wrong.extend(invocations(&line).iter().filter_map(|words| helps.problem(words, &code.at)));
                }
            }
            None if code.text.starts_with("forebay ") => {
                wrong.extend(invocations(&code.text).iter().filter_map(|words| helps.problem(words, &code.at)));
            }
            None => {
                let flag = code.text.split(' ').next().and_then(flag).filter(|flag| flag.starts_with("--"));
                if let Some(flag) = flag.filter(|flag| !OF_OTHERS.contains(flag) && !helps.anywhere(flag)) {
                    wrong.push(format!("{}: no command has {flag}", code.at));
                }
            }
            _ => {}
        }
    }
    assert!(helps.texts.len() > 15, "the docs show hardly any command: {:?}", helps.texts.keys());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_mapping_of_the_docs_is_valid() {
    let place = Place::new();
    let (mut valid, mut refused, mut wrong) = (0, 0, Vec::new());
    for code in documentation() {
        let Some(kind) = code.kind.as_deref().filter(|kind| kind.starts_with("yaml")) else { continue };
        let first = code.text.lines().find(|line| !line.starts_with('#')).unwrap_or_default();
        if OTHER_YAML.iter().any(|key| first.starts_with(&format!("{key}:"))) {
            continue;
        }
        place.write("docs.yaml", &completed(&code.text));
        let mut command = place.forebay(&["validate", "docs.yaml", "-o", "json"]);
        command.env("ACCOUNT_ID", "123456789012").env("AWS_ACCOUNT_ID", "123456789012").env("STAGE", "");
        let output = command.env("MY_STAGE", "dev").env("ORDERS_TOKEN", "secret").output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        if kind == "yaml refused" {
            refused += 1;
            let wanted = code.heading.split(':').next().filter(|code| code.starts_with("FB")).unwrap_or("FB");
            if output.status.code() != Some(2) || !said.contains(wanted) {
                wrong.push(format!("{}: is not refused with {wanted}\n{said}", code.at));
            }
        } else {
            valid += 1;
            if !output.status.success() {
                wrong.push(format!("{}: is not valid\n{said}", code.at));
            }
        }
    }
    assert!(valid > 40 && refused > 10, "{valid} mappings, {refused} that are refused");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A part of a mapping with what else a mapping needs.
fn completed(text: &str) -> String {
    let mut whole = text.to_owned();
    let stream = text.contains(":kinesis:") || text.contains(":dynamodb:");
    if !["EventSourceArn:", "Queue:", "Stream:"].iter().any(|key| text.contains(key)) {
        let source = if OF_STREAMS.iter().any(|name| text.contains(name)) {
            "kinesis:us-east-1:000000000000:stream/clicks"
        } else {
            "sqs:us-east-1:000000000000:orders"
        };
        whole.push_str(&format!("EventSourceArn: arn:aws:{source}\n"));
    }
    if !text.contains("FunctionName:") {
        whole.push_str("FunctionName: process\n");
    }
    if (stream || whole.contains(":kinesis:")) && !text.contains("StartingPosition:") {
        whole.push_str("StartingPosition: TRIM_HORIZON\n");
    }
    whole
}

/// The help of every command that was asked about.
struct Helps {
    place: Place,
    texts: BTreeMap<String, Option<String>>,
}

impl Helps {
    fn text(&mut self, command: &[&str]) -> Option<&str> {
        let place = &self.place;
        let entry = self.texts.entry(command.join(" ")).or_insert_with(|| {
            let output = place.forebay(&[command, &["--help"]].concat()).output().unwrap();
            output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
        });
        entry.as_deref()
    }

    /// What is wrong with a command, given by its words.
    fn problem(&mut self, words: &[String], at: &str) -> Option<String> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let below =
            usize::from(matches!(words[0], "checkpoint" | "store") && words.get(1).is_some_and(|word| is_name(word)));
        let command = &words[..=below];
        let Some(help) = self.text(command) else {
            return Some(format!("{at}: there is no command {}", command.join(" ")));
        };
        let missing: Vec<_> = words.iter().filter_map(|word| flag(word)).filter(|flag| !names(help, flag)).collect();
        (!missing.is_empty()).then(|| format!("{at}: {} has no {}", command.join(" "), missing.join(", ")))
    }

    fn anywhere(&mut self, flag: &str) -> bool {
        for verb in
            ["run", "validate", "stop", "checkpoint import", "checkpoint set", "filter", "invoke", "import", "health"]
        {
            let command: Vec<&str> = verb.split(' ').collect();
            if self.text(&command).is_some_and(|help| names(help, flag)) {
                return true;
            }
        }
        false
    }
}

fn names(help: &str, flag: &str) -> bool {
    help.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| word == flag)
}

/// The flag that a word of a command or of its usage is.
fn flag(word: &str) -> Option<&str> {
    let word = word.trim_matches(['[', ']', '…', ',']).split('=').next()?;
    let name = word.trim_start_matches('-');
    let is_flag = word.starts_with("--") || (word.starts_with('-') && word.len() == 2);
    (is_flag && name.starts_with(|c: char| c.is_ascii_alphabetic())).then_some(word)
}

fn is_name(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase())
}

/// The words behind each `forebay` of a line that stands where a command begins.
fn invocations(line: &str) -> Vec<Vec<String>> {
    let words: Vec<&str> = line.split_whitespace().take_while(|word| !word.starts_with('#')).collect();
    let begins = |at: usize| match words[at] {
        "<(forebay" | "$(forebay" => true,
        "forebay" => at == 0 || ["|", "$", "&&", "--", "exec", "time"].contains(&words[at - 1]),
        _ => false,
    };
    let ends = |at: usize| match words[at] {
        ">" | "<" | "&" | "&&" | ";" => true,
        // In a usage, a bar stands between flags.
        "|" => !words.get(at + 1).is_some_and(|next| next.starts_with('-')),
        _ => false,
    };
    let mut found = Vec::new();
    for at in (0..words.len()).filter(|at| begins(*at)) {
        let end = (at + 1..words.len()).find(|at| ends(*at)).unwrap_or(words.len());
        let after: Vec<_> = words[at + 1..end].iter().map(|word| word.trim_end_matches(')').to_owned()).collect();
        if after.first().is_some_and(|verb| is_name(verb)) {
            found.push(after);
        }
    }
    found
}

/// The lines of a block, each with those that go on with it.
fn joined(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        match lines.last_mut().filter(|_| open || line.trim_start().starts_with('[')) {
            Some(last) => {
                last.push(' ');
                last.push_str(line.trim().trim_end_matches('\\'));
            }
            None => lines.push(line.trim().trim_end_matches('\\').to_owned()),
        }
        open = line.ends_with('\\') || line.ends_with('|');
    }
    lines
}

/// All code of all pages.
fn documentation() -> Vec<Code> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = Vec::new();
    for folder in [root.to_owned(), root.join("demo"), root.join("docs")] {
        collect(&folder, folder.ends_with("docs"), &mut pages);
    }
    assert!(pages.len() > 20, "{pages:?}");
    let mut code = Vec::new();
    for page in pages.iter().filter(|page| !page.ends_with("CHANGELOG.md")) {
        let name = page.strip_prefix(root).unwrap().display().to_string();
        read(&name, &fs::read_to_string(page).unwrap(), &mut code);
    }
    code
}

fn collect(folder: &Path, deep: bool, pages: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && deep {
            collect(&path, deep, pages);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
}

fn read(page: &str, text: &str, found: &mut Vec<Code>) {
    let (mut heading, mut block) = (String::new(), None::<(usize, Code)>);
    for (number, line) in text.lines().enumerate() {
        let at = || format!("{page}:{}", number + 1);
        let fence = line.trim_start().strip_prefix("```");
        match (&mut block, fence) {
            (Some(_), Some(_)) => found.extend(block.take().map(|(_, code)| code)),
            (Some((indent, code)), None) => {
                code.text.push_str(line.get(*indent..).unwrap_or_default());
                code.text.push('\n');
            }
            (None, Some(kind)) => {
                let indent = line.len() - line.trim_start().len();
                let kind = Some(kind.trim().to_owned());
                block = Some((indent, Code { at: at(), heading: heading.clone(), kind, text: String::new() }));
            }
            (None, None) => {
                if let Some(text) = line.strip_prefix("## ") {
                    heading = text.to_owned();
                }
                let spans = line.split('`').skip(1).step_by(2);
                found.extend(spans.map(|text| Code {
                    at: at(),
                    heading: heading.clone(),
                    kind: None,
                    text: text.to_owned(),
                }));
            }
        }
    }
}
