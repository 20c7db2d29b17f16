//! The program as a process: start, refusals, reload, recovery and the end.

mod drain;
mod recovery;
mod refusals;
mod switch;
mod validate;
