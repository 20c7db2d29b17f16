//! What AWS Lambda asks before it makes a mapping, and in which words it refuses.

use std::time::Duration;

use futures_util::future;

use super::ApiError;
use super::names::function_at;
use crate::engine::{Connector, SourcePort};
use crate::function::FunctionSettings;
use crate::machine::{Fault, FaultKind};
use crate::mapping::{Arn, FunctionRef, Mapping};

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Function and source: of a mapping that is made.
    All,
    /// The function, and whether a queue hides its messages for long enough for it: of a mapping that gets another
    /// function.
    Function,
}

/// Asks the function and the source, and refuses in AWS's words. Answers with the function's configuration, unless it
/// may not be read.
///
/// # Errors
/// When one of them does not exist, may not be used or cannot be asked, or when the two do not fit.
pub(crate) async fn ask(
    connector: &dyn Connector,
    mapping: &Mapping,
    asked: Asked,
) -> Result<Option<FunctionSettings>, ApiError> {
    let ports = connector.connect(mapping).await.map_err(|fault| broken("the mapping cannot be connected", &fault))?;
    let source = async {
        match &ports.source {
            SourcePort::Queue(queue) => queue.describe().await.map(|queue| Some(queue.visibility)),
            // That it answers is enough; its shards are no matter here.
            SourcePort::Stream(stream) if asked == Asked::All => stream.shards().await.map(|_| None),
            SourcePort::Stream(_) => Ok(None),
        }
    };
    let (source, function) = future::join(source, ports.function.describe()).await;
    let settings = function_said(mapping, function)?;
    let visibility = source.map_err(|fault| source_refused(mapping, &fault))?;
    if let (Some(visibility), Some(settings)) = (visibility, &settings) {
        long_enough(visibility, settings.timeout)?;
    }
    Ok(settings)
}

fn function_said(
    mapping: &Mapping,
    said: Result<FunctionSettings, Fault>,
) -> Result<Option<FunctionSettings>, ApiError> {
    match said {
        Ok(settings) => Ok(Some(settings)),
        Err(fault) => match fault.kind {
            FaultKind::Missing => Err(ApiError::no_such_function()),
            // Whoever may invoke a function need not be allowed to read its configuration.
            FaultKind::Denied => {
                let function = &mapping.function.text;
                tracing::warn!(function, %fault, "not allowed to read the function's configuration: its settings are \
                    not checked");
                Ok(None)
            }
            _ => Err(broken("the function cannot be asked", &fault)),
        },
    }
}

fn source_refused(mapping: &Mapping, fault: &Fault) -> ApiError {
    let (arn, rules) = (mapping.source.id(), mapping.source.rules());
    match fault.kind {
        FaultKind::Missing if rules.sharded => ApiError::no_such_stream(arn),
        FaultKind::Missing => ApiError::no_such_queue(),
        FaultKind::Denied => {
            // AWS's text does not say why.
            tracing::warn!(source = arn, %fault, "not allowed to use the source");
            let Some(actions) = rules.shown.denied_actions else { return ApiError::queue_denied() };
            ApiError::InvalidParameterValue(format!(
                "Cannot access stream {arn}. Please ensure the role can perform the {actions} Actions on your stream \
                 in IAM."
            ))
        }
        _ => broken(&format!("the {} cannot be asked", rules.noun), fault),
    }
}

fn long_enough(visibility: Duration, timeout: Duration) -> Result<(), ApiError> {
    if visibility >= timeout {
        return Ok(());
    }
    Err(ApiError::visibility_too_short(visibility.as_secs(), timeout.as_secs()))
}

/// The refusal of a mapping whose pair of source and function is taken.
pub(crate) fn pair_taken(mapping: &Mapping, uuid: &str) -> ApiError {
    let (arn, name) = (mapping.source.id(), &mapping.function.name);
    if mapping.source.rules().sharded {
        ApiError::stream_taken(arn, name, uuid)
    } else {
        ApiError::queue_taken(arn, name, uuid)
    }
}

/// The whole ARN of a function, with its qualifier. What its name does not say is what its configuration says, or what
/// is said of the source: AWS wants both in one place.
pub(crate) fn whole_arn(function: &FunctionRef, settings: Option<&FunctionSettings>, source: &Arn) -> String {
    let written = Arn::parse(&function.text);
    let read = settings.and_then(|settings| settings.arn.as_deref()).and_then(Arn::parse);
    let read = read.as_ref().filter(|arn| arn.service == "lambda" && !arn.region.is_empty() && !arn.account.is_empty());
    let known = written.as_ref().or(read).unwrap_or(source);
    let region = function.region.as_deref().or(read.map(|arn| arn.region.as_str())).unwrap_or(&source.region);
    let account = function.account.as_deref().or(read.map(|arn| arn.account.as_str())).unwrap_or(&source.account);
    function_at(&format!("arn:{}:lambda:{region}:{account}", known.partition), function)
}

/// Something between us and AWS does not work, and what is asked for may be right; or the service says that it is not.
fn broken(what: &str, fault: &Fault) -> ApiError {
    match fault.kind {
        FaultKind::Invalid => ApiError::InvalidParameterValue(format!("{what}: {fault}")),
        _ => ApiError::Service(format!("{what}: {fault}; nothing was changed, try again")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(text: &str) -> FunctionRef {
        FunctionRef::parse(text).unwrap()
    }

    #[test]
    fn a_function_is_named_by_its_whole_arn() {
        let source = Arn::parse("arn:aws-cn:sqs:cn-north-1:000000000001:orders").unwrap();
        let told = |arn: &str| FunctionSettings {
            timeout: Duration::from_secs(3),
            reserved_concurrency: None,
            role: None,
            arn: Some(arn.to_owned()),
        };
        let own = told("arn:aws:lambda:eu-west-1:000000000002:function:work:7");
        let odd = told("arn:aws:states:eu-west-1:000000000002:function:work");
        let whole = "arn:aws-us-gov:lambda:us-gov-west-1:000000000003:function:work:live";
        let table = [
            ("work", None, "arn:aws-cn:lambda:cn-north-1:000000000001:function:work"),
            ("work:live", None, "arn:aws-cn:lambda:cn-north-1:000000000001:function:work:live"),
            ("work", Some(&own), "arn:aws:lambda:eu-west-1:000000000002:function:work"),
            ("work:$LATEST", Some(&own), "arn:aws:lambda:eu-west-1:000000000002:function:work:$LATEST"),
            ("work", Some(&odd), "arn:aws-cn:lambda:cn-north-1:000000000001:function:work"),
            ("000000000004:function:work:1", Some(&own), "arn:aws:lambda:eu-west-1:000000000004:function:work:1"),
            ("000000000004:function:work", None, "arn:aws-cn:lambda:cn-north-1:000000000004:function:work"),
            (whole, Some(&own), whole),
        ];
        for (written, settings, expected) in table {
            assert_eq!(whole_arn(&function(written), settings, &source), expected, "{written}");
        }
    }

    #[test]
    fn a_queue_hides_for_at_least_as_long_as_the_function_may_run() {
        let seconds = Duration::from_secs;
        assert_eq!(long_enough(seconds(30), seconds(30)), Ok(()));
        let text = "Queue visibility timeout: 30 seconds is less than Function timeout: 900 seconds";
        assert_eq!(long_enough(seconds(30), seconds(900)).unwrap_err().to_string(), text);
    }
}
