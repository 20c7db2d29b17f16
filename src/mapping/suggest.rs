//! What an unknown key was likely meant to be.

use crate::parameters::{self, MAPPING, Member, Owner, below, join};

/// The parameter to which other tools give another name.
fn of_other_tools(plain: &str) -> Option<&'static str> {
    Some(match plain {
        "arn" | "queue" | "queueurl" | "source" | "stream" | "streamarn" => "EventSourceArn",
        "function" | "lambda" => "FunctionName",
        "batchwindow" | "maximumbatchingwindow" => "MaximumBatchingWindowInSeconds",
        "functionresponsetype" => "FunctionResponseTypes",
        "reportbatchitemfailures" => "FunctionResponseTypes: [ReportBatchItemFailures]",
        "filterpatterns" => "FilterCriteria",
        "retryattempts" | "maximumretries" => "MaximumRetryAttempts",
        "maxrecordage" | "maximumrecordage" => "MaximumRecordAgeInSeconds",
        "bisectbatchonerror" => "BisectBatchOnFunctionError",
        "tumblingwindow" => "TumblingWindowInSeconds",
        _ => return None,
    })
}

/// Help for a key that `table` does not have.
pub(crate) fn help(table: &'static [Member], key: &str) -> String {
    let plain = plain(key);
    let taken = || table.iter().filter(|member| member.owner != Owner::ReadOnly);
    if let Some(member) = taken().find(|member| self::plain(member.name) == plain) {
        return format!("write `{}`", member.name);
    }
    if let Some(name) = of_other_tools(&plain).filter(|_| std::ptr::eq(table, MAPPING)) {
        return format!("write `{name}`");
    }
    if plain == "dynamodb" && parameters::find(table, "dynamodbstreams").is_some() {
        return "did you mean `dynamodbstreams`? A mapping calls the API of streams, not that of tables".into();
    }
    let close = |member: &&Member| strsim::damerau_levenshtein(&self::plain(member.name), &plain);
    if let Some(member) = taken().min_by_key(close).filter(|member| close(member) <= 1 + plain.len() / 5) {
        return format!("did you mean `{}`?", member.name);
    }
    let mut homes = Vec::new();
    elsewhere(MAPPING, "", &plain, &mut homes);
    if !homes.is_empty() {
        return format!(
            "`{}` belongs under {}",
            homes[0].1,
            homes.iter().map(|(home, _)| home.as_str()).collect::<Vec<_>>().join(" or ")
        );
    }
    if std::ptr::eq(table, MAPPING) {
        return "remove it; docs/mapping-files.md lists what a mapping takes".into();
    }
    let names: Vec<_> = taken().map(|member| format!("`{}`", member.name)).collect();
    format!("remove it; only {} is allowed here", names.join(", "))
}

/// The word that a text was likely meant to be, if it is another.
pub(crate) fn word(words: &[&'static str], text: &str) -> Option<&'static str> {
    let text_plain = plain(text);
    let close = |word: &&&'static str| strsim::damerau_levenshtein(&plain(word), &text_plain);
    let best = words.iter().min_by_key(close)?;
    (**best != *text && close(&best) <= 1 + text_plain.len() / 5).then_some(best)
}

/// Every place that has a member of that name.
fn elsewhere(table: &'static [Member], path: &str, plain: &str, homes: &mut Vec<(String, &'static str)>) {
    for member in table {
        if self::plain(member.name) == plain {
            homes.push((if path.is_empty() { "the mapping itself".into() } else { format!("`{path}`") }, member.name));
        }
        if let Some(members) = below(&member.shape).filter(|_| member.is_taken()) {
            elsewhere(members, &join(path, member.name), plain, homes);
        }
    }
}

/// Without case, underscores and hyphens.
fn plain(key: &str) -> String {
    key.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::{ENDPOINTS, Shape};

    #[test]
    fn finds_what_was_meant() {
        for (key, expected) in [
            ("BachSize", "did you mean `BatchSize`?"),
            ("batch_size", "write `BatchSize`"),
            ("BATCHSIZE", "write `BatchSize`"),
            ("arn", "write `EventSourceArn`"),
            ("MaximumConcurrency", "`MaximumConcurrency` belongs under `ScalingConfig`"),
            ("role_arn", "`RoleArn` belongs under `Poller.Source` or `Poller.Function` or `Poller.Destination`"),
            ("bisectBatchOnError", "write `BisectBatchOnFunctionError`"),
            ("retryAttempts", "write `MaximumRetryAttempts`"),
            ("ReadsPerSecond", "`ReadsPerSecond` belongs under `Poller`"),
            ("group_order", "`GroupOrder` belongs under `Poller`"),
            ("Colour", "remove it; docs/mapping-files.md lists what a mapping takes"),
        ] {
            assert_eq!(help(MAPPING, key), expected, "{key}");
        }
    }

    #[test]
    fn lists_what_a_small_table_takes() {
        let Shape::Map(scaling) = parameters::find(MAPPING, "ScalingConfig").unwrap().shape else { panic!("a map") };
        assert_eq!(help(scaling, "Colour"), "remove it; only `MaximumConcurrency` is allowed here");
        assert_eq!(help(ENDPOINTS, "kinessis"), "did you mean `kinesis`?");
        assert_eq!(help(scaling, "batchSize"), "`BatchSize` belongs under the mapping itself");
    }
}
