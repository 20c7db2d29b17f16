//! `forebay checkpoint`: how far streams were processed, and how to change it.

pub(super) mod place;
mod position;
mod show;
mod transfer;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::connect::block_on;
use super::exit::{Exit, Outcome};
use super::output::{data, say};
use crate::machine::Mark;
use place::{Place, PlaceArgs, Purpose};
use position::{position, shard};
use show::TableOrJson;

const POSITIONS: &str = "\
A POSITION is TRIM_HORIZON, AFTER:SEQUENCE_NUMBER (or the bare sequence number), AT_TIMESTAMP:SECONDS (or a time such as \
2026-11-20T08:00:00Z), LATEST:SECONDS or END.";

#[derive(Debug, Args)]
pub(super) struct CheckpointArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the position of every shard of all stream mappings, or of one
    List {
        /// The mapping
        name: Option<String>,
        #[command(flatten)]
        place: PlaceArgs,
        /// How to show it
        #[arg(short, long, value_enum, default_value_t)]
        output: TableOrJson,
    },
    /// Show the positions of a mapping, or of one of its shards
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
    /// Have a shard go on elsewhere
    #[command(after_help = POSITIONS)]
    Set {
        /// The mapping
        name: String,
        /// The shard
        #[arg(value_parser = shard)]
        shard: String,
        /// Where it goes on
        #[arg(value_parser = position)]
        position: Mark,
        #[command(flatten)]
        place: PlaceArgs,
        /// The ARN of the stream; needed with --store where nothing is kept of the mapping
        #[arg(long, value_name = "ARN", requires = "store")]
        source: Option<String>,
        /// Also while the mapping runs: it is started again, and what is in flight is given up
        #[arg(long)]
        force: bool,
    },
    /// Forget a mapping, which then begins at its StartingPosition, or one of its shards
    Reset {
        /// The mapping
        name: String,
        /// The shard: it counts as new, or as finished where a shard that was made of it has a position
        shard: Option<String>,
        #[command(flatten)]
        place: PlaceArgs,
        /// Also while the mapping runs: it is started again, and what is in flight is given up
        #[arg(long)]
        force: bool,
    },
    /// Print the positions of all stream mappings, or of some, as JSON for `import`
    Export {
        /// The mappings
        names: Vec<String>,
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Put exported positions in place of what is kept of their mappings
    Import {
        /// What `export` has printed; without it, or with "-", stdin
        file: Option<PathBuf>,
        #[command(flatten)]
        place: PlaceArgs,
        /// Also while the mappings run: they are started again, and what is in flight is given up
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
            Self::Set { name, shard, position, place, source, force } => {
                // Without a source, what is kept is changed; there is nothing to make a store for.
                let place = place.open(if source.is_some() { Purpose::Write } else { Purpose::Read })?;
                set(&place, &name, shard, position, source, force).await?;
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

async fn set(
    place: &Place,
    name: &str,
    shard: String,
    position: Mark,
    source: Option<String>,
    force: bool,
) -> Result<(), super::exit::CliError> {
    let mut kept = place.one_or_new(name, source).await?;
    let is_first = kept.marks.is_empty();
    kept.marks.insert(shard.as_str().into(), position.clone());
    place.replace(name, &kept, force).await?;
    data(&format!("{name} {shard} {position}\n"))?;
    if is_first {
        say(&format!(
            "note: {name} has no other positions: with StartingPosition LATEST, too, its other shards are now read from their oldest record"
        ));
    }
    Ok(())
}
