//! `CreateEventSourceMapping` and `UpdateEventSourceMapping`: from the body to parameters that hold together.

use serde_json::Value;

use super::body::{self, Members};
use super::canonical::Parameters;
use super::constraints::Findings;
use super::function::FunctionParts;
use super::members::MAPPING;
use super::rules;
use crate::aws_api::ApiError;

/// What an update makes of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Update {
    /// All parameters of the mapping from now on.
    pub(crate) parameters: Parameters,
    /// `Enabled`, where the request has it.
    pub(crate) switches: Option<bool>,
    /// The request has `FunctionName`: the function is to be checked again, and the queue's visibility against it.
    pub(crate) names_function: bool,
}

/// Reads the body of a create: JSON, types, the model's constraints, then the service's own checks as far as they need no AWS.
pub(crate) fn create(body: &[u8]) -> Result<Parameters, ApiError> {
    let mut members = body::read(body, MAPPING, false)?;
    let mut findings = Findings::default();
    if !members.contains_key("FunctionName") {
        findings.missing("functionName");
    }
    findings.structure(&members, MAPPING, "");
    findings.finish()?;
    function(&mut members)?;
    let parameters = Parameters::of(members);
    rules::check(&parameters)?;
    Ok(parameters)
}

/// Reads the body of an update and applies it to a mapping's parameters: what is absent or null stays, what is given replaces,
/// empty structures, lists and texts clear. What comes out is checked as a whole.
pub(crate) fn update(current: &Parameters, body: &[u8]) -> Result<Update, ApiError> {
    let mut members = body::read(body, MAPPING, true)?;
    let mut findings = Findings::default();
    findings.structure(&members, MAPPING, "");
    findings.finish()?;
    function(&mut members)?;
    let switches = members.get("Enabled").and_then(Value::as_bool);
    let names_function = members.contains_key("FunctionName");
    let mut merged = current.0.clone();
    merged.extend(members);
    let parameters = Parameters::of(merged);
    rules::check(&parameters)?;
    Ok(Update { parameters, switches, names_function })
}

/// Writes the function's short forms out.
fn function(members: &mut Members) -> Result<(), ApiError> {
    let Some(Value::String(name)) = members.get_mut("FunctionName") else { return Ok(()) };
    *name = FunctionParts::plain(name).ok_or_else(|| {
        ApiError::InvalidParameterValue(format!(
            "The function {name} is named by a region without its ARN: write its name, its ARN, or ACCOUNT:function:NAME."
        ))
    })?;
    Ok(())
}
