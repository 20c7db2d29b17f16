//! How the outside speaks to a running forebay: the control API over a Unix socket, its client, and the
//! read-only probes over TCP.

mod api;
mod checkpoints;
mod client;
mod exchange;
#[cfg(test)]
mod fixture;
mod overview;
mod probes;
mod serve;
mod socket;
mod token;
mod wire;

pub(crate) use api::{Api, Definitions, Fleet, ReloadRefused, Reloaded, Reloader, whole};
pub(crate) use client::{Client, ClientError};
pub(crate) use exchange::ask_probe;
pub(crate) use overview::Overview;
pub(crate) use probes::probes;
pub(crate) use serve::{CONNECTIONS, serve};
pub(crate) use socket::{BoundSocket, SocketChoice};
pub(crate) use token::{Token, guarded};
pub(crate) use wire::{ReloadBody, VersionBody};
