//! Reads a pattern from its text, in the order of the text: that decides what overrides what.
//!
//! `$or` multiplies the branches read so far. A list for a path that a branch already has replaces the earlier one;
//! this is how both repeated names and overlapping `$or`s come out as in event-ruler.

use std::collections::BTreeMap;

use super::error::{PatternError, PatternReason as Reason};
use super::json::{Scanner, Token};
use super::leaf::{Member, Test};
use super::lex::Broken;
use super::operators;
use super::pattern::Field;

/// Objects within each other. AWS allows 4,096 characters in all.
const MAX_DEPTH: usize = 128;
/// What the `$or`s of a pattern may combine to. Few characters can ask for more than the world holds.
const MAX_BRANCHES: usize = 1000;

/// For each path, the field that counts.
type Branch = BTreeMap<Vec<u8>, usize>;

/// Reads a pattern: all fields, and the branches as indexes of fields sorted by path.
pub(super) fn parse(text: &[u8]) -> Result<(Vec<Field>, Vec<Vec<usize>>), PatternError> {
    let mut parser =
        Parser { scanner: Scanner::new(text), label: String::new(), fields: Vec::new(), branches: Vec::new() };
    let start = parser.offset();
    match parser.token()? {
        Token::Object => parser.object(&Place { path: None, depth: 1, within_or: false }, start)?,
        other => return Err(parser.error_at(start, Reason::NotAnObject(other.name()))),
    }
    if !parser.scanner.at_end() {
        return Err(parser.error_at(parser.scanner.offset(), Reason::Trailing));
    }
    let branches = parser.branches.into_iter().map(|branch| branch.into_values().collect()).collect();
    Ok((parser.fields, branches))
}

/// Where in the pattern an object is.
struct Place {
    /// None at the top, which is not the same as a name that is empty.
    path: Option<Vec<u8>>,
    /// How many objects are around it, branches of `$or` included.
    depth: usize,
    within_or: bool,
}

impl Place {
    fn path_of(&self, name: &[u8]) -> Vec<u8> {
        self.path.as_ref().map_or_else(|| name.to_vec(), |path| [path, name].join(&b'.'))
    }
}

/// The state of reading; `operators` uses it too.
pub(super) struct Parser<'a> {
    scanner: Scanner<'a>,
    /// The path as errors show it.
    label: String,
    fields: Vec<Field>,
    /// Empty until the first list is read.
    branches: Vec<Branch>,
}

impl<'a> Parser<'a> {
    /// Where the next token begins.
    pub(super) fn offset(&mut self) -> usize {
        self.scanner.peek();
        self.scanner.offset()
    }

    /// An error about a place in the text.
    pub(super) fn error_at(&self, offset: usize, reason: Reason) -> PatternError {
        PatternError { offset, path: self.label.clone(), reason }
    }

    fn broken(&self, broken: Broken) -> PatternError {
        self.error_at(self.scanner.offset(), Reason::NotJson(broken.what()))
    }

    pub(super) fn token(&mut self) -> Result<Token<'a>, PatternError> {
        self.scanner.token().map_err(|broken| self.broken(broken))
    }

    /// The next name of an object, and where it stands.
    pub(super) fn member(&mut self, first: bool) -> Result<Option<(Vec<u8>, usize)>, PatternError> {
        let mut ahead = self.scanner.clone();
        if !first {
            ahead.take(b',');
        }
        ahead.peek();
        let name = self.scanner.member(first).map_err(|broken| self.broken(broken))?;
        Ok(name.map(|name| (name.to_vec(), ahead.offset())))
    }

    /// Whether a list has another item.
    pub(super) fn item(&mut self, first: bool) -> Result<bool, PatternError> {
        self.scanner.item(first).map_err(|broken| self.broken(broken))
    }

    /// Reads a part whose errors are to show where it is.
    pub(super) fn within<T>(
        &mut self,
        step: &str,
        read: impl FnOnce(&mut Self) -> Result<T, PatternError>,
    ) -> Result<T, PatternError> {
        let length = self.label.len();
        self.label.push_str(if length == 0 { step.trim_start_matches('.') } else { step });
        let result = read(self)?;
        self.label.truncate(length);
        Ok(result)
    }

    /// An object of fields; its brace is taken.
    fn object(&mut self, place: &Place, start: usize) -> Result<(), PatternError> {
        let mut first = true;
        while let Some((name, at)) = self.member(first)? {
            first = false;
            let label = format!(".{}", String::from_utf8_lossy(&name));
            self.within(&label, |parser| {
                if name == b"$or" {
                    parser.or(place)
                } else if place.within_or && operators::is_reserved(&name) {
                    Err(parser.error_at(at, Reason::OrReserved(label[1..].to_owned())))
                } else {
                    parser.field(place, &name)
                }
            })?;
        }
        if first { Err(self.error_at(start, Reason::EmptyObject)) } else { Ok(()) }
    }

    fn field(&mut self, place: &Place, name: &[u8]) -> Result<(), PatternError> {
        let path = place.path_of(name);
        let start = self.offset();
        match self.token()? {
            Token::Object if place.depth >= MAX_DEPTH => Err(self.error_at(start, Reason::TooDeep(MAX_DEPTH))),
            Token::Object => {
                self.object(&Place { path: Some(path), depth: place.depth + 1, within_or: place.within_or }, start)
            }
            Token::Array => {
                let members = self.members(start)?;
                let field = self.fields.len();
                self.fields.push(Field { path: path.clone(), offset: start, test: Test::new(members) });
                if self.branches.is_empty() {
                    self.branches.push(Branch::new());
                }
                for branch in &mut self.branches {
                    branch.insert(path.clone(), field);
                }
                Ok(())
            }
            other => Err(self.error_at(start, Reason::NotAList(other.name()))),
        }
    }

    /// The values of a field; the bracket is taken.
    fn members(&mut self, start: usize) -> Result<Vec<Member>, PatternError> {
        let mut members = Vec::new();
        while self.item(members.is_empty())? {
            let step = format!("[{}]", members.len());
            let member = self.within(&step, |parser| {
                let at = parser.offset();
                Ok(match parser.token()? {
                    Token::Null => Member::Null,
                    Token::True => Member::True,
                    Token::False => Member::False,
                    Token::Number(text) => Member::Number(super::number::Number::new(text)),
                    Token::Text(text) => operators::text(text),
                    Token::Object => operators::object(parser, at)?,
                    Token::Array => return Err(parser.error_at(at, Reason::NestedList)),
                })
            })?;
            members.push(member);
        }
        if members.is_empty() { Err(self.error_at(start, Reason::EmptyList)) } else { Ok(members) }
    }

    /// The list of `$or`: each of its objects goes on from the branches that there are.
    fn or(&mut self, place: &Place) -> Result<(), PatternError> {
        let start = self.offset();
        let token = self.token()?;
        if !matches!(token, Token::Array) {
            return Err(self.error_at(start, Reason::OrNotAList(token.name())));
        }
        if place.depth >= MAX_DEPTH {
            return Err(self.error_at(start, Reason::TooDeep(MAX_DEPTH)));
        }
        let before = std::mem::take(&mut self.branches);
        let (mut all, mut count) = (Vec::new(), 0);
        while self.item(count == 0)? {
            self.branches.clone_from(&before);
            self.within(&format!("[{count}]"), |parser| {
                let at = parser.offset();
                match parser.token()? {
                    Token::Object => {
                        let place = Place { path: place.path.clone(), depth: place.depth + 1, within_or: true };
                        parser.object(&place, at)
                    }
                    other => Err(parser.error_at(at, Reason::OrNotAnObject(other.name()))),
                }
            })?;
            count += 1;
            all.append(&mut self.branches);
            if all.len() > MAX_BRANCHES {
                return Err(self.error_at(start, Reason::TooManyBranches(MAX_BRANCHES)));
            }
        }
        if count < 2 {
            return Err(self.error_at(start, Reason::OrTooShort));
        }
        self.branches = all;
        Ok(())
    }
}
