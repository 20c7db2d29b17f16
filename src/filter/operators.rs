//! Reads the members of a field's list: plain values, and objects with one operator.

use super::cidr::{Address, Cidr};
use super::error::{PatternError, PatternReason as Reason};
use super::fold::Folded;
use super::json::Token;
use super::leaf::{But, Member, Range};
use super::number::Number;
use super::parse::Parser;
use super::text::Text;
use super::wildcard::Wildcard;

/// The operators, as they are written.
const OPERATORS: [&str; 9] =
    ["prefix", "suffix", "equals-ignore-case", "anything-but", "numeric", "exists", "wildcard", "cidr", "exactly"];

/// Further words that event-ruler does not allow as fields inside `$or`: the comparisons, and what it may want later.
const RESERVED: [&str; 15] = [
    "=",
    "<",
    "<=",
    ">",
    ">=",
    "regex",
    "not-wildcard",
    "not-equals-ignore-case",
    "date-after",
    "date-on-or-after",
    "date-before",
    "date-on-or-before",
    "in-date-range",
    "ip-address-in-range",
    "ip-address-not-in-range",
];

/// Whether a field inside `$or` must not be called so.
pub(super) fn is_reserved(name: &[u8]) -> bool {
    OPERATORS.iter().chain(&RESERVED).any(|word| word.as_bytes() == name)
}

/// What was meant by a name that is no operator's.
fn hint(name: &str) -> Option<&'static str> {
    let meant = name.to_lowercase().replace(['_', ' '], "-");
    let meant = match &meant[..] {
        "equalsignorecase" | "ignore-case" | "iequals" => "equals-ignore-case",
        "anythingbut" | "not" | "anything-but-prefix" => "anything-but",
        "starts-with" | "startswith" | "begins-with" => "prefix",
        "ends-with" | "endswith" => "suffix",
        "shellstyle" | "glob" | "like" | "contains" | "regexp" | "regex" => "wildcard",
        "number" | "=" | "<" | ">" | "<=" | ">=" => "numeric",
        "equals" => "exactly",
        "exist" => "exists",
        "ip" => "cidr",
        other => other,
    };
    OPERATORS.into_iter().find(|operator| *operator == meant && *operator != name)
}

/// A string among the values.
pub(super) fn text(text: Text<'_>) -> Member {
    let text = text.to_vec();
    match Address::parse(&text) {
        Some(address) => Member::Address(address, text),
        None => Member::Text(text),
    }
}

/// The object of an operator; its brace is taken.
pub(super) fn object(parser: &mut Parser<'_>, start: usize) -> Result<Member, PatternError> {
    let Some((name, at)) = parser.member(true)? else { return Err(parser.error_at(start, Reason::NoOperator)) };
    let label = String::from_utf8_lossy(&name).into_owned();
    let Some(operator) = OPERATORS.into_iter().find(|operator| operator.as_bytes() == name) else {
        return Err(parser.error_at(at, Reason::UnknownOperator { hint: hint(&label), name: label }));
    };
    parser
        .within(&format!(".{operator}"), |parser| {
            let at = parser.offset();
            let token = parser.token()?;
            let operand = Operand { operator, token, at };
            match operator {
                "exists" => exists(parser, &operand),
                "numeric" => numeric(parser, &operand).map(Member::Numeric),
                "anything-but" => anything_but(parser, &operand).map(Member::But),
                "prefix" | "suffix" if matches!(token, Token::Object) => folded_end(parser, &operand),
                _ => {
                    let text = operand.text(parser)?;
                    one_text(operator, text).map_err(|reason| parser.error_at(at, reason))
                }
            }
        })
        .and_then(|member| end_of_object(parser).map(|()| member))
}

/// What follows an operator's name.
struct Operand<'a> {
    operator: &'static str,
    token: Token<'a>,
    at: usize,
}

impl Operand<'_> {
    fn text(&self, parser: &Parser<'_>) -> Result<Vec<u8>, PatternError> {
        let (operator, found) = (self.operator, self.token.name());
        match self.token {
            Token::Text(text) => Ok(text.to_vec()),
            _ if operator == "prefix" || operator == "suffix" => {
                Err(parser.error_at(self.at, Reason::NeedsTextOrFold { operator, found: found.into() }))
            }
            _ => Err(parser.error_at(self.at, Reason::NeedsText { operator, found })),
        }
    }
}

/// An operator on one string.
fn one_text(operator: &str, text: Vec<u8>) -> Result<Member, Reason> {
    Ok(match operator {
        "prefix" => Member::Prefix(text),
        "suffix" => Member::Suffix(text),
        "equals-ignore-case" => Member::Fold(Folded::new(&text)),
        "wildcard" => Member::Wildcard(Wildcard::parse(&text).map_err(Reason::Wildcard)?),
        "cidr" => Member::Cidr(Cidr::parse(&text).map_err(Reason::Cidr)?),
        _ => Member::Text(text),
    })
}

/// The end of an object that holds one member.
fn end_of_object(parser: &mut Parser<'_>) -> Result<(), PatternError> {
    match parser.member(false)? {
        None => Ok(()),
        Some((name, at)) => {
            let name = String::from_utf8_lossy(&name).into_owned();
            Err(parser.error_at(at, Reason::SecondOperator(name)))
        }
    }
}

fn exists(parser: &Parser<'_>, operand: &Operand<'_>) -> Result<Member, PatternError> {
    match operand.token {
        Token::True => Ok(Member::Exists(true)),
        Token::False => Ok(Member::Exists(false)),
        other => Err(parser.error_at(operand.at, Reason::NeedsBoolean(other.name()))),
    }
}

/// `{"equals-ignore-case": …}` as what `prefix` or `suffix` is given; its brace is taken.
fn folded_end(parser: &mut Parser<'_>, operand: &Operand<'_>) -> Result<Member, PatternError> {
    let operator = operand.operator;
    let Some((name, at)) = parser.member(true)? else {
        return Err(parser.error_at(operand.at, Reason::NeedsTextOrFold { operator, found: "an empty object".into() }));
    };
    if name != b"equals-ignore-case" {
        let found = format!("`{}`", String::from_utf8_lossy(&name));
        return Err(parser.error_at(at, Reason::NeedsTextOrFold { operator, found }));
    }
    let member = parser.within(".equals-ignore-case", |parser| {
        let at = parser.offset();
        let token = parser.token()?;
        let text = Operand { operator: "equals-ignore-case", token, at }.text(parser)?;
        let folded = Folded::new(&text);
        Ok(if operator == "prefix" { Member::FoldPrefix(folded) } else { Member::FoldSuffix(folded) })
    })?;
    end_of_object(parser)?;
    Ok(member)
}

/// The list of `numeric`.
fn numeric(parser: &mut Parser<'_>, operand: &Operand<'_>) -> Result<Range, PatternError> {
    if !matches!(operand.token, Token::Array) {
        return Err(parser.error_at(operand.at, Reason::NumericNotAList(operand.token.name())));
    }
    let mut range = Range { low: None, high: None };
    let mut comparisons = Vec::new();
    while parser.item(comparisons.is_empty())? {
        let at = parser.offset();
        let (operator, number) = comparison(parser)?;
        match (operator, &comparisons[..]) {
            ("=", []) => {
                range.low = Some((number.clone(), true));
                range.high = Some((number, true));
            }
            (">" | ">=", []) => range.low = Some((number, operator == ">=")),
            ("<" | "<=", [] | [">" | ">="]) => range.high = Some((number, operator == "<=")),
            _ => return Err(parser.error_at(at, Reason::NumericOrder)),
        }
        comparisons.push(operator);
    }
    if comparisons.is_empty() {
        return Err(parser.error_at(operand.at, Reason::NumericOperator("nothing".into())));
    }
    if comparisons.len() == 2 && range.is_empty() {
        return Err(parser.error_at(operand.at, Reason::NumericEmpty));
    }
    Ok(range)
}

/// An operator and the number after it.
fn comparison(parser: &mut Parser<'_>) -> Result<(&'static str, Number), PatternError> {
    let at = parser.offset();
    let operator = match parser.token()? {
        Token::Text(text) => {
            let text = text.to_vec();
            RESERVED[..5].iter().copied().find(|operator| operator.as_bytes() == text).ok_or_else(|| {
                let found = format!("`{}`", String::from_utf8_lossy(&text));
                parser.error_at(at, Reason::NumericOperator(found))
            })?
        }
        other => return Err(parser.error_at(at, Reason::NumericOperator(other.name().into()))),
    };
    let at = parser.offset();
    if !parser.item(false)? {
        return Err(parser.error_at(at, Reason::NumericOperand { operator, found: "nothing" }));
    }
    let at = parser.offset();
    match parser.token()? {
        Token::Number(text) => {
            let number = Number::new(text);
            let text = number.text();
            if number.is_double() {
                Ok((operator, number))
            } else {
                Err(parser.error_at(at, Reason::NumericRange(text)))
            }
        }
        other => Err(parser.error_at(at, Reason::NumericOperand { operator, found: other.name() })),
    }
}

/// What `anything-but` is given.
fn anything_but(parser: &mut Parser<'_>, operand: &Operand<'_>) -> Result<But, PatternError> {
    match operand.token {
        Token::Text(text) => Ok(But::Texts(vec![text.to_vec()])),
        Token::Number(text) => Ok(But::Numbers(vec![Number::new(text)])),
        Token::Array => but_list(parser, operand.at),
        Token::Object => but_operator(parser, operand.at),
        other => Err(parser.error_at(operand.at, Reason::ButOperand(other.name().into()))),
    }
}

fn but_list(parser: &mut Parser<'_>, start: usize) -> Result<But, PatternError> {
    let (mut texts, mut numbers) = (Vec::new(), Vec::new());
    while parser.item(texts.is_empty() && numbers.is_empty())? {
        let at = parser.offset();
        match parser.token()? {
            Token::Text(text) => texts.push(text.to_vec()),
            Token::Number(text) => numbers.push(Number::new(text)),
            other => return Err(parser.error_at(at, Reason::ButOperand(format!("{} in a list", other.name())))),
        }
        if !texts.is_empty() && !numbers.is_empty() {
            return Err(parser.error_at(at, Reason::ButMixed));
        }
    }
    match (texts.is_empty(), numbers.is_empty()) {
        (true, true) => Err(parser.error_at(start, Reason::ButEmpty)),
        (false, _) => Ok(But::Texts(texts)),
        (true, false) => Ok(But::Numbers(numbers)),
    }
}

fn but_operator(parser: &mut Parser<'_>, start: usize) -> Result<But, PatternError> {
    let Some((name, at)) = parser.member(true)? else {
        return Err(parser.error_at(start, Reason::ButOperand("an empty object".into())));
    };
    let known = ["prefix", "suffix", "equals-ignore-case", "wildcard"];
    let Some(operator) = known.into_iter().find(|operator| operator.as_bytes() == name) else {
        let found = format!("`{}`", String::from_utf8_lossy(&name));
        return Err(parser.error_at(at, Reason::ButOperand(found)));
    };
    let but = parser.within(&format!(".{operator}"), |parser| {
        let texts = but_texts(parser, operator)?;
        let places = texts.iter().map(|(_, at)| *at).collect::<Vec<_>>();
        let texts = texts.into_iter().map(|(text, _)| text);
        Ok(match operator {
            "prefix" => But::Prefixes(texts.collect()),
            "suffix" => But::Suffixes(texts.collect()),
            "wildcard" => But::Wildcards(
                texts
                    .zip(places)
                    .map(|(text, at)| {
                        Wildcard::parse(&text).map_err(|what| parser.error_at(at, Reason::Wildcard(what)))
                    })
                    .collect::<Result<_, _>>()?,
            ),
            _ => But::Folds(texts.map(|text| Folded::new(&text)).collect()),
        })
    })?;
    end_of_object(parser)?;
    Ok(but)
}

/// A string or a list of strings, each with its place.
fn but_texts(parser: &mut Parser<'_>, operator: &'static str) -> Result<Vec<(Vec<u8>, usize)>, PatternError> {
    let start = parser.offset();
    let mut texts = Vec::new();
    let mut take = |parser: &Parser<'_>, token: Token<'_>, at: usize| match token {
        Token::Text(text) => {
            let text = text.to_vec();
            if text.is_empty() && matches!(operator, "prefix" | "suffix") {
                return Err(parser.error_at(at, Reason::ButEmptyText(operator)));
            }
            texts.push((text, at));
            Ok(())
        }
        other => Err(parser.error_at(at, Reason::ButNeedsTexts { operator, found: other.name() })),
    };
    match parser.token()? {
        Token::Array => {
            let mut first = true;
            while parser.item(first)? {
                first = false;
                let at = parser.offset();
                let token = parser.token()?;
                take(parser, token, at)?;
            }
            if first {
                return Err(parser.error_at(start, Reason::ButNeedsTexts { operator, found: "an empty list" }));
            }
        }
        token => take(parser, token, start)?,
    }
    Ok(texts)
}
