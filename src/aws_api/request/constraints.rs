//! The constraints of the API's model. All that are not met are told in one message.
//!
//! The form of the message, of paths and of printed values is that of AWS's framework: `1 validation error detected:
//! Value '0' at 'batchSize' failed to satisfy constraint: Member must have value greater than or equal to 1`.

use serde_json::{Map, Value};

use super::members::{Member, Shape, shown};
use super::patterns::Form;
use crate::aws_api::ApiError;

/// What is wrong, one entry a constraint.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<String>);

impl Findings {
    /// Notes a constraint that a value does not meet.
    fn add(&mut self, value: &str, path: &str, constraint: &str) {
        self.0.push(format!("Value {value} at '{path}' failed to satisfy constraint: {constraint}"));
    }

    /// Notes a required member that is not there.
    pub(crate) fn missing(&mut self, path: &str) {
        self.add("null", path, "Member must not be null");
    }

    /// Notes whatever a text does not meet.
    pub(crate) fn text(&mut self, text: &str, path: &str, (min, max): (usize, usize), form: Option<Form>) {
        let value = format!("'{text}'");
        if let Some(form) = form
            && !form.fits(text)
        {
            self.add(&value, path, &of_form(form));
        }
        for constraint in lengths(units(text), min, max) {
            self.add(&value, path, &constraint);
        }
    }

    /// Notes a whole number that is out of its range.
    pub(crate) fn integer(&mut self, number: &Value, path: &str, min: i64, max: i64) {
        // What is no `i64` is beyond it.
        let value = number.as_i64().unwrap_or(i64::MAX);
        if value < min {
            self.add(&format!("'{number}'"), path, &format!("Member must have value greater than or equal to {min}"));
        }
        if value > max {
            self.add(&format!("'{number}'"), path, &format!("Member must have value less than or equal to {max}"));
        }
    }

    /// Notes whatever the members of a structure do not meet.
    pub(crate) fn structure(&mut self, members: &Map<String, Value>, table: &'static [Member], path: &str) {
        for member in table {
            if let Some(value) = members.get(member.name) {
                self.value(value, &member.shape, &format!("{path}{}", shown(member.name)));
            }
        }
    }

    fn value(&mut self, value: &Value, shape: &Shape, path: &str) {
        match (shape, value) {
            (Shape::Text { min, max, form }, Value::String(text)) => self.text(text, path, (*min, *max), *form),
            (Shape::Word(words), Value::String(text)) if !words.contains(&text.as_str()) => {
                self.add(&format!("'{text}'"), path, &of_words(words));
            }
            (Shape::Integer { min, max }, number @ Value::Number(_)) => self.integer(number, path, *min, *max),
            (Shape::List { of, min, max }, Value::Array(values)) => {
                for constraint in lengths(values.len(), *min, *max) {
                    self.add(&format!("'{}'", printed(value)), path, &constraint);
                }
                self.elements(value, values, of, path);
            }
            (Shape::Structure(table), Value::Object(members)) => self.structure(members, table, &format!("{path}.")),
            (Shape::Tags, Value::Object(tags)) => self.tags(tags, path),
            _ => {}
        }
    }

    /// Elements that are structures have paths of their own; what simple elements lack is told of the list.
    fn elements(&mut self, list: &Value, values: &[Value], of: &Shape, path: &str) {
        let mut broken: Vec<String> = Vec::new();
        for (index, value) in values.iter().enumerate() {
            match (of, value) {
                (Shape::Structure(table), Value::Object(members)) => {
                    self.structure(members, table, &format!("{path}.{}.member.", index + 1));
                }
                (Shape::Word(words), Value::String(text)) if !words.contains(&text.as_str()) => {
                    broken.push(of_words(words));
                }
                (Shape::Text { min, max, form }, Value::String(text)) => {
                    let fits = form.is_none_or(|form| form.fits(text)) && (*min..=*max).contains(&units(text));
                    if !fits {
                        broken.push(all_of(*min, *max, *form));
                    }
                }
                _ => {}
            }
        }
        if let Some(constraint) = broken.first() {
            let constraint = format!("Member must satisfy constraint: [{constraint}]");
            self.add(&format!("'{}'", printed(list)), path, &constraint);
        }
    }

    /// Keys and values of tags.
    pub(crate) fn tags(&mut self, tags: &Map<String, Value>, path: &str) {
        let fits = |text: &str, min: usize, max: usize| (min..=max).contains(&units(text)) && Form::Tag.fits(text);
        let whole = || format!("'{}'", printed(&Value::Object(tags.clone())));
        if tags.keys().any(|key| !fits(key, 1, KEY)) {
            let constraint = format!("Map keys must satisfy constraint: [{}]", all_of(1, KEY, Some(Form::Tag)));
            self.add(&whole(), path, &constraint);
        }
        if tags.values().any(|value| !fits(value.as_str().unwrap_or_default(), 0, VALUE)) {
            let constraint = format!("Map value must satisfy constraint: [{}]", all_of(0, VALUE, Some(Form::Tag)));
            self.add(&whole(), path, &constraint);
        }
    }

    /// The keys of tags, as a list.
    pub(crate) fn tag_keys(&mut self, keys: &[String], path: &str) {
        let fits = |key: &String| (1..=KEY).contains(&units(key)) && Form::Tag.fits(key);
        if !keys.iter().all(fits) {
            let constraint = format!("Member must satisfy constraint: [{}]", all_of(1, KEY, Some(Form::Tag)));
            self.add(&format!("'[{}]'", keys.join(", ")), path, &constraint);
        }
    }

    /// The one error of all findings.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        match self.0.len() {
            0 => Ok(()),
            1 => Err(ApiError::Validation(format!("1 validation error detected: {}", self.0.concat()))),
            count => Err(ApiError::Validation(format!("{count} validation errors detected: {}", self.0.join("; ")))),
        }
    }
}

/// The longest key and the longest value of a tag.
const KEY: usize = 128;
const VALUE: usize = 256;

/// AWS counts as Java does.
fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

fn lengths(length: usize, min: usize, max: usize) -> impl Iterator<Item = String> {
    let long = (length > max).then(|| format!("Member must have length less than or equal to {max}"));
    let short = (length < min).then(|| format!("Member must have length greater than or equal to {min}"));
    long.into_iter().chain(short)
}

fn of_form(form: Form) -> String {
    format!("Member must satisfy regular expression pattern: {}", form.pattern())
}

fn of_words(words: &[&str]) -> String {
    format!("Member must satisfy enum value set: [{}]", words.join(", "))
}

/// Everything that holds for the elements of a list or map, whichever is not met.
fn all_of(min: usize, max: usize, form: Option<Form>) -> String {
    let mut all = vec![
        format!("Member must have length less than or equal to {max}"),
        format!("Member must have length greater than or equal to {min}"),
    ];
    all.extend(form.map(of_form));
    all.join(", ")
}

/// A value as Java prints it: `[a, b]`, `{a=1, b=2}`.
fn printed(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => format!("[{}]", values.iter().map(printed).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let members: Vec<String> = members.iter().map(|(key, value)| format!("{key}={}", printed(value))).collect();
            format!("{{{}}}", members.join(", "))
        }
        other => other.to_string(),
    }
}
