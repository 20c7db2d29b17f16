//! FIFO queues: how near forebay comes to what SQS's group blocking allows, and what a failing group costs the others.

mod bound;
mod failing;
mod run;

pub(super) use bound::measure as bound;
pub(super) use failing::measure as failing;
