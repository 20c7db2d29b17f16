//! What can be wrong with a pattern, and with the patterns of a mapping together.

use thiserror::Error;

/// A pattern that is none. AWS says only `Invalid filter pattern definition.`
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}{reason} (at byte {offset})", place(path))]
pub struct PatternError {
    /// Where in the pattern's text, in bytes.
    pub offset: usize,
    /// The names that lead there, with dots: `body.type[0].prefix`. Empty for the pattern as a whole.
    pub path: String,
    /// What is wrong there.
    pub reason: PatternReason,
}

fn place(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}

/// Why a pattern is refused, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PatternReason {
    /// The text is not JSON.
    #[error("the pattern is not JSON: {0}")]
    NotJson(&'static str),
    /// Something follows the pattern's object.
    #[error("nothing may follow the pattern's closing `}}`")]
    Trailing,
    /// The text is JSON, but no object.
    #[error("a pattern must be an object, this is {0}")]
    NotAnObject(&'static str),
    /// `{}`.
    #[error("an empty object matches nothing: name a field, or leave it out")]
    EmptyObject,
    /// `[]` as the values of a field.
    #[error("an empty list matches nothing: list a value, or leave the field out")]
    EmptyList,
    /// A field's value is a scalar.
    #[error("must be an object or a list of values, not {0}: write the value in brackets")]
    NotAList(&'static str),
    /// A list among the values of a field.
    #[error("a list of values must not hold lists")]
    NestedList,
    /// More levels than anyone needs.
    #[error("the pattern nests deeper than {0} levels")]
    TooDeep(usize),
    /// `$or` that asks for more combinations than is sensible.
    #[error(
        "the `$or`s of the pattern combine to more than {0} branches: use lists of values instead, or several patterns"
    )]
    TooManyBranches(usize),
    /// `$or` without a list.
    #[error("`$or` needs a list of at least two objects, not {0}")]
    OrNotAList(&'static str),
    /// Something else than an object in the list of `$or`.
    #[error("the list of `$or` must hold objects only, not {0}")]
    OrNotAnObject(&'static str),
    /// `$or` with one branch, or none.
    #[error("`$or` needs at least two objects")]
    OrTooShort,
    /// An operator's name where a branch of `$or` names its fields.
    #[error("`{0}` is a reserved word and cannot be the name of a field inside `$or`")]
    OrReserved(String),
    /// `{}` among the values of a field.
    #[error("an object among the values needs an operator, as in {{\"prefix\": \"x\"}}")]
    NoOperator,
    /// Two operators in one object.
    #[error("one operator for each object: put `{0}` into an object of its own")]
    SecondOperator(String),
    /// An operator that there is none of.
    #[error("there is no operator `{name}`{}", suggestion(hint.as_ref()))]
    UnknownOperator {
        /// As it is written.
        name: String,
        /// What was meant, perhaps.
        hint: Option<&'static str>,
    },
    /// An operator that takes a string got something else.
    #[error("`{operator}` needs a string, not {found}")]
    NeedsText {
        /// The operator.
        operator: &'static str,
        /// What it got.
        found: &'static str,
    },
    /// `prefix` or `suffix` got neither a string nor `{"equals-ignore-case": …}`.
    #[error("`{operator}` needs a string or {{\"equals-ignore-case\": \"…\"}}, not {found}")]
    NeedsTextOrFold {
        /// The operator.
        operator: &'static str,
        /// What it got.
        found: String,
    },
    /// `exists` got something else than true or false.
    #[error("`exists` needs true or false, not {0}")]
    NeedsBoolean(&'static str),
    /// `anything-but` got something that it cannot exclude.
    #[error(
        "`anything-but` needs a string, a number, a list of one kind of them, or one of prefix, suffix, \
         equals-ignore-case and wildcard; not {0}"
    )]
    ButOperand(String),
    /// `anything-but` with strings and numbers in one list.
    #[error("the list of `anything-but` must hold either strings or numbers, not both")]
    ButMixed,
    /// `anything-but` with an empty list.
    #[error("the list of `anything-but` is empty: use {{\"exists\": true}} for any value")]
    ButEmpty,
    /// `anything-but` with an operator that takes a string or a list of them, and got something else.
    #[error("`{operator}` within `anything-but` needs a string or a list of strings, not {found}")]
    ButNeedsTexts {
        /// The operator within.
        operator: &'static str,
        /// What it got.
        found: &'static str,
    },
    /// `anything-but` an empty prefix or suffix, which every string has.
    #[error("an empty `{0}` excludes every string")]
    ButEmptyText(&'static str),
    /// `numeric` without a list.
    #[error("`numeric` needs a list, as in [\">\", 0, \"<=\", 5], not {0}")]
    NumericNotAList(&'static str),
    /// `numeric` with something else than an operator where one belongs.
    #[error("`numeric` needs one of `=`, `<`, `<=`, `>`, `>=` here, not {0}")]
    NumericOperator(String),
    /// `numeric` with something else than a number where one belongs.
    #[error("`numeric` needs a number after `{operator}`, not {found}")]
    NumericOperand {
        /// The operator before it.
        operator: &'static str,
        /// What it got.
        found: &'static str,
    },
    /// `numeric` with a number that no double comes near.
    #[error("`numeric` cannot compare with {0}: it is beyond what a double holds")]
    NumericRange(String),
    /// `numeric` that goes on where it must end.
    #[error("`numeric` takes one comparison, or `>` or `>=` followed by `<` or `<=`")]
    NumericOrder,
    /// `numeric` that nothing can satisfy.
    #[error("no number is in the range of `numeric`: the first must be less than the second")]
    NumericEmpty,
    /// `cidr` that is no block of addresses.
    #[error("`cidr` needs a block of addresses, as in 10.0.0.0/24 or 2001:db8::/32: {0}")]
    Cidr(&'static str),
    /// `wildcard` that is none.
    #[error("`wildcard` has {0}")]
    Wildcard(&'static str),
}

fn suggestion(hint: Option<&&'static str>) -> String {
    hint.map_or_else(String::new, |hint| format!("; did you mean `{hint}`?"))
}

/// Patterns that are valid, but not for the source that they are to filter.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("pattern {}: {path}: {reason}", pattern + 1)]
pub struct FiltersError {
    /// Which pattern, from 0.
    pub pattern: usize,
    /// Where in its text, in bytes.
    pub offset: usize,
    /// The field, with dots.
    pub path: String,
    /// What is wrong with it.
    pub reason: FiltersReason,
}

/// Why a source refuses a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FiltersReason {
    /// Values for `data` itself: its content must be JSON to be filtered.
    #[error("a stream's `data` is filtered by the fields of its JSON: write an object, not a list of values")]
    DataNotAnObject,
    /// Values for `dynamodb` itself.
    #[error("`dynamodb` is an object: write an object with its fields, not a list of values")]
    DynamoDbNotAnObject,
}
