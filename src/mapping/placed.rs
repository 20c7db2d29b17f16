//! Where the characters of a scalar's text stand in the file: errors in a pattern that is written as JSON text point into it.

use super::text::Span;

/// For each byte of a scalar's text, and for its end, the offset in the file. None where the text is not the scalar's as it stands there:
/// an alias, or a text with variables filled in.
///
/// YAML's quotes, escapes, folding and indentation change nothing but white space and escapes, so the other characters are found one
/// after the other.
pub(crate) fn align(file: &str, span: Span, text: &str) -> Option<Vec<usize>> {
    let source = file.get(span.start..span.end)?;
    let mut walk = Walk::new(source)?;
    let mut offsets = Vec::with_capacity(text.len() + 1);
    for c in text.chars() {
        let at = if c.is_ascii_whitespace() { walk.blank(c) } else { walk.find(c)? };
        offsets.resize(offsets.len() + c.len_utf8(), span.start + at);
    }
    offsets.push(span.start + walk.at);
    Some(offsets)
}

#[derive(PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
}

struct Walk<'a> {
    source: &'a str,
    at: usize,
    style: Style,
}

impl<'a> Walk<'a> {
    fn new(source: &'a str) -> Option<Self> {
        let (style, at) = match source.chars().next()? {
            '\'' => (Style::Single, 1),
            '"' => (Style::Double, 1),
            // Behind the line with the block's indicators.
            '|' | '>' => (Style::Plain, source.find('\n')? + 1),
            _ => (Style::Plain, 0),
        };
        Some(Self { source, at, style })
    }

    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    /// White space of the text: it stands there, or comes from folding.
    fn blank(&mut self, wanted: char) -> usize {
        let at = self.at;
        match self.one() {
            Some((c, length)) if c == wanted => self.at += length,
            _ => {}
        }
        at
    }

    /// The next character that is not white space must be this one.
    fn find(&mut self, wanted: char) -> Option<usize> {
        loop {
            let (found, length) = self.one()?;
            let at = self.at;
            self.at += length;
            if found == wanted {
                return Some(at);
            }
            if !found.is_ascii_whitespace() {
                return None;
            }
        }
    }

    /// What stands next, and how many bytes it takes.
    fn one(&self) -> Option<(char, usize)> {
        let c = self.rest().chars().next()?;
        match (&self.style, c) {
            (Style::Single, '\'') => self.rest().starts_with("''").then_some(('\'', 2)),
            (Style::Double, '"') => None,
            (Style::Double, '\\') => escape(self.rest()),
            _ => Some((c, c.len_utf8())),
        }
    }
}

/// The character that an escape of a text in double quotes stands for. An escaped line break is white space.
fn escape(rest: &str) -> Option<(char, usize)> {
    let c = rest.chars().nth(1)?;
    let digits = match c {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => 0,
    };
    if digits == 0 {
        let meant = match c {
            '"' | '\\' | '/' | ' ' | '\t' | '\n' | '\r' => c,
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            _ => return None,
        };
        return Some((meant, 1 + c.len_utf8()));
    }
    let unit = |from: usize| u32::from_str_radix(rest.get(from..from + digits)?, 16).ok();
    let first = unit(2)?;
    if (0xd800..0xdc00).contains(&first) && rest.get(6..8) == Some("\\u") {
        let second = unit(8)?;
        let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
        return Some((char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + low)?, 12));
    }
    Some((char::from_u32(first)?, 2 + digits))
}

#[cfg(test)]
mod tests {
    use super::super::events::documents;
    use super::super::tree::NodeKind;
    use super::*;

    /// The file from where a piece of the text of `p` is said to stand.
    fn found<'a>(file: &'a str, piece: &str) -> Option<&'a str> {
        let (nodes, flaw) = documents(file);
        assert!(flaw.is_none(), "{file}");
        let entries = nodes[0].as_map().unwrap();
        let (_, node) = entries.iter().find(|(key, _)| key.as_text() == Some("p")).unwrap();
        let NodeKind::Scalar { text, .. } = &node.kind else { panic!("{file}") };
        let offsets = align(file, node.span, text)?;
        assert_eq!(offsets.len(), text.len() + 1);
        Some(&file[offsets[text.find(piece).unwrap_or_else(|| panic!("{text:?} lacks {piece}"))]..])
    }

    #[test]
    fn finds_characters_in_every_style() {
        for file in [
            "p: '{\"a\": [\"é\", X]}'\n",
            "p: '{\"it''s\": X}'\n",
            "p: \"{\\\"a\\\": [\\\"\\u00e9\\\\\\\\\\\", X]}\"\n",
            "p: \"{\\\"\\ud83d\\ude00\\\": X}\"\n",
            "{\"p\": \"{\\\"a\\\":\\n\\tX}\"}\n",
            "p: '{\"a\":\n\n     [1, X]}'\n",
            "p: \"{\\\"a\\\": \\\n    X}\"\n",
            "p: |\n  {\n    \"a\": [\n      X\n    ]\n  }\n",
            "p: >-\n  {\"a\":\n   [1,\n\n  X]}\nq: 1\n",
            "o:\n  - 1\np: plain\n   and X\n",
        ] {
            assert!(found(file, "X").is_some_and(|rest| rest.starts_with('X')), "{file}\n{:?}", found(file, "X"));
        }
    }

    #[test]
    fn does_not_guess() {
        assert_eq!(found("a: &x '{\"a\": 1}'\np: *x\n", "a"), None);
        let file = "p: '${A}'\n";
        assert_eq!(align(file, Span::new(3, 9), "{\"a\": 1}"), None);
        assert_eq!(align(file, Span::new(3, 99), "x"), None);
        assert_eq!(align("p: ''", Span::new(3, 5), ""), Some(vec![4]));
    }
}
