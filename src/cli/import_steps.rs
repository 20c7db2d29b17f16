//! What to do after an import and before the first run.

use crate::import::{AtAws, Imported};

/// Finds AWS's mapping of a source and a function, and disables it. A mapping may read a stream through a consumer.
const DISABLE: &str = "disable_mapping() { aws lambda list-event-source-mappings --region \"$1\" --function-name \
    \"$3\" \
                       --query \"EventSourceMappings[?EventSourceArn=='$2'||\
                       starts_with(not_null(EventSourceArn,''),'$2/consumer/')].UUID\" --output text | \
                       xargs -rn1 aws lambda update-event-source-mapping --region \"$1\" --no-enabled --uuid; }";

/// The steps, as they are said.
pub(super) fn next_steps(mappings: &[Imported], disabled: bool) -> Vec<String> {
    let at_aws: Vec<(&str, &AtAws)> =
        mappings.iter().filter_map(|mapping| Some((mapping.name.as_str(), mapping.at_aws.as_ref()?))).collect();
    if at_aws.is_empty() {
        return Vec::new();
    }
    let mut steps = vec![
        "Before you run forebay with these files:".to_owned(),
        "* Rename mappings whose names you do not like. Checkpoints and metrics keep the name of their mapping.".into(),
    ];
    let commands: Vec<String> =
        at_aws.iter().filter(|(_, at_aws)| at_aws.enabled).map(|(_, at_aws)| disable(at_aws)).collect();
    if !commands.is_empty() {
        steps.push("* Disable AWS's own mappings. Until then, AWS and forebay poll the same sources:".into());
        if commands.iter().any(|command| command.starts_with("disable_mapping ")) {
            steps.push(format!("    {DISABLE}"));
        }
        steps.extend(commands.iter().map(|command| format!("    {command}")));
        steps.push("  A stack or Terraform that manages a mapping can enable it again: disable it there, too.".into());
    }
    let named = |wanted: fn(&str) -> bool| {
        let names = at_aws.iter().filter(|(_, at_aws)| at_aws.start.as_deref().is_some_and(wanted));
        names.map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    };
    let (latest, earlier) = (named(|start| start == "LATEST"), named(|start| start != "LATEST"));
    if !latest.is_empty() {
        steps.push(format!(
            "* Avoid the gap at LATEST ({latest}): records written after AWS's mapping stops and before forebay starts \
             are \
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
        steps.push("* Enable the new mappings when AWS's are disabled: set `Enabled: true`.".into());
    }
    steps
}

/// The command that disables a mapping of AWS's.
fn disable(at_aws: &AtAws) -> String {
    command(at_aws).unwrap_or_else(|| by_hand(at_aws))
}

/// None where a shell might read something else into it.
fn command(AtAws { uuid, source, function, .. }: &AtAws) -> Option<String> {
    // A variable of the mapping file is one of the shell's, too.
    let region = match source.splitn(4, ':').nth(3) {
        Some(rest) if rest.starts_with("${") => rest.split_inclusive('}').next(),
        Some(rest) => rest.split(':').next(),
        None => Some("${AWS_REGION}"),
    };
    let region = quoted(region?)?;
    match uuid {
        Some(uuid) if is_plain(uuid) => {
            Some(format!("aws lambda update-event-source-mapping --uuid {uuid} --region {region} --no-enabled"))
        }
        Some(_) => None,
        None => Some(format!("disable_mapping {region} {} {}", quoted(source)?, quoted(function)?)),
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

    fn disabled(uuid: Option<&str>, source: &str, function: &str) -> Option<String> {
        let uuid = uuid.map(Into::into);
        command(&AtAws { uuid, source: source.into(), function: function.into(), enabled: true, start: None })
    }

    const QUEUE: &str = "arn:aws:sqs:eu-west-1:123456789012:q";

    #[test]
    fn a_mapping_with_a_uuid_is_disabled_by_it() {
        assert_eq!(
            disabled(Some("0b2a-1"), QUEUE, "f").unwrap(),
            "aws lambda update-event-source-mapping --uuid 0b2a-1 --region eu-west-1 --no-enabled"
        );
        for uuid in ["", "$(x)", "a b", "a;b", "--uuid", "`x`"] {
            assert_eq!(disabled(Some(uuid), QUEUE, "f"), None, "{uuid}");
        }
    }

    #[test]
    fn others_are_found_by_source_and_function() {
        assert_eq!(disabled(None, QUEUE, "f:live").unwrap(), format!("disable_mapping eu-west-1 {QUEUE} f:live"));
        assert_eq!(
            disabled(None, "arn:aws:sqs:${AWS_REGION}:${AWS_ACCOUNT_ID}:q", "${F:-f}").unwrap(),
            "disable_mapping \"${AWS_REGION}\" \"arn:aws:sqs:${AWS_REGION}:${AWS_ACCOUNT_ID}:q\" \"${F:-f}\""
        );
        assert_eq!(
            disabled(None, "arn:aws:sqs:${R:-us-east-1}:1:q", "f").unwrap(),
            "disable_mapping \"${R:-us-east-1}\" \"arn:aws:sqs:${R:-us-east-1}:1:q\" f"
        );
        assert_eq!(disabled(None, "${QUEUE}", "f").unwrap(), "disable_mapping \"${AWS_REGION}\" \"${QUEUE}\" f");
        for function in ["$(x)", "`x`", "$${X}", "a\"b", "a'b", "a b"] {
            assert_eq!(disabled(None, QUEUE, function), None, "{function}");
        }
    }
}
