//! `CreateEventSourceMapping` and `UpdateEventSourceMapping`: from the body to parameters.

use serde_json::Value;

use super::body::{self, Members};
use super::canonical::Parameters;
use super::constraints::Findings;
use super::function::FunctionParts;
use crate::aws_api::ApiError;
use crate::parameters::MAPPING;

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

/// Reads the body of a create: JSON, types, the model's constraints.
pub(crate) fn create(body: &[u8]) -> Result<Parameters, ApiError> {
    let members = body::read(body, MAPPING, false)?;
    let mut findings = Findings::default();
    if !members.contains_key("FunctionName") {
        findings.missing("functionName");
    }
    Ok(Parameters::of(met(members, findings)?))
}

/// Reads the body of an update and applies it to a mapping's parameters: what is absent or null stays, what is given
/// replaces, empty structures, lists and texts clear.
pub(crate) fn update(current: &Parameters, body: &[u8]) -> Result<Update, ApiError> {
    let members = met(body::read(body, MAPPING, true)?, Findings::default())?;
    let switches = members.get("Enabled").and_then(Value::as_bool);
    let names_function = members.contains_key("FunctionName");
    let mut merged = current.0.clone();
    merged.extend(members);
    Ok(Update { parameters: Parameters::of(merged), switches, names_function })
}

/// Members that meet the model's constraints, with the function's short forms written out.
fn met(mut members: Members, mut findings: Findings) -> Result<Members, ApiError> {
    findings.structure(&members, MAPPING, "");
    findings.finish()?;
    if let Some(Value::String(name)) = members.get_mut("FunctionName") {
        *name = FunctionParts::plain(name).ok_or_else(|| {
            ApiError::InvalidParameterValue(format!(
                "The function {name} is named by a region without its ARN: write its name, its ARN, or \
                 ACCOUNT:function:NAME."
            ))
        })?;
    }
    Ok(members)
}
