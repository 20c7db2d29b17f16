//! `forebay import`: mapping files from what people already have.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};

use super::exit::{Exit, Outcome};
use super::folder;
use super::import_steps::next_steps;
use super::output::{colour_on_stderr, counted, say};
use crate::clock;
use crate::import::{Dialect, Import, Imported, LARGEST, Left, Options, Taken, import};

const AFTER_HELP: &str = "\
Some values are not in the files, such as names that CloudFormation generates. Give them with --parameter NAME=VALUE, \
where NAME is a parameter, a resource, RESOURCE.ATTRIBUTE, or another name from a message.
Exit codes: 0 all imported, 1 no mapping imported, 2 no file could be read, 3 something was left out.";

/// What a file is read as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum From {
    /// Detect it.
    #[default]
    Auto,
    /// `aws lambda list-event-source-mappings`, `get-event-source-mapping`, or mapping files.
    Aws,
    /// A template of CloudFormation.
    Cloudformation,
    /// A template of SAM.
    Sam,
    /// A serverless.yml.
    Serverless,
}

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ImportArgs {
    /// The format of the files
    #[arg(long, value_enum, default_value_t)]
    from: From,
    /// The folder for the mapping files, one for each mapping; "-" is stdout
    #[arg(short, long, value_name = "FOLDER", default_value = "mappings")]
    output: PathBuf,
    /// Replace files that exist
    #[arg(long)]
    force: bool,
    /// Write the mappings with `Enabled: false`: they do not poll until that changes
    #[arg(long)]
    disabled: bool,
    /// The region of the resources that the files declare. Default: that of a serverless.yml, else ${AWS_REGION}
    #[arg(long, value_name = "REGION", value_parser = region)]
    region: Option<String>,
    /// The account of the resources that the files declare. Default: ${AWS_ACCOUNT_ID}
    #[arg(long, value_name = "ACCOUNT", value_parser = account)]
    account: Option<String>,
    /// A value that the files refer to; may be repeated
    #[arg(short, long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
    /// Templates, serverless.yml files, or answers of AWS; "-" is stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl ImportArgs {
    pub(super) fn execute(self) -> Outcome {
        let options = Options {
            dialect: match self.from {
                From::Auto => Dialect::Auto,
                From::Aws => Dialect::Aws,
                From::Cloudformation | From::Sam => Dialect::Template,
                From::Serverless => Dialect::Serverless,
            },
            region: self.region,
            account: self.account,
            parameters: self.parameters.into_iter().collect(),
            disabled: self.disabled,
            now: clock::host_unix_ms(),
        };
        let mut taken = Taken::default();
        let (mut whole, mut unread) = (Import::default(), 0);
        for file in &self.files {
            match one(file, &options, &mut taken) {
                Ok(Import { mappings, left, notes, used, variables }) => {
                    if mappings.is_empty() && left.is_empty() {
                        say(&format!("{} has no event source mapping", shown(file)));
                    }
                    whole.mappings.extend(mappings);
                    whole.left.extend(left);
                    whole.notes.extend(notes);
                    whole.used.extend(used);
                    whole.variables.extend(variables);
                }
                Err(told) => {
                    unread += 1;
                    say(&told);
                }
            }
        }
        let files = whole.mappings.iter().map(|Imported { name, text, .. }| (name.as_str(), text.as_str()));
        folder::write(&self.output, self.force, &files.collect::<Vec<_>>())?;
        Ok(report(&whole, unread, self.files.len(), &options))
    }
}

/// Reports what was left out, what else matters, and what to do next.
fn report(whole: &Import, unread: usize, files: usize, options: &Options) -> Exit {
    if unread == files {
        return Exit::Usage;
    }
    for Left { file, line, what, why, help } in &whole.left {
        let [what, why, help] = [what, why, help].map(|text| printable(text));
        say(&format!("left out: {what}\n  --> {}:{line}\n  why:  {why}\n  then: {help}", shown(file)));
    }
    for note in &whole.notes {
        say(&format!("note: {}", printable(note)));
    }
    for name in options.parameters.keys().filter(|name| !whole.used.contains(*name)) {
        say(&format!("note: --parameter {name} is not used: nothing refers to it"));
    }
    for name in &whole.variables {
        let instead = match name.as_str() {
            "AWS_REGION" => "; --region writes the region instead",
            "AWS_ACCOUNT_ID" => "; --account writes the account instead",
            _ => "",
        };
        say(&format!("note: set the variable {name} when forebay reads these files{instead}"));
    }
    let (carried, left) = (whole.mappings.len(), whole.left.len());
    let things = if left == 1 { "thing was" } else { "things were" };
    say(&format!("{} imported, {left} {things} left out", counted(carried, "mapping")));
    next_steps(&whole.mappings, options.disabled).iter().for_each(|step| say(step));
    match (carried, left + unread) {
        (0, _) => Exit::Failed,
        (_, 0) => Exit::Done,
        _ => Exit::Partly,
    }
}

/// A text of a file, without what would steer a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The mappings of one file; an error is what is to be said.
fn one(file: &Path, options: &Options, taken: &mut Taken) -> Result<Import, String> {
    let text = read(file).map_err(|error| format!("error: {error:#}"))?;
    let name = if is_stdin(file) { Path::new("stdin") } else { file };
    import(name, &text, options, taken).map_err(|diagnostic| diagnostic.render(colour_on_stderr()))
}

fn read(file: &Path) -> anyhow::Result<String> {
    let name = shown(file);
    let mut bytes = Vec::new();
    let source: Box<dyn Read> = if is_stdin(file) {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(file).with_context(|| format!("{name} cannot be read"))?)
    };
    source.take(LARGEST + 1).read_to_end(&mut bytes).with_context(|| format!("{name} cannot be read"))?;
    if bytes.len() as u64 > LARGEST {
        let most = LARGEST / 1024 / 1024;
        return Err(anyhow!(
            "{name} is larger than {most} MiB\nhelp: import a part of it: only mappings and what they refer to matter"
        ));
    }
    String::from_utf8(bytes).map_err(|_| anyhow!("{name} is not UTF-8\nhelp: save it as UTF-8"))
}

fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

fn shown(file: &Path) -> String {
    if is_stdin(file) { "stdin".into() } else { file.display().to_string() }
}

fn region(text: &str) -> Result<String, String> {
    let sound = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let is_region = sound && text.starts_with(|c: char| c.is_ascii_lowercase());
    if is_region { Ok(text.into()) } else { Err("write a region such as eu-central-1".into()) }
}

fn account(text: &str) -> Result<String, String> {
    let is_account = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_account { Ok(text.into()) } else { Err("an account has 12 digits".into()) }
}

fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("write NAME=VALUE".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_its_arguments() {
        assert_eq!(parameter("Stage=prod").unwrap(), ("Stage".into(), "prod".into()));
        assert_eq!(parameter("Pattern=a=b").unwrap(), ("Pattern".into(), "a=b".into()));
        assert_eq!(parameter("Empty=").unwrap(), ("Empty".into(), String::new()));
        for text in ["", "=x", "Stage"] {
            assert!(parameter(text).is_err(), "{text}");
        }
        assert!(region("eu-central-1").is_ok() && account("123456789012").is_ok());
        for text in ["", "EU", "eu central", "-x", "${X}"] {
            assert!(region(text).is_err(), "{text}");
        }
        for text in ["", "12", "1234567890123", "12345678901x"] {
            assert!(account(text).is_err(), "{text}");
        }
    }
}
