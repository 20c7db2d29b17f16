//! HTTP/1.1 to targets: connections to one address, one request and its answer, TLS.

mod client;
mod tls;

pub(crate) use client::{Answer, Client, Connection, Dial, Lost};
pub(crate) use tls::Tls;
