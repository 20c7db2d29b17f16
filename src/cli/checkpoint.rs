//! `forebay checkpoint`: how far streams were processed, and how to change it.

pub(super) mod place;
mod position;
mod show;
mod transfer;

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Args, Subcommand};

use super::connect::block_on;
use super::exit::{CliError, Exit, Outcome};
use super::output::{data, say};
use crate::machine::Checkpoint;
use crate::store::Kept;
use place::{Place, PlaceArgs, Purpose};
use position::Target;
use show::TableOrJson;

const POSITIONS: &str = "\
POSITION:
  TRIM_HORIZON            continue with the oldest record
  AFTER:NUMBER            continue after this sequence number; a bare number is the same
  AT_TIMESTAMP:SECONDS    continue with the first record of this time
  2026-11-20T08:00:00Z    the same, as date and time
  LATEST                  continue with the first record that arrives from now on
  END                     the shard is finished
--all takes no sequence number. With LATEST, it leaves finished shards finished.";

#[derive(Debug, Args)]
pub(super) struct CheckpointArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the checkpoints of all stream mappings, or of one
    List {
        /// The mapping
        name: Option<String>,
        #[command(flatten)]
        place: PlaceArgs,
        /// How to show it
        #[arg(short, long, value_enum, default_value_t)]
        output: TableOrJson,
    },
    /// Show the checkpoints of a mapping, or of one of its shards
    Get {
        /// The mapping
        name: String,
        /// The shard
        shard: Option<String>,
        #[command(flatten)]
        place: PlaceArgs,
        /// How to show it
        #[arg(short, long, value_enum, default_value_t)]
        output: TableOrJson,
    },
    /// Set the checkpoint of a shard, or of all shards
    #[command(after_help = POSITIONS, override_usage = "\
forebay checkpoint set <NAME> <SHARD> <POSITION> [OPTIONS]
       forebay checkpoint set <NAME> --all <POSITION> [OPTIONS]")]
    Set {
        /// The mapping
        name: String,
        /// The shard; not with --all
        shard: String,
        /// Where the shard continues: see below
        position: Option<String>,
        /// Set the checkpoint of every shard
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        place: PlaceArgs,
        /// The ARN of the stream; needed if the store has no checkpoint of the mapping
        #[arg(long, value_name = "ARN", requires = "store", conflicts_with = "all")]
        source: Option<String>,
        /// Also while the mapping runs: it restarts, and records in flight may be delivered again
        #[arg(long)]
        force: bool,
    },
    /// Remove the checkpoints of a mapping, which then starts at its StartingPosition, or of one shard
    Reset {
        /// The mapping
        name: String,
        /// Only this shard. It is read from its oldest record, unless a child shard has a checkpoint
        shard: Option<String>,
        #[command(flatten)]
        place: PlaceArgs,
        /// Also while the mapping runs: it restarts, and records in flight may be delivered again
        #[arg(long)]
        force: bool,
    },
    /// Print the checkpoints of all stream mappings, or of some, as JSON for `import`
    Export {
        /// The mappings
        names: Vec<String>,
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Replace checkpoints with exported ones
    Import {
        /// A file with the output of `export`; without it, or with "-", stdin
        file: Option<PathBuf>,
        #[command(flatten)]
        place: PlaceArgs,
        /// Also while the mappings run: they restart, and records in flight may be delivered again
        #[arg(long)]
        force: bool,
    },
}

impl CheckpointArgs {
    pub(super) fn execute(self) -> Outcome {
        block_on(self.verb.execute())?
    }
}

impl Verb {
    async fn execute(self) -> Outcome {
        match self {
            Self::List { name, place, output } => {
                let place = place.open(Purpose::Read)?;
                let kept = match name {
                    Some(name) => [(name.clone(), place.one(&name).await?)].into(),
                    None => place.all().await?,
                };
                data(&show::all(&kept, output)?)?;
            }
            Self::Get { name, shard, place, output } => {
                let kept = place.open(Purpose::Read)?.one(&name).await?;
                let text = match shard {
                    Some(shard) => show::shard(&name, &kept, &shard, output)?,
                    None => show::one(&name, &kept, output)?,
                };
                data(&text)?;
            }
            Self::Set { name, shard, position, all, place, source, force } => {
                // With --all, the first word is the position.
                let target = Target::read(&shard, position.as_deref(), all).map_err(CliError::usage)?;
                // Without a source, what is kept is changed; there is nothing to make a store for.
                let place = place.open(if source.is_some() { Purpose::Write } else { Purpose::Read })?;
                set(&place, &name, target, source, force).await?;
            }
            Self::Reset { name, shard, place, force } => {
                let place = place.open(Purpose::Read)?;
                place.reset(&name, shard.as_deref(), force).await?;
                match shard {
                    Some(shard) => data(&format!("{name} {shard} reset\n"))?,
                    None => data(&format!("{name} reset\n"))?,
                }
            }
            Self::Export { names, place } => {
                let place = place.open(Purpose::Rescue)?;
                data(&transfer::export(&place, &names).await?)?;
                return Ok(place.exit());
            }
            Self::Import { file, place, force } => {
                // Read before anything is opened: what is wrong with it changes nothing and makes no store.
                let document = transfer::read(file.as_deref())?;
                return transfer::import(&place.open(Purpose::Write)?, document, force).await;
            }
        }
        Ok(Exit::Done)
    }
}

async fn set(place: &Place, name: &str, target: Target, source: Option<String>, force: bool) -> Result<(), CliError> {
    let mut kept = place.one_or_new(name, source).await?;
    let is_first = kept.checkpoints.is_empty();
    let moved = match target {
        Target::One(shard, position) => vec![(shard, position)],
        Target::All(position) => every(&kept, &place.shards(name).await?, &position),
    };
    if moved.is_empty() {
        return Err(anyhow!("no shard of {name} is known: it starts at its StartingPosition").into());
    }
    let one = moved.len() == 1;
    kept.checkpoints.extend(moved.iter().map(|(shard, position)| (shard.as_str().into(), position.clone())));
    place.replace(name, &kept, force).await?;
    for (shard, position) in moved {
        data(&format!("{name} {shard} {position}\n"))?;
    }
    if is_first && one {
        say(&format!(
            "note: {name} has no other checkpoints: its other shards are now read from their oldest record, even with \
             StartingPosition LATEST"
        ));
    }
    Ok(())
}

/// The shards that are kept or listed, and where each of them goes on.
fn every(kept: &Kept, listed: &[String], position: &Checkpoint) -> Vec<(String, Checkpoint)> {
    let shards: BTreeSet<&str> =
        kept.checkpoints.keys().map(|shard| &**shard).chain(listed.iter().map(|it| &**it)).collect();
    let goes_on = |shard: &str| match (kept.checkpoints.get(shard), position) {
        // Nothing new comes on a shard that is finished.
        (Some(end @ Checkpoint::End(_)), Checkpoint::Latest(_)) => end.clone(),
        _ => position.clone(),
    };
    shards.into_iter().map(|shard| (shard.to_owned(), goes_on(shard))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_shards_move_those_that_are_only_listed_too() {
        let checkpoints = [("a".into(), Checkpoint::After("7".into())), ("b".into(), Checkpoint::End(None))].into();
        let kept = Kept { source: "arn".into(), checkpoints };
        let moved = |position: Checkpoint| every(&kept, &["b".into(), "c".into()], &position);
        let of =
            |b: Checkpoint, rest: Checkpoint| vec![("a".into(), rest.clone()), ("b".into(), b), ("c".into(), rest)];
        assert_eq!(moved(Checkpoint::Latest(1)), of(Checkpoint::End(None), Checkpoint::Latest(1)));
        assert_eq!(moved(Checkpoint::TrimHorizon), of(Checkpoint::TrimHorizon, Checkpoint::TrimHorizon));
    }
}
