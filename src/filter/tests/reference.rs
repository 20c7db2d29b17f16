//! The language once more, written to be read, not to be fast: documents as trees, every combination tried. What
//! [`matches`] says of small inputs the matcher must say too. Used by tests and, by its path, by the fuzz target, so it
//! depends on nothing of the project.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// JSON with every member of an object and numbers as they are written.
#[derive(Debug, Clone, PartialEq)]
enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

/// Too much for this matcher: lone surrogates, numbers of many digits, too many combinations.
struct Beyond;

type Attempt<T> = Result<T, Beyond>;

/// Whether a valid pattern matches a document; None where this matcher cannot say, or the document is no JSON object or
/// list.
pub fn matches(pattern: &str, document: &str) -> Option<bool> {
    let pattern = parse(pattern)?;
    let document = parse(document).filter(|json| matches!(json, Json::Object(_) | Json::List(_)))?;
    let mut leaves = Vec::new();
    flatten(&document, None, &[], &mut 0, &mut leaves);
    let Json::Object(members) = &pattern else { return None };
    let mut steps = 4_000;
    for branch in expand(members, None, Vec::new()) {
        let keys: Vec<(&String, &Vec<Json>)> = branch.iter().map(|(path, list)| (path, *list)).collect();
        if hold(&keys, &leaves, &[], &mut steps).ok()? {
            return Some(true);
        }
    }
    Some(false)
}

/// A list's number and an index in it.
type Item = (usize, usize);

struct Leaf {
    path: String,
    value: Json,
    items: Vec<Item>,
}

fn join(path: Option<&str>, name: &str) -> String {
    path.map_or_else(|| name.to_owned(), |path| format!("{path}.{name}"))
}

fn flatten(json: &Json, path: Option<&str>, items: &[Item], lists: &mut usize, leaves: &mut Vec<Leaf>) {
    match json {
        Json::Object(members) => {
            for (name, value) in members {
                flatten(value, Some(&join(path, name)), items, lists, leaves);
            }
        }
        Json::List(values) => {
            *lists += 1;
            let list = *lists;
            for (index, value) in values.iter().enumerate() {
                if matches!(value, Json::Object(_) | Json::List(_)) {
                    flatten(value, path, &[items, &[(list, index)]].concat(), lists, leaves);
                } else {
                    flatten(value, path, items, lists, leaves);
                }
            }
        }
        value => {
            if let Some(path) = path {
                leaves.push(Leaf { path: path.to_owned(), value: value.clone(), items: items.to_vec() });
            }
        }
    }
}

type Branch<'a> = BTreeMap<String, &'a Vec<Json>>;

fn expand<'a>(members: &'a [(String, Json)], path: Option<&str>, mut branches: Vec<Branch<'a>>) -> Vec<Branch<'a>> {
    for (name, value) in members {
        match value {
            Json::List(alternatives) if name == "$or" => {
                let mut all = Vec::new();
                for alternative in alternatives {
                    if let Json::Object(members) = alternative {
                        all.extend(expand(members, path, branches.clone()));
                    }
                }
                branches = all;
            }
            Json::Object(members) => branches = expand(members, Some(&join(path, name)), branches),
            Json::List(list) => {
                if branches.is_empty() {
                    branches.push(Branch::new());
                }
                for branch in &mut branches {
                    branch.insert(join(path, name), list);
                }
            }
            _ => {}
        }
    }
    branches
}

fn consistent(items: &[Item], taken: &[Item]) -> bool {
    items.iter().all(|(list, index)| taken.iter().all(|(other, taken)| list != other || index == taken))
}

fn hold(keys: &[(&String, &Vec<Json>)], leaves: &[Leaf], taken: &[Item], steps: &mut usize) -> Attempt<bool> {
    let Some(((path, list), rest)) = keys.split_first() else { return Ok(true) };
    let here = || leaves.iter().filter(|leaf| leaf.path == **path && consistent(&leaf.items, taken));
    for leaf in here() {
        *steps = steps.checked_sub(1).ok_or(Beyond)?;
        let mut passes = false;
        for member in *list {
            passes |= passes_member(member, &leaf.value)?;
        }
        if passes && hold(rest, leaves, &[taken, &leaf.items].concat(), steps)? {
            return Ok(true);
        }
    }
    let absent = Json::Object(vec![("exists".into(), Json::Bool(false))]);
    Ok(list.contains(&absent) && here().next().is_none() && hold(rest, leaves, taken, steps)?)
}

fn passes_member(member: &Json, value: &Json) -> Attempt<bool> {
    let Json::Object(operator) = member else { return equal(member, value) };
    let Some((name, operand)) = operator.first() else { return Ok(false) };
    let text = if let Json::Text(text) = value { Some(&text[..]) } else { None };
    match (&name[..], operand) {
        ("exists", operand) => Ok(*operand == Json::Bool(true)),
        ("exactly", operand) => Ok(operand == value),
        ("numeric", Json::List(list)) => numeric(list, value),
        ("anything-but", Json::List(list)) => {
            let mut passes = true;
            for excluded in list {
                passes &= excluded != value && !(matches!(excluded, Json::Number(_)) && equal(excluded, value)?);
            }
            Ok(passes)
        }
        ("anything-but", Json::Object(operator)) => {
            let Some((name, operand)) = operator.first() else { return Ok(false) };
            let operands = if let Json::List(list) = operand { &list[..] } else { std::slice::from_ref(operand) };
            let passes = |operand: &Json| text.is_some_and(|text| passes_text(name, operand, text));
            Ok(!operands.iter().any(passes))
        }
        ("anything-but", excluded @ Json::Number(_)) => equal(excluded, value).map(|equal| !equal),
        ("anything-but", excluded) => Ok(excluded != value),
        (name, operand) => Ok(text.is_some_and(|text| passes_text(name, operand, text))),
    }
}

fn passes_text(name: &str, operand: &Json, text: &str) -> bool {
    let fold = |pattern: &str, prefix: bool, suffix: bool| {
        let pattern: Vec<char> = pattern.chars().collect();
        let mut starts = text.char_indices().map(|(index, _)| index).chain([text.len()]);
        if suffix { starts.any(|start| folds(&pattern, &text[start..], false)) } else { folds(&pattern, text, prefix) }
    };
    match (name, operand) {
        ("prefix", Json::Text(prefix)) => text.starts_with(&prefix[..]),
        ("suffix", Json::Text(suffix)) => text.ends_with(&suffix[..]),
        ("prefix" | "suffix", Json::Object(members)) => match members.first() {
            Some((_, Json::Text(pattern))) => fold(pattern, name == "prefix", name == "suffix"),
            _ => false,
        },
        ("equals-ignore-case", Json::Text(pattern)) => fold(pattern, false, false),
        ("wildcard", Json::Text(pattern)) => {
            wild(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>())
        }
        ("cidr", Json::Text(block)) => in_block(block, text).unwrap_or(false),
        _ => false,
    }
}

fn folds(pattern: &[char], text: &str, open: bool) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return open || text.is_empty() };
    let (lower, upper): (String, String) = (first.to_lowercase().collect(), first.to_uppercase().collect());
    [lower, upper].iter().any(|case| text.strip_prefix(&case[..]).is_some_and(|text| folds(rest, text, open)))
}

fn wild(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['*', rest @ ..] => (0..=text.len()).any(|start| wild(rest, &text[start..])),
        ['\\', char, rest @ ..] | [char, rest @ ..] => text.first() == Some(char) && wild(rest, &text[1..]),
    }
}

fn equal(wanted: &Json, value: &Json) -> Attempt<bool> {
    match (wanted, value) {
        (Json::Number(wanted), Json::Number(number)) => Ok(double(wanted)? == double(number)?),
        (Json::Text(wanted), Json::Text(text)) => {
            Ok(wanted == text || address(wanted).is_some_and(|wanted| address(text) == Some(wanted)))
        }
        _ => Ok(wanted == value),
    }
}

/// Doubles of few digits are equal only where the numbers are.
fn double(text: &str) -> Attempt<f64> {
    let digits = text.split(['e', 'E']).next().unwrap_or_default().bytes().filter(u8::is_ascii_digit).count();
    let value: f64 = text.parse().map_err(|_| Beyond)?;
    let plain = value == 0.0 || (1e-290..1e290).contains(&value.abs());
    // What is written with an exponent may be zero for being too small.
    let vanished = value == 0.0
        && text.split(['e', 'E']).next().is_some_and(|digits| digits.bytes().any(|byte| (b'1'..=b'9').contains(&byte)));
    if digits > 15 || !plain || vanished { Err(Beyond) } else { Ok(value) }
}

fn numeric(list: &[Json], value: &Json) -> Attempt<bool> {
    let Json::Number(value) = value else { return Ok(false) };
    let value = double(value)?;
    let mut passes = true;
    for comparison in list.chunks(2) {
        if let [Json::Text(operator), Json::Number(operand)] = comparison {
            let operand = double(operand)?;
            passes &= match &operator[..] {
                "=" => value == operand,
                "<" => value < operand,
                "<=" => value <= operand,
                ">" => value > operand,
                _ => value >= operand,
            };
        }
    }
    Ok(passes)
}

fn address(text: &str) -> Option<IpAddr> {
    if text.contains(':') {
        let address: IpAddr = text.parse().ok().filter(|_| !text.contains('.'))?;
        return Some(address.to_canonical());
    }
    let octets: Vec<u8> =
        text.split('.').map(|octet| octet.parse().ok().filter(|_| !octet.starts_with('+'))).collect::<Option<_>>()?;
    <[u8; 4]>::try_from(octets).ok().map(IpAddr::from)
}

fn in_block(block: &str, text: &str) -> Option<bool> {
    let (base, bits) = block.split_once('/')?;
    let bits: usize = bits.parse().ok()?;
    let digits = |address: IpAddr| match address {
        IpAddr::V4(address) => format!("4{:032b}", address.to_bits()),
        IpAddr::V6(address) => format!("6{:0128b}", address.to_bits()),
    };
    let (base, address) = (digits(address(base)?), digits(address(text)?));
    Some(base[..=bits] == *address.get(..=bits)?)
}

/// Reads JSON that is short and known to be valid, or is refused.
fn parse(text: &str) -> Option<Json> {
    let (json, rest) = value(text.trim_start_matches(SPACE), 0)?;
    rest.trim_start_matches(SPACE).is_empty().then_some(json)
}

const SPACE: [char; 4] = [' ', '\n', '\r', '\t'];

fn value(text: &str, depth: usize) -> Option<(Json, &str)> {
    if depth > 200 {
        return None;
    }
    if let Some(mut rest) = text.strip_prefix('{') {
        let mut members = Vec::new();
        loop {
            rest = rest.trim_start_matches(SPACE);
            if members.is_empty() && rest.starts_with('}') {
                return Some((Json::Object(members), &rest[1..]));
            }
            let (name, after) = string(rest)?;
            let after = after.trim_start_matches(SPACE).strip_prefix(':')?;
            let (member, after) = value(after.trim_start_matches(SPACE), depth + 1)?;
            members.push((name, member));
            let after = after.trim_start_matches(SPACE);
            match after.chars().next()? {
                ',' => rest = &after[1..],
                '}' => return Some((Json::Object(members), &after[1..])),
                _ => return None,
            }
        }
    }
    if let Some(mut rest) = text.strip_prefix('[') {
        let mut items = Vec::new();
        loop {
            rest = rest.trim_start_matches(SPACE);
            if items.is_empty() && rest.starts_with(']') {
                return Some((Json::List(items), &rest[1..]));
            }
            let (item, after) = value(rest, depth + 1)?;
            items.push(item);
            let after = after.trim_start_matches(SPACE);
            match after.chars().next()? {
                ',' => rest = &after[1..],
                ']' => return Some((Json::List(items), &after[1..])),
                _ => return None,
            }
        }
    }
    if text.starts_with('"') {
        return string(text).map(|(text, rest)| (Json::Text(text), rest));
    }
    for (word, json) in [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))] {
        if let Some(rest) = text.strip_prefix(word) {
            return Some((json, rest));
        }
    }
    let end = text.find(|char: char| !matches!(char, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')).unwrap_or(text.len());
    serde_json::from_str::<serde::de::IgnoredAny>(&text[..end]).ok()?;
    Some((Json::Number(text[..end].to_owned()), &text[end..]))
}

fn string(text: &str) -> Option<(String, &str)> {
    let mut chars = text.strip_prefix('"')?.char_indices();
    while let Some((index, char)) = chars.next() {
        match char {
            '\\' => {
                chars.next();
            }
            '"' => {
                // Lone surrogates are refused here.
                let quoted = &text[..index + 2];
                return Some((serde_json::from_str(quoted).ok()?, &text[index + 2..]));
            }
            _ => {}
        }
    }
    None
}
