//! Where checkpoints and definitions are looked up and changed: in a running forebay, or in a store that no forebay has
//! open.

use std::collections::BTreeMap;

use anyhow::{Context, anyhow};
use clap::Args;
use thiserror::Error;

use crate::cli::connect::SocketArgs;
use crate::cli::exit::{CliError, Exit};
use crate::cli::output::say;
use crate::control::{Client, ClientError};
use crate::store::{
    Checkpoints, Definition, Definitions, EmbeddedStore, FileError, Kept, Rescued, StoreError, StoreLocation,
};

/// Which forebay, or which store.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct PlaceArgs {
    #[command(flatten)]
    socket: SocketArgs,
    /// Open this store's file instead of asking a running forebay, while no forebay has it open
    // Without a variable: where one is set for `run`, a running forebay is to be asked all the same.
    #[arg(long, value_name = "PATH")]
    store: Option<StoreLocation>,
}

/// What a place is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Purpose {
    /// A store's file that does not exist is an error.
    Read,
    /// It is made.
    Write,
    /// As for reading; of a damaged store what is whole.
    Rescue,
}

/// Either of the two.
#[derive(Debug)]
pub(in crate::cli) enum Place {
    Daemon(Client),
    File(EmbeddedStore),
    /// What is whole in a damaged file, and what is wrong with it.
    Damaged(Rescued, StoreError),
}

/// Why a place does not do what was asked.
#[derive(Debug, Error)]
pub(in crate::cli) enum PlaceError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "the store {path} has no checkpoint of {name:?}\nhelp: `forebay checkpoint list --store {path}` shows all \
         checkpoints"
    )]
    Nothing { path: String, name: String },
    #[error(
        "shard {shard:?} of {name:?} has no checkpoint\nhelp: `forebay checkpoint get {name} --store {path}` shows all \
         checkpoints"
    )]
    NoShard { path: String, name: String, shard: String },
    #[error("the store {path} has no checkpoint of {name:?}\nhelp: name its stream with --source ARN")]
    NoSource { path: String, name: String },
    #[error(
        "the store {path} has checkpoints of {name:?} for {kept}, not for {given}\nhelp: remove them with `forebay \
         checkpoint reset {name} --store {path}`"
    )]
    OtherSource { path: String, name: String, kept: String, given: String },
}

impl PlaceError {
    /// Whether it concerns one mapping; others may fare better.
    pub(super) const fn concerns_one(&self) -> bool {
        !matches!(
            self,
            Self::Store(_)
                | Self::Client(
                    ClientError::Unreachable { .. }
                        | ClientError::Forbidden { .. }
                        | ClientError::Broken { .. }
                        | ClientError::Slow { .. }
                )
        )
    }
}

impl PlaceArgs {
    pub(in crate::cli) fn open(&self, purpose: Purpose) -> Result<Place, CliError> {
        match &self.store {
            None => Ok(Place::Daemon(self.socket.client())),
            Some(StoreLocation::Memory) => Err(CliError::usage(anyhow!(
                "a store in memory cannot be opened\nhelp: ask the running forebay: omit --store"
            ))),
            Some(StoreLocation::DynamoDb(_)) => {
                Err(CliError::usage(anyhow!("a store in DynamoDB is asked through a running forebay: omit --store")))
            }
            Some(StoreLocation::File(path)) if purpose != Purpose::Write && !path.exists() => {
                Err(anyhow!("there is no store {}", path.display()).into())
            }
            Some(StoreLocation::File(path)) => {
                let opened = EmbeddedStore::open(path);
                if let (Err(error @ StoreError::File(FileError::Damaged { .. })), Purpose::Rescue) = (&opened, purpose)
                {
                    let rescued = EmbeddedStore::rescue(path).map_err(|_| error.clone())?;
                    say(&format!("error: {error}\nnote: undamaged checkpoints are exported, others are missing"));
                    return Ok(Place::Damaged(rescued, error.clone()));
                }
                let locked = matches!(opened, Err(StoreError::File(FileError::Locked { .. })));
                let opened = if locked {
                    opened.context("a forebay may have it open\nhelp: ask the running forebay: omit --store")
                } else {
                    Ok(opened?)
                };
                Ok(Place::File(opened?))
            }
        }
    }
}

impl Place {
    /// What is kept of every mapping.
    pub(super) async fn all(&self) -> Result<BTreeMap<String, Kept>, PlaceError> {
        match self {
            Self::Daemon(client) => Ok(client.checkpoints().await?),
            Self::File(store) => Ok(store.kept().await?),
            Self::Damaged(rescued, _) => Ok(rescued.kept.clone()),
        }
    }

    /// How a command ends that has shown what there is.
    pub(in crate::cli) const fn exit(&self) -> Exit {
        if matches!(self, Self::Damaged(..)) { Exit::Partly } else { Exit::Done }
    }

    /// Every mapping that was made through the AWS API.
    pub(in crate::cli) async fn definitions(&self) -> Result<BTreeMap<String, Definition>, PlaceError> {
        match self {
            Self::Daemon(client) => Ok(client.definitions().await?),
            Self::File(store) => Ok(store.definitions().await?),
            Self::Damaged(rescued, _) => Ok(rescued.definitions.clone()),
        }
    }

    /// What is kept of one mapping.
    pub(super) async fn one(&self, name: &str) -> Result<Kept, PlaceError> {
        match self {
            Self::Daemon(client) => Ok(client.checkpoint(name).await?),
            Self::File(store) => store
                .kept()
                .await?
                .remove(name)
                .ok_or_else(|| PlaceError::Nothing { path: shown(store), name: name.into() }),
            Self::Damaged(rescued, error) => Ok(rescued.kept.get(name).cloned().ok_or_else(|| error.clone())?),
        }
    }

    /// The same; of a mapping that has not begun, no checkpoints. Only a daemon knows the stream of such a mapping.
    pub(super) async fn one_or_new(&self, name: &str, source: Option<String>) -> Result<Kept, PlaceError> {
        let Self::File(store) = self else { return self.one(name).await };
        let (path, name) = (shown(store), name.to_owned());
        match (store.kept().await?.remove(&name), source) {
            (Some(Kept { source: kept, .. }), Some(given)) if kept != given => {
                Err(PlaceError::OtherSource { path, name, kept, given })
            }
            (Some(kept), _) => Ok(kept),
            (None, Some(source)) => Ok(Kept { source, checkpoints: BTreeMap::new() }),
            (None, None) => Err(PlaceError::NoSource { path, name }),
        }
    }

    /// The shards that a running forebay has listed; a store knows none but those that it keeps.
    pub(super) async fn shards(&self, name: &str) -> Result<Vec<String>, PlaceError> {
        let Self::Daemon(client) = self else { return Ok(Vec::new()) };
        let shards = client.status(name).await?.shards.unwrap_or_default();
        Ok(shards.into_iter().map(|shard| shard.shard_id).collect())
    }

    /// Replaces the checkpoints of a mapping.
    pub(super) async fn replace(&self, name: &str, kept: &Kept, force: bool) -> Result<(), PlaceError> {
        match self {
            Self::Daemon(client) => drop(client.replace_checkpoint(name, kept, force).await?),
            Self::File(store) => store.replace_kept(name, Some(kept.clone())).await?,
            Self::Damaged(_, error) => return Err(error.clone().into()),
        }
        Ok(())
    }

    /// Forgets a mapping, or one of its shards.
    pub(super) async fn reset(&self, name: &str, shard: Option<&str>, force: bool) -> Result<(), PlaceError> {
        let store = match self {
            Self::Daemon(client) => {
                client.reset_checkpoint(name, shard, force).await?;
                return Ok(());
            }
            Self::File(store) => store,
            Self::Damaged(_, error) => return Err(error.clone().into()),
        };
        // What the store has lost it does not keep, and can be reset all the same.
        if shard.is_none() && store.lost().await?.iter().any(|lost| lost == name) {
            return Ok(store.replace_kept(name, None).await?);
        }
        let mut kept = self.one(name).await?;
        let left = match shard {
            None => None,
            Some(shard) => match kept.checkpoints.remove(shard) {
                Some(_) => Some(kept),
                None => {
                    let (path, name, shard) = (shown(store), name.into(), shard.into());
                    return Err(PlaceError::NoShard { path, name, shard });
                }
            },
        };
        Ok(store.replace_kept(name, left).await?)
    }
}

fn shown(store: &EmbeddedStore) -> String {
    store.path().display().to_string()
}
