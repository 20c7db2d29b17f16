//! `${NAME}` and `${NAME:-default}` in values, taken from the environment.

/// Answers for a variable; none when it is not set.
pub(crate) type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A text with its variables filled in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Filled {
    pub(crate) text: String,
    /// The text was one interpolation and nothing else: its value may stand for a number or a boolean.
    pub(crate) whole: bool,
}

/// An interpolation that has no value; `token` is its text as it stands in the value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unfilled {
    Undefined { token: String, name: String },
    Malformed { token: String, why: &'static str },
}

/// Fills in every variable, or says which cannot be.
pub(crate) fn fill(text: &str, env: Env<'_>) -> Result<Filled, Vec<Unfilled>> {
    let mut filled = String::with_capacity(text.len());
    let mut unfilled = Vec::new();
    let mut rest = text;
    let mut whole = false;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            filled.push_str(&rest[..at]);
            filled.push('{');
            rest = &rest[at + 2..];
            continue;
        }
        filled.push_str(&rest[..at]);
        let inner = &rest[at + 2..];
        let Some(end) = inner.find('}') else {
            unfilled.push(malformed(&rest[at..], "it has no closing brace"));
            rest = "";
            break;
        };
        let token = &rest[at..at + 2 + end + 1];
        whole = token.len() == text.len();
        match variable(&inner[..end], env) {
            Ok(value) => filled.push_str(&value),
            Err(None) => unfilled.push(Unfilled::Undefined { token: token.into(), name: inner[..end].into() }),
            Err(Some(why)) => unfilled.push(malformed(token, why)),
        }
        rest = &inner[end + 1..];
    }
    filled.push_str(rest);
    if unfilled.is_empty() { Ok(Filled { text: filled, whole }) } else { Err(unfilled) }
}

fn malformed(token: &str, why: &'static str) -> Unfilled {
    Unfilled::Malformed { token: token.into(), why }
}

fn variable(inner: &str, env: Env<'_>) -> Result<String, Option<&'static str>> {
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(Some("a variable's name has letters, digits and underscores only, and no digit first"));
    }
    match (env(name), default) {
        (_, Some(default)) if default.contains("${") => Err(Some("a default may not hold another interpolation")),
        (Some(value), Some(default)) if value.is_empty() => Ok(default.into()),
        (Some(value), _) => Ok(value),
        (None, Some(default)) => Ok(default.into()),
        (None, None) => Err(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Filled, Vec<Unfilled>> {
        fill(text, &|name| match name {
            "A" => Some("one".into()),
            "EMPTY" => Some(String::new()),
            _ => None,
        })
    }

    fn text(of: &str) -> String {
        read(of).unwrap().text
    }

    #[test]
    fn fills_in_values_and_defaults() {
        assert_eq!(read("${A}").unwrap(), Filled { text: "one".into(), whole: true });
        assert_eq!(read("x-${A}-${A}").unwrap(), Filled { text: "x-one-one".into(), whole: false });
        assert_eq!(text("${B:-two}${EMPTY:-three}${EMPTY}${B:-}"), "twothree");
        assert_eq!(text("${B:-arn:aws:sqs}"), "arn:aws:sqs");
    }

    #[test]
    fn leaves_other_dollars_alone() {
        assert_eq!(text("$${A} $A $ {A} a$ $"), "${A} $A $ {A} a$ $");
        assert!(!read("plain").unwrap().whole);
        assert!(!read("$${A}").unwrap().whole);
    }

    #[test]
    fn reports_every_variable_that_has_no_value() {
        let undefined = |token: &str, name: &str| Unfilled::Undefined { token: token.into(), name: name.into() };
        assert_eq!(read("${B} ${A} ${C}"), Err(vec![undefined("${B}", "B"), undefined("${C}", "C")]));
        for bad in ["${", "${A", "${}", "${1}", "${a-b}", "${A:-${B}}", "${ A }"] {
            assert!(matches!(read(bad).unwrap_err()[0], Unfilled::Malformed { .. }), "{bad}");
        }
    }
}
