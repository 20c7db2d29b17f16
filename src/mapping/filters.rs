//! `FilterCriteria`, and what becomes of the records that it stops: `Poller.OnFiltered` and `Poller.OnUndecidable`.

use super::code::Code;
use super::destination;
use super::impossible;
use super::model::FailureDestination;
use super::pattern::Written;
use super::reader::{Reader, short};
use super::scalar::is_word;
use super::sources::Rules;
use super::spec::{SourceKind, SourceSpec};
use super::suggest;
use super::text::Span;
use super::value::{Kind, Members, Value};
use crate::filter::{Filters, FiltersReason};
use crate::machine::{Screened, ScreeningPolicy};
use crate::parameters::MOST_FILTERS;

/// As many filters AWS takes without being asked for more.
const USUAL: usize = 5;

/// What `Poller.OnFiltered` says where it names no destination.
const WORDS: &[&str] = &["Delete", "Release"];

/// What a mapping lets pass, and what becomes of the rest.
#[derive(Debug, Default)]
pub(crate) struct Filtering {
    pub(crate) patterns: Vec<String>,
    pub(crate) filtered_to: Option<FailureDestination>,
    pub(crate) screening: ScreeningPolicy,
}

/// Reads the filters of a mapping. No filter at all, or an empty list of them, lets everything pass.
pub(crate) fn read(
    reader: &mut Reader<'_>,
    members: &Members,
    source: &SourceSpec,
    on_failure: Option<&FailureDestination>,
) -> Filtering {
    let criteria = members.map("FilterCriteria");
    let filters = criteria.map(|criteria| criteria.list("Filters")).unwrap_or_default();
    let patterns = filters.iter().filter_map(|filter| pattern(reader, filter, source.kind())).collect();
    if let Some(sixth) = filters.get(USUAL) {
        let message =
            format!("{} filters: AWS takes {USUAL}, and up to {MOST_FILTERS} after a quota increase", filters.len());
        let help = "join filters where you can: `{\"a\": [1, 2]}` or `{\"$or\": [{\"a\": [1]}, {\"b\": [2]}]}`";
        reader.warning(Code::ManyFilters, sixth.span, message, help);
    }
    let broken = |members: &Members, name| members.broken.contains(&name);
    let filtered = !filters.is_empty()
        || broken(members, "FilterCriteria")
        || criteria.is_some_and(|criteria| broken(criteria, "Filters"));
    if !filtered {
        idle(reader, members, source.rules());
    }
    let (filtered_to, screening) = screening(reader, members, source, (filtered, on_failure));
    Filtering { patterns, filtered_to, screening }
}

fn pattern(reader: &mut Reader<'_>, filter: &Value, kind: SourceKind) -> Option<String> {
    let Kind::Map(members) = &filter.kind else { return None };
    let Some(Value { kind: Kind::Pattern(written), .. }) = members.get("Pattern") else {
        if !members.broken.contains(&"Pattern") {
            let at = members.nulls.first().map_or(filter.span, |(_, key)| *key);
            let help = "write `Pattern: { FIELD: [VALUE] }`, or remove the filter";
            reader.error_of("Pattern", Code::Missing, at, "the filter has no `Pattern`".into(), help);
        }
        return None;
    };
    impossible::repeated(reader, written);
    checked(reader, written, kind).then(|| written.pattern.text().to_owned())
}

/// Whether a pattern is one for a source; if not, that is reported, as is what can never match.
pub(crate) fn checked(reader: &mut Reader<'_>, written: &Written, kind: SourceKind) -> bool {
    if let Err(error) = Filters::new(kind.view(), vec![written.pattern.clone()]) {
        let message = format!("invalid filter pattern: `{}`: {}", short(&error.path), error.reason);
        let help = match error.reason {
            FiltersReason::DataNotAnObject => "write `{\"data\": {\"FIELD\": [\"VALUE\"]}}`",
            _ => "write `{\"dynamodb\": {\"NewImage\": {\"ATTRIBUTE\": {\"S\": [\"VALUE\"]}}}}`",
        };
        reader.error(Code::PatternOfSource, written.at(error.offset), message, help);
        return false;
    }
    impossible::check(reader, written, kind);
    true
}

/// What says what becomes of filtered records says nothing without filters.
fn idle(reader: &mut Reader<'_>, members: &Members, rules: &Rules) {
    let Some(poller) = members.map("Poller") else { return };
    let on_filtered = poller.key("OnFiltered").filter(|_| !rules.sharded);
    for (name, key) in [("OnFiltered", on_filtered), ("OnUndecidable", poller.key("OnUndecidable"))] {
        if let Some(key) = key {
            let message = format!("`Poller.{name}` has no effect: the mapping has no filters");
            let help = "write `FilterCriteria: { Filters: [{ Pattern: … }] }`, or remove it";
            reader.warning(Code::FiltersIdle, key, message, help);
        }
    }
}

/// The destination of what is filtered, where it has one of its own, and what becomes of which records. Without filters
/// nothing is made of it.
fn screening(
    reader: &mut Reader<'_>,
    members: &Members,
    source: &SourceSpec,
    (filtered, on_failure): (bool, Option<&FailureDestination>),
) -> (Option<FailureDestination>, ScreeningPolicy) {
    let Some(poller) = members.map("Poller") else { return Default::default() };
    let (rules, mut policy) = (source.rules(), ScreeningPolicy::default());
    let mut filtered_to = None;
    // Of a stream it is reported as not the stream's.
    if let Some((text, span)) = poller.text("OnFiltered").filter(|_| !rules.sharded) {
        match WORDS.iter().find(|word| is_word(word, text, "Poller.OnFiltered")) {
            Some(&"Release") => {
                if rules.grouped {
                    let message = "`Poller.OnFiltered: Release` would stop the groups of a FIFO queue";
                    let help = "write `Delete` or the ARN of a destination: what is given back stays ahead of the \
                                messages behind it in its group, and comes again before them";
                    reader.error(Code::ReleaseOfGroups, span, message, help);
                }
                policy.filtered_out = Screened::Release;
            }
            Some(_) => {}
            None => {
                policy.filtered_out = Screened::Destination;
                filtered_to = on_filtered(reader, text, span, source);
            }
        }
    }
    if let Some((word, span)) = poller.text("OnUndecidable") {
        policy.undecidable = match word {
            "Deliver" => Screened::Deliver,
            "Destination" => Screened::Destination,
            _ => Screened::Drop,
        };
        let broken = |members: &Members, name| members.broken.contains(&name);
        let given = policy.filtered_out == Screened::Destination
            || on_failure.is_some()
            || members.map("DestinationConfig").is_some_and(|config| config.says("OnFailure"))
            || broken(members, "DestinationConfig")
            || broken(poller, "OnFiltered");
        if policy.undecidable == Screened::Destination && filtered && !given {
            let message = "`Poller.OnUndecidable` is `Destination`, and the mapping has none";
            let help = if rules.sharded {
                "write `DestinationConfig: { OnFailure: { Destination: … } }`"
            } else {
                "write `DestinationConfig: { OnFailure: { Destination: … } }`, or a destination's ARN as \
                 `Poller.OnFiltered`"
            };
            reader.error(Code::DestinationMissing, span, message, help);
        }
    }
    if filtered { (filtered_to, policy) } else { Default::default() }
}

fn on_filtered(reader: &mut Reader<'_>, text: &str, span: Span, source: &SourceSpec) -> Option<FailureDestination> {
    const CHOICE: &str = "write `Delete`, `Release`, or the ARN of a queue, topic or bucket";
    if !text.contains(':') {
        let message = format!("`Poller.OnFiltered` cannot be {:?}", short(text));
        let help = suggest::word(WORDS, text).map_or_else(|| CHOICE.into(), |word| format!("write `{word}`"));
        reader.error(Code::NotAllowed, span, message, help);
        return None;
    }
    let found = destination::parse(reader, source.rules(), text, span)?;
    if found.arn.text == source.id() {
        let message = "`Poller.OnFiltered` is the mapping's own queue";
        let help = "name another: a message that is filtered out would come back again and again; `Release` leaves it \
            in the queue";
        reader.error(Code::DestinationIsSource, span, message, help);
    }
    Some(found)
}

/// Whether filtered messages go to a destination of their own.
pub(crate) fn has_destination(members: &Members) -> bool {
    members.map("Poller").and_then(|poller| poller.text("OnFiltered")).is_some_and(|(text, _)| text.contains(':'))
}
