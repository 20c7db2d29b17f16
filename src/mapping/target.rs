//! What `Poller.Function` says of how the function is invoked.

use super::poller::side;
use super::reader::Reader;
use super::spec::{LambdaTarget, Target};
use super::value::Members;

/// Reads the target; everything wrong with it is reported.
pub(super) fn read(reader: &mut Reader<'_>, members: &Members) -> Target {
    let Some(options) = members.map("Poller").and_then(|poller| poller.map("Function")) else {
        return Target::Lambda(LambdaTarget::default());
    };
    Target::Lambda(LambdaTarget {
        side: side(reader, Some(options)),
        timeout: options.duration("Timeout").map(|(timeout, _)| timeout),
        headers_optional: options.boolean("RequireLambdaHeaders") == Some(false),
    })
}
