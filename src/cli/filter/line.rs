//! The line that is printed for a record.

use std::io::{self, Write};

use anyhow::Context;
use serde::Serialize;

use super::super::exit::Exit;
use crate::filter::{Filters, Outcome, Verdict, View};
use crate::machine::{Screened, Screening, ScreeningPolicy};
use crate::mapping::Mapping;

/// What is said of a record. Stable: members are added, never renamed.
#[derive(Debug, Serialize)]
struct Line<'a> {
    /// Of a record that was taken from a source.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<&'a str>,
    #[serde(rename = "match")]
    matches: bool,
    /// The first pattern that matches, from 0; where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<usize>,
    /// Why the patterns cannot be held against the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    undecidable: Option<String>,
    /// What the mapping would do with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    would: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patterns: Option<Vec<Of>>,
}

/// What became of one pattern.
#[derive(Debug, Default, Serialize)]
struct Of {
    #[serde(rename = "match")]
    matches: bool,
    /// The first field that failed, what the pattern wants there, and what the record has.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wanted: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undecidable: Option<String>,
}

/// Where a record was taken from.
pub(super) struct Origin<'a> {
    pub(super) id: &'a str,
    pub(super) shard: Option<&'a str>,
}

/// Prints a line for each record, and counts.
pub(super) struct Lines {
    filters: Filters,
    /// Of a mapping: the word for dropping a record of its source, and what becomes of what does not pass.
    mapping: Option<(&'static str, ScreeningPolicy)>,
    explain: bool,
    count: usize,
    missed: usize,
}

impl Lines {
    pub(super) fn new(filters: Filters, mapping: Option<&Mapping>, explain: bool) -> Self {
        let mapping = mapping.map(|mapping| (mapping.source.rules().drops.0, mapping.poller.screening));
        Self { filters, mapping, explain, count: 0, missed: 0 }
    }

    pub(super) const fn view(&self) -> View {
        self.filters.view()
    }

    /// How many records there were.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// Whether all records matched.
    pub(super) const fn exit(&self) -> Exit {
        if self.missed == 0 { Exit::Done } else { Exit::Failed }
    }

    /// Says what becomes of a record. False when the reader of stdout is gone.
    pub(super) fn print(&mut self, origin: Option<&Origin<'_>>, record: &[u8]) -> anyhow::Result<bool> {
        let line = self.line(origin, record);
        self.count += 1;
        self.missed += usize::from(!line.matches);
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        let mut stdout = io::stdout().lock();
        match stdout.write_all(&text).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            done => done.map(|()| true).context("stdout cannot be written"),
        }
    }

    fn line<'a>(&self, origin: Option<&Origin<'a>>, record: &[u8]) -> Line<'a> {
        let verdict = if self.filters.is_empty() { None } else { Some(self.filters.decide(record)) };
        let several = self.filters.patterns().len() > 1;
        let (screening, pattern, undecidable) = match verdict {
            None => (Screening::Passes, None, None),
            Some(Verdict::Match(pattern)) => (Screening::Passes, several.then_some(pattern), None),
            Some(Verdict::NoMatch) => (Screening::FilteredOut, None, None),
            Some(Verdict::Undecidable(why)) => (Screening::Undecidable(why.in_short()), None, Some(why.to_string())),
        };
        Line {
            id: origin.map(|origin| origin.id),
            shard: origin.and_then(|origin| origin.shard),
            matches: screening == Screening::Passes,
            pattern,
            undecidable,
            would: self.mapping.map(|(drop, policy)| would(policy.of(screening), drop)),
            patterns: self
                .explain
                .then(|| self.filters.explain(record).into_iter().map(|explanation| of(explanation.outcome)).collect()),
        }
    }
}

/// What a mapping does with a record, in a word.
const fn would(screened: Screened, drop: &'static str) -> &'static str {
    match screened {
        Screened::Deliver => "deliver",
        Screened::Drop => drop,
        Screened::Release => "release",
        Screened::Destination => "send to destination",
    }
}

fn of(outcome: Outcome) -> Of {
    match outcome {
        Outcome::Matched => Of { matches: true, ..Of::default() },
        Outcome::Failed { path, wanted, found } => {
            Of { field: Some(path), wanted: Some(wanted), found: Some(found), ..Of::default() }
        }
        Outcome::Undecidable(why) => Of { undecidable: Some(why.to_string()), ..Of::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Pattern;

    fn line(patterns: &[&str], policy: Option<(&'static str, ScreeningPolicy)>, explain: bool, record: &str) -> String {
        let patterns = patterns.iter().map(|text| Pattern::parse(text).unwrap()).collect();
        let filters = Filters::new(View::Sqs, patterns).unwrap();
        let lines = Lines { filters, mapping: policy, explain, count: 0, missed: 0 };
        serde_json::to_string(&lines.line(None, record.as_bytes())).unwrap()
    }

    const TYPE: &str = r#"{"body": {"type": ["a"]}}"#;
    const PLAIN: &str = r#"{"body": ["hello"]}"#;

    #[test]
    fn a_line_says_no_more_than_is_asked() {
        let record = r#"{"body": "{\"type\": \"a\"}"}"#;
        assert_eq!(line(&[TYPE], None, false, record), r#"{"match":true}"#);
        assert_eq!(line(&[PLAIN, TYPE], None, false, record), r#"{"match":true,"pattern":1}"#);
        assert_eq!(line(&[TYPE], None, false, r#"{"body": "{}"}"#), r#"{"match":false}"#);
        assert_eq!(line(&[], None, true, record), r#"{"match":true,"patterns":[]}"#);
    }

    #[test]
    fn explanations_name_the_field_and_undecidable_is_no_match() {
        let found = line(&[TYPE], None, true, r#"{"body": "{\"type\": \"b\"}"}"#);
        assert!(
            found.starts_with(r#"{"match":false,"patterns":[{"match":false,"field":"body.type","wanted":""#),
            "{found}"
        );
        let plain = line(&[TYPE], None, true, r#"{"body": "hello"}"#);
        let why = "the pattern looks into `body`, but the body is not a JSON object or list";
        let expected =
            format!(r#"{{"match":false,"undecidable":"{why}","patterns":[{{"match":false,"undecidable":"{why}"}}]}}"#);
        assert_eq!(plain, expected);
    }

    #[test]
    fn a_mapping_says_what_it_would_do() {
        let of = |drop, filtered_out, undecidable, record| {
            line(&[TYPE], Some((drop, ScreeningPolicy { filtered_out, undecidable })), false, record)
        };
        let (hit, miss, plain) = (r#"{"body": "{\"type\": \"a\"}"}"#, r#"{"body": "{}"}"#, r#"{"body": "x"}"#);
        assert_eq!(of("delete", Screened::Drop, Screened::Drop, hit), r#"{"match":true,"would":"deliver"}"#);
        assert_eq!(of("delete", Screened::Drop, Screened::Deliver, miss), r#"{"match":false,"would":"delete"}"#);
        assert_eq!(of("pass over", Screened::Drop, Screened::Drop, miss), r#"{"match":false,"would":"pass over"}"#);
        assert_eq!(of("delete", Screened::Release, Screened::Drop, miss), r#"{"match":false,"would":"release"}"#);
        let deliver = of("delete", Screened::Destination, Screened::Deliver, plain);
        assert!(deliver.ends_with(r#","would":"deliver"}"#) && deliver.contains("undecidable"), "{deliver}");
        let send = of("delete", Screened::Destination, Screened::Destination, plain);
        assert!(send.ends_with(r#","would":"send to destination"}"#), "{send}");
    }
}
