//! The target of a mapping, for people.

use super::output::counted;
use crate::view::TargetStatus;

/// What takes the batches.
pub(super) fn line(target: &TargetStatus) -> String {
    let TargetStatus { kind, place, capacity, .. } = target;
    match capacity {
        Some(capacity) => {
            let invocations = counted(usize::try_from(*capacity).unwrap_or(usize::MAX), "invocation");
            format!("{kind} ({place}), {invocations} at a time")
        }
        None => format!("{kind} ({place})"),
    }
}

/// A line for each address or worker, as far as a reader follows.
pub(super) fn parts(target: &TargetStatus) -> impl Iterator<Item = (&'static str, String)> + use<> {
    const SHOWN: usize = 16;
    let parts = &target.parts;
    let width = parts.iter().take(SHOWN).map(|part| part.name.len()).max().unwrap_or_default();
    let shown = parts.iter().take(SHOWN).map(move |part| {
        let work = if part.in_flight > 0 { format!("  {} in flight", part.in_flight) } else { String::new() };
        let note = part.note.iter().map(|note| format!("  {note}")).collect::<String>();
        format!("{:<width$}  {:<8}{work}{note}", part.name, part.state).trim_end().to_owned()
    });
    let more = (parts.len() > SHOWN).then(|| format!("and {} more", parts.len() - SHOWN));
    let head = if target.kind == "RuntimeApi" { "Workers" } else { "Endpoints" };
    std::iter::once(head).chain(std::iter::repeat("")).zip(shown.chain(more).collect::<Vec<_>>())
}
