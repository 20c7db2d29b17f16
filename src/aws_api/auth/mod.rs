//! Who may use the API: keys, and the signatures that are made with them (AWS Signature Version 4).

mod admit;
mod authorization;
mod clock;
mod keys;
mod signed;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use admit::{Caller, admit};
pub(crate) use keys::{Keys, KeysError};
