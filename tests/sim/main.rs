//! The real engine on a paused clock, among fakes that have all the liberties of the services they stand for.
//!
//! A seed makes a [`plan::Plan`]: mappings, queues, functions, faults, messages, and what operators and fate
//! do to the process. [`life::Life`] lives it. Every call of the engine goes through a [`lane::Lane`], whose
//! checks know nothing of the engine's insides. `docs/simulation.md` says more.

#![expect(clippy::print_stderr, reason = "a failing seed shows its story")]

mod acts;
mod answers;
mod arrivals;
mod destination;
mod draw;
mod fifo;
mod function;
mod invokes;
mod lane;
mod leases;
mod life;
mod pace;
mod plan;
mod purity;
mod queue;
mod rig;
mod run;
mod rust_text;
mod scenes;
mod seeds;
mod session;
mod settle;
mod store;
mod streak;
mod stream;
mod trace;
mod world;
