//! What is wrong, where, and what to write instead.

use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use serde::Serialize;

use super::code::Code;
use super::text::{Place, Span, Text};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The mapping cannot run.
    Error,
    /// The mapping runs, and likely not as it was meant.
    Warning,
}

/// One problem of one file. As JSON: all members but the shown line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Stable; `forebay explain` says more.
    pub code: Code,
    /// Whether the mapping can run.
    pub severity: Severity,
    /// As it was given or found.
    pub file: PathBuf,
    /// From 1; none where the problem is the file as a whole.
    pub line: Option<usize>,
    /// From 1, in characters.
    pub column: Option<usize>,
    /// How many characters of the line are meant.
    pub length: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// The mapping, where it is known.
    pub mapping: Option<String>,
    /// The parameter that is missing or that its source does not take; else empty.
    #[serde(skip)]
    pub(crate) parameter: &'static str,
    #[serde(skip)]
    shown: Option<Place>,
}

impl Diagnostic {
    /// A problem of a file as a whole, or of what stands behind it.
    pub(crate) fn of_file(code: Code, severity: Severity, file: &Path, message: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            file: file.into(),
            line: None,
            column: None,
            length: None,
            message: message.into(),
            help: None,
            mapping: None,
            parameter: "",
            shown: None,
        }
    }

    /// A problem of one place in a text.
    pub(crate) fn at(code: Code, severity: Severity, text: &Text<'_>, span: Span, message: impl Into<String>) -> Self {
        let place = text.place(span);
        Self {
            line: Some(place.line),
            column: Some(place.column),
            length: Some(place.length),
            shown: Some(place),
            ..Self::of_file(code, severity, &text.file, message)
        }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Whether the mapping cannot run.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The problem as people read it: code, message, file, line, the line itself with the
    /// offending token underlined, and the help. Several lines, no line end after the last.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(self.message.as_str()).id(self.code.as_str());
        let path = self.file.display().to_string();
        let mut group = match &self.shown {
            Some(place) => title.element(
                Snippet::source(place.shown.as_str())
                    .path(path)
                    .line_start(place.line)
                    .annotation(AnnotationKind::Primary.span(place.range.clone())),
            ),
            None => title.element(Origin::path(path)),
        };
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_the_line_with_a_caret_under_the_token() {
        let text = Text::new(Path::new("orders.yaml"), "Name: a\nBatchSize: 0\n");
        let diagnostic = Diagnostic::at(Code::OutOfRange, Severity::Error, &text, Span::new(19, 20), "0 is too small")
            .with_help("write a number from 1 to 10000");
        let shown = [
            "error[FB0201]: 0 is too small",
            " --> orders.yaml:2:12",
            "  |",
            "2 | BatchSize: 0",
            "  |            ^",
            "  |",
            "  = help: write a number from 1 to 10000",
        ];
        assert_eq!(diagnostic.render(false).lines().collect::<Vec<_>>(), shown);
        assert!(diagnostic.render(true).contains("\u{1b}["));
    }

    #[test]
    fn renders_a_whole_file() {
        let diagnostic =
            Diagnostic::of_file(Code::FileEmpty, Severity::Error, Path::new("a.yaml"), "the file is empty");
        assert_eq!(diagnostic.render(false), "error[FB0005]: the file is empty\n--> a.yaml");
    }

    #[test]
    fn serialises_without_the_shown_line() {
        let text = Text::new(Path::new("a.yaml"), "x");
        let diagnostic = Diagnostic::at(Code::UnknownKey, Severity::Error, &text, Span::new(0, 1), "m").with_help("h");
        assert_eq!(
            serde_json::to_string(&diagnostic).unwrap(),
            r#"{"code":"FB0101","severity":"error","file":"a.yaml","line":1,"column":1,"length":1,"message":"m","help":"h","mapping":null}"#
        );
    }
}
