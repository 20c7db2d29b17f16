//! The text of one file, and positions in it.

use std::ops::Range;
use std::path::{Path, PathBuf};

/// A range of bytes in a file's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    pub(crate) const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
}

/// Where a span begins, for people, and the line that shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// From 1.
    pub(crate) line: usize,
    /// From 1, in characters.
    pub(crate) column: usize,
    /// In characters, at least 1, cut at the line's end.
    pub(crate) length: usize,
    /// The line without its end.
    pub(crate) shown: String,
    /// The span within `shown`, in bytes.
    pub(crate) range: Range<usize>,
}

/// One file's text with its lines counted.
pub(crate) struct Text<'a> {
    pub(crate) file: PathBuf,
    pub(crate) text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Text<'a> {
    pub(crate) fn new(file: &Path, text: &'a str) -> Self {
        let after_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(after_breaks).collect();
        Self { file: file.into(), text, starts }
    }

    /// The place of a span. Total: a span outside the text is moved to its end.
    pub(crate) fn place(&self, span: Span) -> Place {
        let start = self.boundary(span.start);
        let line = self.index(start);
        let begin = self.starts.get(line).copied().unwrap_or(0);
        let end = self.starts.get(line + 1).copied().unwrap_or(self.text.len());
        let shown = self.text[begin..end].trim_end_matches(['\n', '\r']);
        let from = (start - begin).min(shown.len());
        let to = (self.boundary(span.end).max(start) - begin).min(shown.len());
        let to = from + shown[from..to].trim_end().len();
        Place {
            line: line + 1,
            column: shown[..from].chars().count() + 1,
            length: shown[from..to].chars().count().max(1),
            shown: shown.into(),
            range: from..to,
        }
    }

    /// The number of the line on which a span begins, from 1.
    pub(crate) fn line(&self, span: Span) -> usize {
        self.index(span.start) + 1
    }

    fn index(&self, at: usize) -> usize {
        self.starts.partition_point(|begin| *begin <= at).saturating_sub(1)
    }

    fn boundary(&self, at: usize) -> usize {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, start: usize, end: usize) -> (usize, usize, usize, String) {
        let place = Text::new(Path::new("f"), text).place(Span::new(start, end));
        (place.line, place.column, place.length, place.shown)
    }

    #[test]
    fn counts_lines_and_characters_from_one() {
        assert_eq!(place("a: 1\nbé: 2\n", 10, 11), (2, 5, 1, "bé: 2".into()));
        assert_eq!(place("a: 1\r\nb: 2\r\n", 9, 10), (2, 4, 1, "b: 2".into()));
    }

    #[test]
    fn keeps_to_one_line_and_to_the_text() {
        assert_eq!(place("a: b\n  c\n", 3, 8), (1, 4, 1, "a: b".into()));
        assert_eq!(place("a", 7, 9), (1, 2, 1, "a".into()));
        assert_eq!(place("", 0, 0), (1, 1, 1, String::new()));
        assert_eq!(place("é", 1, 2), (1, 1, 1, "é".into()));
    }
}
