//! Where the characters of a scalar's text stand in the file: errors in a pattern that is written as JSON text point
//! into it.

use super::text::Span;

/// For each byte of a scalar's text, and for its end, the offset in the file. None where the text is not the scalar's
/// as it stands there: an alias, a text with variables filled in, or one with escapes that name a character by its
/// number.
///
/// YAML's other quotes, escapes, folding and indentation only add white space, quotes and backslashes, so the
/// characters of the text are found one after the other.
pub(crate) fn align(file: &str, span: Span, text: &str) -> Option<Vec<usize>> {
    let source = file.get(span.start..span.end)?;
    let added = |c: char| c.is_ascii_whitespace() || matches!(c, '\'' | '"' | '\\');
    // Behind the line with a block's indicators, or behind the quote.
    let mut at = match source.chars().next()? {
        '|' | '>' => source.find('\n')? + 1,
        first => usize::from(matches!(first, '\'' | '"')),
    };
    let mut offsets = Vec::with_capacity(text.len() + 1);
    for c in text.chars() {
        let rest = &source[at..];
        let (skipped, length) = if c.is_ascii_whitespace() {
            // It stands there, or as an escape, or comes from folding.
            match rest.as_bytes() {
                [b'\\', b'n' | b't' | b'r', ..] => (0, 2),
                [byte, ..] if char::from(*byte) == c => (0, 1),
                _ => (0, 0),
            }
        } else {
            let skipped = rest.find(|found| found == c || !added(found))?;
            (skipped, rest[skipped..].strip_prefix(c).map(|_| c.len_utf8())?)
        };
        // An escaped quote begins with its backslash.
        let begins = at + skipped - usize::from(rest[..skipped].ends_with('\\'));
        offsets.resize(offsets.len() + c.len_utf8(), span.start + begins);
        at += skipped + length;
    }
    offsets.push(span.start + at);
    Some(offsets)
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
            "p: \"{\\\"a\\\": [\\\"é\\\\\\\\\\\", X]}\"\n",
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
        assert_eq!(found("p: \"{\\\"\\u00e9\\\": 1}\"\n", "1"), None);
        assert_eq!(found("a: &x '{\"a\": 1}'\np: *x\n", "a"), None);
        let file = "p: '${A}'\n";
        assert_eq!(align(file, Span::new(3, 9), "{\"a\": 1}"), None);
        assert_eq!(align(file, Span::new(3, 99), "x"), None);
        assert_eq!(align("p: ''", Span::new(3, 5), ""), Some(vec![4]));
    }
}
