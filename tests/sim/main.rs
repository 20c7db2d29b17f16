//! The real engine on a paused clock, among models that have all the liberties of the services they stand for.
//!
//! A seed makes a plan: mappings, sources, functions, faults, records, and what operators do to the process. A scenario
//! runs it. Every call of the engine goes to a model whose checks know nothing of the engine's insides: for queues a
//! [`queue::subject::Subject`], for streams a [`stream::model::StreamModel`]. `docs/simulation.md` says more.

#![expect(clippy::disallowed_methods, reason = "it measures itself by the host's clock")]
#![expect(clippy::print_stderr, reason = "a failing seed shows its story")]

mod answers;
mod fifo;
mod fleet;
mod plan;
mod purity;
mod queue;
mod rig;
mod run;
mod rust_text;
mod seeds;
mod store;
mod streak;
mod stream;
mod trace;
mod workers;
mod world;
