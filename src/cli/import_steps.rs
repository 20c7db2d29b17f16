//! What to do after an import and before the first run.

use crate::mapping::import::{AtAws, Imported};

/// The steps, as they are said.
pub(super) fn next_steps(mappings: &[Imported], disabled: bool) -> Vec<String> {
    if mappings.is_empty() {
        return Vec::new();
    }
    let mut steps = vec!["Before you run forebay with these files:".to_owned()];
    steps.push(
        "* Rename a mapping now if you do not like its name. Checkpoints and metrics keep the name of their mapping."
            .into(),
    );
    let at_aws: Vec<&AtAws> = mappings.iter().filter_map(|mapping| mapping.at_aws.as_ref()).collect();
    if !at_aws.is_empty() {
        steps.push("* Disable AWS's own mappings. Until then, AWS and forebay poll the same sources:".into());
        let each = |at_aws: &&AtAws| format!("    {}", disable(at_aws).unwrap_or_else(|| by_hand(at_aws)));
        steps.extend(at_aws.iter().map(each));
        steps.push("  A stack or Terraform that manages a mapping can enable it again: disable it there, too.".into());
    }
    let named = |wanted: fn(&str) -> bool| {
        let names = mappings.iter().filter(|mapping| mapping.start.as_deref().is_some_and(wanted));
        names.map(|mapping| mapping.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (latest, earlier) = (named(|start| start == "LATEST"), named(|start| start != "LATEST"));
    if !latest.is_empty() {
        steps.push(format!(
            "* Avoid the gap at LATEST ({latest}): records written after AWS's mapping stops and before forebay starts are \
             never read. docs/streams.md, \"Taking a stream over from AWS\", says how."
        ));
    }
    if !earlier.is_empty() {
        steps.push(format!(
            "* Check StartingPosition ({earlier}): forebay starts there, and not where AWS's mapping has stopped. \
             Functions see old records again."
        ));
    }
    if disabled {
        steps.push(
            "* These mappings are disabled: set `Enabled: true`, or remove the line, when AWS's are disabled.".into(),
        );
    }
    steps
}

/// The command that disables a mapping of AWS's. None where a shell might read something else into it.
fn disable(at_aws: &AtAws) -> Option<String> {
    let AtAws { uuid, source, function } = at_aws;
    let region = match source.split(':').nth(3).unwrap_or_default() {
        "" => String::new(),
        region if is_plain(region) => format!(" --region {region}"),
        // A variable of the mapping file is one of the shell's, too.
        _ => " --region \"${AWS_REGION}\"".into(),
    };
    let update = format!("aws lambda update-event-source-mapping{region} --no-enabled --uuid");
    match uuid {
        Some(uuid) => {
            is_plain(uuid).then(|| format!("aws lambda update-event-source-mapping --uuid {uuid}{region} --no-enabled"))
        }
        None => Some(format!(
            "aws lambda list-event-source-mappings{region} --event-source-arn {} --function-name {} \
             --query 'EventSourceMappings[].UUID' --output text | xargs -rn1 {update}",
            quoted(source)?,
            quoted(function)?
        )),
    }
}

fn by_hand(at_aws: &AtAws) -> String {
    let shown = |text: &str| text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect::<String>();
    format!("(the mapping of {} to {})", shown(&at_aws.source), shown(&at_aws.function))
}

/// A text for a shell, which fills in variables as forebay does.
fn quoted(text: &str) -> Option<String> {
    if is_plain(text) {
        return Some(text.into());
    }
    let is_safe = |c: char| c.is_ascii_alphanumeric() || ":/_.-${}".contains(c);
    // `$${` is how a mapping file writes a literal `${`.
    (text.chars().all(is_safe) && !text.contains("$$")).then(|| format!("\"{text}\""))
}

/// No shell sees anything in it.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || ":/_.-".contains(c)) && !text.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(uuid: Option<&str>, source: &str, function: &str) -> Option<String> {
        disable(&AtAws { uuid: uuid.map(Into::into), source: source.into(), function: function.into() })
    }

    #[test]
    fn a_mapping_with_a_uuid_is_disabled_by_it() {
        assert_eq!(
            command(Some("0b2a-1"), "arn:aws:sqs:eu-west-1:123456789012:q", "f").unwrap(),
            "aws lambda update-event-source-mapping --uuid 0b2a-1 --region eu-west-1 --no-enabled"
        );
        for uuid in ["", "$(x)", "a b", "a;b", "--uuid", "`x`"] {
            assert_eq!(command(Some(uuid), "arn:aws:sqs:eu-west-1:123456789012:q", "f"), None, "{uuid}");
        }
    }

    #[test]
    fn others_are_found_by_source_and_function() {
        let said = command(None, "arn:aws:sqs:${AWS_REGION}:${AWS_ACCOUNT_ID}:q", "${F:-f}").unwrap();
        assert_eq!(
            said,
            "aws lambda list-event-source-mappings --region \"${AWS_REGION}\" --event-source-arn \
             \"arn:aws:sqs:${AWS_REGION}:${AWS_ACCOUNT_ID}:q\" --function-name \"${F:-f}\" \
             --query 'EventSourceMappings[].UUID' --output text | xargs -rn1 aws lambda update-event-source-mapping \
             --region \"${AWS_REGION}\" --no-enabled --uuid"
        );
        for function in ["$(x)", "`x`", "$${X}", "a\"b", "a'b", "a b"] {
            assert_eq!(command(None, "arn:aws:sqs:eu-west-1:123456789012:q", function), None, "{function}");
        }
    }
}
