//! Just enough of Rust's grammar to find the paths in a source file.

use std::collections::BTreeSet;

/// The text without comments, and with empty strings and characters.
pub(crate) fn bare(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let follows = |at: usize, what: &str| what.chars().enumerate().all(|(n, c)| chars.get(at + n) == Some(&c));
    while at < chars.len() {
        if follows(at, "//") {
            while at < chars.len() && chars[at] != '\n' {
                at += 1;
            }
        } else if follows(at, "/*") {
            let mut depth = 0;
            loop {
                if follows(at, "/*") {
                    depth += 1;
                    at += 2;
                } else if follows(at, "*/") {
                    depth -= 1;
                    at += 2;
                } else {
                    at += 1;
                }
                if depth == 0 || at >= chars.len() {
                    break;
                }
            }
        } else if let Some(end) = string_end(&chars, at) {
            out.push_str("\"\"");
            at = end;
        } else if let Some(end) = char_end(&chars, at) {
            out.push_str("' '");
            at = end;
        } else {
            out.push(chars[at]);
            at += 1;
        }
    }
    out
}

/// Where the string that begins here ends, raw and byte strings included.
fn string_end(chars: &[char], start: usize) -> Option<usize> {
    let mut at = start;
    let in_word = start > 0 && (chars[start - 1].is_alphanumeric() || chars[start - 1] == '_');
    if !in_word && matches!(chars.get(at), Some('b' | 'c')) {
        at += 1;
    }
    if !in_word && chars.get(at) == Some(&'r') {
        let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
        if chars.get(at + 1 + hashes) == Some(&'"') {
            let mut end = at + 2 + hashes;
            while end < chars.len() {
                if chars[end] == '"' && chars[end + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes {
                    return Some(end + 1 + hashes);
                }
                end += 1;
            }
        }
    }
    if chars.get(at) != Some(&'"') {
        return None;
    }
    at += 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    Some((at + 1).min(chars.len()))
}

/// Where the character literal that begins here ends; a lifetime is none.
fn char_end(chars: &[char], at: usize) -> Option<usize> {
    if chars.get(at) != Some(&'\'') {
        return None;
    }
    if chars.get(at + 1) == Some(&'\\') {
        let close = chars[at + 3..].iter().position(|c| *c == '\'')?;
        return Some(at + 3 + close + 1);
    }
    (chars.get(at + 2) == Some(&'\'')).then_some(at + 3)
}

/// What is only there for tests, of this crate or also of others.
const TEST: &str = "#[cfg(test)]";
const IN_DEBUG_BUILDS: &str = "#[cfg(any(test, debug_assertions))]";

/// The bare text without the modules that are only there for tests.
pub(crate) fn without_test_modules(text: &str) -> String {
    let (text, mut out) = (text.replace(IN_DEBUG_BUILDS, TEST), String::new());
    let mut rest = &*text;
    while let Some(at) = rest.find(TEST) {
        out.push_str(&rest[..at]);
        let item = &rest[at + TEST.len()..];
        let end = item.find(['{', ';']).unwrap_or(item.len().saturating_sub(1));
        rest = if item[end..].starts_with('{') { &item[end + block(&item[end..])..] } else { &item[end + 1..] };
    }
    out.push_str(rest);
    out
}

/// The length of the block that begins here, braces included.
fn block(text: &str) -> usize {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    text.len()
}

/// The names of the modules in files of their own that are only there for tests.
pub(crate) fn test_modules(text: &str) -> Vec<String> {
    let text = text.replace(IN_DEBUG_BUILDS, TEST);
    let items = text.split(TEST).skip(1);
    items
        .filter_map(|item| {
            let head = item.split(['{', ';']).next()?;
            let name = head.split_once("mod ")?.1.trim();
            item[head.len()..].starts_with(';').then(|| name.to_owned())
        })
        .collect()
}

/// Every path of two parts or more, and everything that is imported, written out from the root.
/// `modules` is the place of the file: `super` and `self` are resolved from there.
pub(crate) fn paths(text: &str, modules: &[String]) -> BTreeSet<String> {
    let tokens = tokens(text);
    let mut found = BTreeSet::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at] == "use" {
            at = tree(&tokens, at + 1, &[], modules, &mut found);
        } else if is_word(tokens[at]) {
            let mut parts = vec![tokens[at]];
            while tokens.get(at + 1) == Some(&"::") && tokens.get(at + 2).is_some_and(|next| is_word(next)) {
                parts.push(tokens[at + 2]);
                at += 2;
            }
            if parts.len() > 1 {
                found.insert(rooted(&parts, modules));
            }
            at += 1;
        } else {
            at += 1;
        }
    }
    found
}

/// Reads one `use` tree and returns where it ends.
fn tree(tokens: &[&str], start: usize, prefix: &[&str], modules: &[String], found: &mut BTreeSet<String>) -> usize {
    let mut parts = prefix.to_vec();
    let mut at = start;
    while let Some(&token) = tokens.get(at) {
        match token {
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| *token != "}") {
                    let owned: Vec<&str> = parts.clone();
                    at = tree(tokens, at, &owned, modules, found);
                    if tokens.get(at) == Some(&",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "as" => {
                // Another name changes nothing.
                at += 2;
                continue;
            }
            "::" | "*" => {}
            token if is_word(token) => parts.push(token),
            _ => break,
        }
        at += 1;
    }
    found.insert(rooted(&parts, modules));
    at
}

fn rooted(parts: &[&str], modules: &[String]) -> String {
    let mut place: Vec<&str> = modules.iter().map(String::as_str).collect();
    let mut rest = parts;
    let mut relative = false;
    loop {
        match rest.first() {
            Some(&"self") => relative = true,
            Some(&"super") => {
                relative = true;
                place.pop();
            }
            _ => break,
        }
        rest = &rest[1..];
    }
    let mut path = Vec::new();
    if relative {
        path.push("crate");
        path.extend(place);
    }
    path.extend(rest.iter().filter(|part| **part != "self"));
    path.join("::")
}

fn is_word(token: &str) -> bool {
    token.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
}

fn tokens(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if first.is_alphanumeric() || first == '_' {
            rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        if !first.is_whitespace() {
            out.push(&rest[..length]);
        }
        rest = &rest[length..];
    }
    out
}

#[test]
fn paths_are_found_and_rooted() {
    let modules = ["machine".to_owned(), "queue".to_owned(), "drain".to_owned()];
    let found = |text: &str| paths(&bare(text), &modules).into_iter().collect::<Vec<_>>();
    assert_eq!(found("use super::QueueMachine;"), ["crate::machine::queue::QueueMachine"]);
    assert_eq!(
        found("use std::{fmt::{self, Write as _}, time::Duration};"),
        ["std::fmt", "std::fmt::Write", "std::time::Duration"]
    );
    assert_eq!(found("pub use super::super::time::*;"), ["crate::machine::time"]);
    assert_eq!(found("let x = r#\"a::b\"#; // c::d\nlet y = '\"'; z::w(b'x');"), ["z::w"]);
    assert_eq!(found("fn f<'a>(x: &'a str) -> std::io::Result<()> { /* a::b */ g::<T>() }"), ["std::io::Result"]);
}

#[test]
fn test_modules_are_left_out() {
    let text =
        bare("mod a;\n#[cfg(test)]\nmod tests;\nfn f() {}\n#[cfg(test)]\nmod more { fn g() { x::y(); } }\nfn h() {}");
    assert_eq!(test_modules(&text), ["tests"]);
    let left = without_test_modules(&text);
    assert!(left.contains("fn f()") && left.contains("fn h()") && !left.contains("x::y"), "{left}");
}
