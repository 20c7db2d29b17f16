//! Writes JSON straight into a buffer: what encoders of records and failure records share.

mod object;
mod write;

pub(crate) use object::Object;
pub(crate) use write::{base64_len, write_base64, write_integer, write_list, write_seconds, write_string};
