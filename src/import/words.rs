//! Text for a mapping file: what stands for itself, and what forebay fills in when it reads the file.

use std::borrow::Cow;

/// A text of literal parts and of parts that are already written as mapping files want them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    /// `${NAME}` or `${NAME:-default}`, or a text that came from a mapping file.
    Written(String),
}

impl Words {
    pub(super) fn literal(text: impl Into<String>) -> Self {
        let text = text.into();
        let pieces = if text.is_empty() { Vec::new() } else { vec![Piece::Literal(text)] };
        Self { pieces }
    }

    /// A text in which variables are written as in mapping files.
    pub(super) fn written(text: impl Into<String>) -> Self {
        let text = text.into();
        // What holds no `${` means the same either way.
        if text.contains("${") { Self { pieces: vec![Piece::Written(text)] } } else { Self::literal(text) }
    }

    pub(super) fn push(&mut self, other: Self) {
        for piece in other.pieces {
            match (self.pieces.last_mut(), piece) {
                (Some(Piece::Literal(last)), Piece::Literal(text)) => last.push_str(&text),
                (_, piece) => self.pieces.push(piece),
            }
        }
    }

    /// One text of several.
    pub(super) fn joined(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut joined = Self::default();
        parts.into_iter().for_each(|part| joined.push(part));
        joined
    }

    pub(super) fn push_literal(&mut self, text: &str) {
        self.push(Self::literal(text));
    }

    /// The text, where nothing in it is yet to be filled in.
    pub(super) fn as_literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// In bytes.
    pub(super) fn len(&self) -> usize {
        self.pieces.iter().map(|piece| piece.text().len()).sum()
    }

    /// The text as it is written into a mapping file. None where that cannot be: a `$` just before a variable would
    /// make it a literal `${`.
    pub(super) fn render(&self) -> Option<String> {
        let mut text = String::with_capacity(self.len());
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => {
                    if text.ends_with('$') && literal.starts_with('{') {
                        return None;
                    }
                    text.push_str(&literal.replace("${", "$${"));
                }
                Piece::Written(written) if text.ends_with('$') && written.starts_with("${") => return None,
                Piece::Written(written) => text.push_str(written),
            }
        }
        Some(text)
    }

    /// The text for messages and names.
    pub(super) fn show(&self) -> Cow<'_, str> {
        match self.pieces.as_slice() {
            [piece] => Cow::Borrowed(piece.text()),
            pieces => pieces.iter().map(Piece::text).collect::<String>().into(),
        }
    }

    /// Parts between delimiters. A delimiter within a variable is none.
    pub(super) fn split(&self, delimiter: &str) -> Vec<Self> {
        let mut parts = vec![Self::default()];
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) if !delimiter.is_empty() => {
                    for (index, part) in text.split(delimiter).enumerate() {
                        if index > 0 {
                            parts.push(Self::default());
                        }
                        if let Some(last) = parts.last_mut() {
                            last.push_literal(part);
                        }
                    }
                }
                piece => {
                    if let Some(last) = parts.last_mut() {
                        last.push(Self { pieces: vec![piece.clone()] });
                    }
                }
            }
        }
        parts
    }

    /// Fills in what literal parts ask for.
    pub(super) fn map_literals(&self, mut fill: impl FnMut(&str) -> Self) -> Self {
        let mut filled = Self::default();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => filled.push(fill(text)),
                written @ Piece::Written(_) => filled.push(Self { pieces: vec![written.clone()] }),
            }
        }
        filled
    }
}

impl From<&str> for Words {
    fn from(literal: &str) -> Self {
        Self::literal(literal)
    }
}

impl Piece {
    fn text(&self) -> &str {
        match self {
            Self::Literal(text) | Self::Written(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::interpolate;

    fn of(parts: &[(&str, bool)]) -> Words {
        let mut words = Words::default();
        for (text, literal) in parts {
            words.push(if *literal { Words::literal(*text) } else { Words::written(*text) });
        }
        words
    }

    #[test]
    fn what_is_rendered_is_filled_in_again() {
        for literal in ["", "plain", "${A}", "$${A}", "$", "$$", "a$", "${", "}${${", "$ {", "é${é}"] {
            let rendered = Words::literal(literal).render().unwrap();
            let filled = interpolate::fill(&rendered, &|_| None).unwrap();
            assert_eq!(filled.text, literal, "{rendered}");
        }
        let words = of(&[("arn:${x}:", true), ("${R:-us}", false), (":q", true)]);
        assert_eq!(words.render().unwrap(), "arn:$${x}:${R:-us}:q");
        assert_eq!(interpolate::fill(&words.render().unwrap(), &|_| None).unwrap().text, "arn:${x}:us:q");
    }

    #[test]
    fn a_dollar_before_a_variable_cannot_be_written() {
        assert_eq!(of(&[("cost$", true), ("${A:-1}", false)]).render(), None);
        assert!(of(&[("cost$ ", true), ("${A:-1}", false)]).render().is_some());
    }

    #[test]
    fn variables_are_not_split() {
        let words = of(&[("arn:aws:sqs:", true), ("${R:-us}", false), (":1:q", true)]);
        let parts: Vec<_> = words.split(":").iter().map(|part| part.render().unwrap()).collect();
        assert_eq!(parts, ["arn", "aws", "sqs", "${R:-us}", "1", "q"]);
        assert_eq!(words.split("").len(), 1);
        assert_eq!(words.as_literal(), None);
        assert_eq!(of(&[("a", true), ("b", true)]).as_literal(), Some("ab"));
    }
}
