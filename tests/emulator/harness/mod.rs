//! What the tests share: emulators and their accounts, the program as a process, scripted servers, and what they
//! look at afterwards.

mod account;
pub(crate) mod dynamodb;
mod emulator;
pub(crate) mod failures;
pub(crate) mod feeds;
pub(crate) mod fifo;
pub(crate) mod group_order;
pub(crate) mod key_order;
pub(crate) mod kinesis;
pub(crate) mod ledger;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod rie;
pub(crate) mod scripted;
pub(crate) mod tables;
pub(crate) mod zip;

pub(crate) use account::{Account, Queue, REGION, bare_config, mapping, sdk_config, targeted};
pub(crate) use emulator::{Emulator, ask, free_port};

/// How much a long run takes: `whole` at night (`make test-slow` sets `FOREBAY_LONG`), and `part` of it otherwise.
pub(crate) fn amount(whole: usize, part: usize) -> usize {
    if std::env::var_os("FOREBAY_LONG").is_some() { whole } else { part }
}
