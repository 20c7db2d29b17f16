//! Tables of the language, of records and of what they make undecidable; the vectors, where they are present.

mod differential;
#[allow(unreachable_pub, reason = "the fuzz target uses it by its path")]
mod generate;
#[allow(unreachable_pub, reason = "the fuzz target uses it by its path")]
mod reference;
mod vectors;
