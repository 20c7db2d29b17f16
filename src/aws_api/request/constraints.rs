//! The constraints of the API's model. All that are not met are listed in one message.
//!
//! The form of the message, of paths and of printed values is that of AWS's framework: `1 validation error detected:
//! Value '0' at 'batchSize' failed to satisfy constraint: Member must have value greater than or equal to 1`.

use serde_json::{Map, Value};

use crate::aws_api::ApiError;
use crate::parameters::{
    Form, LONGEST_KEY, LONGEST_PATTERN, LONGEST_VALUE, Member, Shape, TAG, is_tag, join, of_the_api,
};

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

    /// Notes the constraints that a text does not meet.
    pub(crate) fn text(&mut self, text: &str, path: &str, (min, max): (usize, usize), form: Option<&Form>) {
        let value = format!("'{text}'");
        if let Some(form) = form.filter(|form| !form.fits(text)) {
            self.add(&value, path, &of_form(form));
        }
        self.length(units(text), &value, path, (min, max));
    }

    fn length(&mut self, length: usize, value: &str, path: &str, (min, max): (usize, usize)) {
        if length > max {
            self.add(value, path, &at_most(max));
        }
        if length < min {
            self.add(value, path, &at_least(min));
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

    /// Notes the constraints that the members of a structure do not meet.
    pub(crate) fn structure(&mut self, members: &Map<String, Value>, table: &'static [Member], path: &str) {
        for member in of_the_api(table) {
            if let Some(value) = members.get(member.name) {
                self.member(value, member, &join(path, &shown(member.name)));
            }
        }
    }

    fn member(&mut self, value: &Value, member: &Member, path: &str) {
        match (&member.shape, value) {
            (Shape::Text { min, max, form }, Value::String(text)) => {
                let least = member.least.and_then(|least| usize::try_from(least).ok());
                self.text(text, path, (least.unwrap_or(*min), *max), *form);
            }
            (Shape::Pattern, Value::String(text)) => self.text(text, path, (0, LONGEST_PATTERN), None),
            (Shape::Word(_), Value::String(text)) => {
                if let Some(constraint) = lacks(&member.shape, text) {
                    self.add(&format!("'{text}'"), path, &constraint);
                }
            }
            (Shape::Integer { min, max, .. }, number @ Value::Number(_)) => {
                self.integer(number, path, member.least.unwrap_or(*min), *max);
            }
            // The model has no length for lists of structures: the service has its own.
            (Shape::List { of: Shape::Map(table), .. }, Value::Array(values)) => {
                for (index, members) in
                    values.iter().enumerate().filter_map(|(at, value)| Some((at, value.as_object()?)))
                {
                    self.structure(members, table, &format!("{path}.{}.member", index + 1));
                }
            }
            (Shape::List { of, min, max }, Value::Array(values)) => {
                let list = format!("'{}'", printed(value));
                self.length(values.len(), &list, path, (*min, *max));
                // What simple elements lack is told of the list.
                if let Some(constraint) = values.iter().filter_map(Value::as_str).find_map(|text| lacks(of, text)) {
                    self.add(&list, path, &format!("Member must satisfy constraint: [{constraint}]"));
                }
            }
            (Shape::Map(table), Value::Object(members)) => self.structure(members, table, path),
            (Shape::Tags, Value::Object(tags)) => {
                let (keys, values) = (tags.keys().map(String::as_str), tags.values().filter_map(Value::as_str));
                let keys = of_tags("Map keys", keys, 1, LONGEST_KEY);
                for constraint in keys.into_iter().chain(of_tags("Map value", values, 0, LONGEST_VALUE)) {
                    self.add(&format!("'{}'", printed(value)), path, &constraint);
                }
            }
            _ => {}
        }
    }

    /// The keys of tags, as a list.
    pub(crate) fn tag_keys(&mut self, keys: &[String], path: &str) {
        if let Some(constraint) = of_tags("Member", keys.iter().map(String::as_str), 1, LONGEST_KEY) {
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

/// AWS's refusals name members with a small first letter: `batchSize`, `kMSKeyArn`.
fn shown(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// AWS counts as Java does.
fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

fn at_most(max: usize) -> String {
    format!("Member must have length less than or equal to {max}")
}

fn at_least(min: usize) -> String {
    format!("Member must have length greater than or equal to {min}")
}

fn of_form(form: &Form) -> String {
    format!("Member must satisfy regular expression pattern: {}", form.pattern)
}

/// What a text lacks for its shape: of a word its set, of a text everything that holds for it, whichever is not met.
fn lacks(shape: &Shape, text: &str) -> Option<String> {
    match *shape {
        Shape::Word(words) if !words.contains(&text) => {
            Some(format!("Member must satisfy enum value set: [{}]", words.join(", ")))
        }
        Shape::Text { min, max, form } => {
            let fits = form.is_none_or(|form| form.fits(text)) && (min..=max).contains(&units(text));
            (!fits).then(|| all_of(min, max, form))
        }
        _ => None,
    }
}

/// What the keys or values of tags lack.
fn of_tags<'t>(what: &str, mut texts: impl Iterator<Item = &'t str>, min: usize, max: usize) -> Option<String> {
    let fit = texts.all(|text| (min..=max).contains(&units(text)) && is_tag(text));
    (!fit).then(|| format!("{what} must satisfy constraint: [{}]", all_of(min, max, Some(&TAG))))
}

fn all_of(min: usize, max: usize, form: Option<&Form>) -> String {
    [at_most(max), at_least(min)].into_iter().chain(form.map(of_form)).collect::<Vec<_>>().join(", ")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_shown_as_aws_shows_them() {
        for (name, expected) in
            [("BatchSize", "batchSize"), ("KMSKeyArn", "kMSKeyArn"), ("UUID", "uUID"), ("", ""), ("É", "é")]
        {
            assert_eq!(shown(name), expected);
        }
    }
}
