//! Replicas as processes: three real binaries, one table, streams that flow all the time.

mod life;
mod refusals;
mod replicas;
