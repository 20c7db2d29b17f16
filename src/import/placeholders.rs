//! Where the variables of `serverless.yml` stand in a text, and what stands in them.

/// A part of a text.
pub(super) enum Part<'a> {
    Literal(&'a str),
    /// What stands between `${` and `}`.
    Variable(&'a str),
}

/// Whether what follows a `${` is a variable of Serverless's: `kind:…` or `kind(…`, and not `AWS::…` or a name for
/// `Sub`.
fn is_variable(inner: &str) -> bool {
    let inner = inner.trim_start();
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').unwrap_or(inner.len());
    let after = &inner[end..];
    end > 0 && (after.starts_with('(') || (after.starts_with(':') && !after.starts_with("::")))
}

/// The parts of a text; none where a variable does not end.
pub(super) fn parts(text: &str) -> Option<Vec<Part<'_>>> {
    let mut found = Vec::new();
    let mut from = 0;
    let mut at = 0;
    while let Some(next) = text[at..].find("${") {
        let start = at + next;
        let inner = &text[start + 2..];
        // Nested variables may come first: `${${self:kind}:…}`.
        if !is_variable(inner) && !inner.starts_with("${") {
            at = start + 2;
            continue;
        }
        let end = closing(inner)?;
        if start > from {
            found.push(Part::Literal(&text[from..start]));
        }
        found.push(Part::Variable(&inner[..end]));
        from = start + 2 + end + 1;
        at = from;
    }
    if from < text.len() || found.is_empty() {
        found.push(Part::Literal(&text[from..]));
    }
    Some(found)
}

/// Where the brace is that closes a variable.
fn closing(inner: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    for (at, c) in inner.char_indices() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            (_, Some(_)) => {}
            ('\'' | '"', None) => quote = Some(c),
            ('{', None) => depth += 1,
            ('}', None) if depth == 0 => return Some(at),
            ('}', None) => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The sources of a variable: they stand between commas, but for those in quotes, braces and parentheses.
pub(super) fn sources(inner: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut from, mut depth, mut quote) = (0, 0_usize, None);
    for (at, c) in inner.char_indices() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            (_, Some(_)) => {}
            ('\'' | '"', None) => quote = Some(c),
            ('{' | '(', None) => depth += 1,
            ('}' | ')', None) => depth = depth.saturating_sub(1),
            (',', None) if depth == 0 => {
                found.push(&inner[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    found.push(&inner[from..]);
    found
}
