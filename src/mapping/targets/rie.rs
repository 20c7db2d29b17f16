//! AWS's runtime interface emulator, as it is in the base images of Lambda.

use std::time::Duration;

use super::{Addresses, Target, addresses, refuse, timeout};
use crate::mapping::build::narrow;
use crate::mapping::code::Code;
use crate::mapping::reader::Reader;
use crate::mapping::value::Members;

/// How runtime interface emulators are invoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RieTarget {
    /// Where they are.
    pub addresses: Addresses,
    /// How many invocations one of them takes at a time.
    pub concurrency: u32,
    /// A result that looks like an error is one.
    pub error_shape: bool,
    /// No other process invokes them.
    pub exclusive: bool,
    /// The longest that an invocation may take.
    pub timeout: Duration,
}

pub(super) fn read(reader: &mut Reader<'_>, rie: &Members, options: &Members) -> Target {
    refuse(reader, options, "Rie", &["RoleArn", "Region", "RequireLambdaHeaders"]);
    let found = addresses::read(reader, rie, "http");
    if rie.get("Endpoints").is_none() && !rie.broken.contains(&"Endpoints") {
        let help = "write `[http://HOST:PORT]` or `{ Dns: NAME, Port: PORT }`";
        reader.error(Code::Missing, options.key("Rie").unwrap_or_default(), "`Rie` has no `Endpoints`", help);
    }
    Target::Rie(RieTarget {
        addresses: found.unwrap_or(Addresses::Fixed(Vec::new())),
        concurrency: rie.integer("Concurrency").map_or(1, |(number, _)| narrow(number)),
        error_shape: rie.boolean("ErrorShape").unwrap_or(true),
        exclusive: rie.boolean("Exclusive") == Some(true),
        timeout: timeout(options),
    })
}
