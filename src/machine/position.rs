//! Where a shard is opened, and how far its records are finished: what sources list, and what stores keep.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

/// One shard, as the source lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// `shardId-…`.
    pub id: Arc<str>,
    /// The shards that it was split or merged from (none, one or two); they may be trimmed and no longer listed.
    pub parents: Vec<Arc<str>>,
    /// Takes no more records: it was split, merged or rotated.
    pub closed: bool,
    /// The sequence number that it began with, where that distinguishes a stream from an earlier one of its name.
    pub begins: Option<Arc<str>>,
}

/// A stream, as its source lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamListing {
    /// Every shard that it holds records of, closed ones included.
    pub shards: Vec<Shard>,
    /// Set when the stream was switched off and takes no more records: a sentence without its end that says so, and
    /// names what took its place where that is known.
    pub disabled: Option<String>,
}

impl From<Vec<Shard>> for StreamListing {
    fn from(shards: Vec<Shard>) -> Self {
        Self { shards, disabled: None }
    }
}

/// Where a stream mapping begins that has no checkpoint yet: AWS's `StartingPosition`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartingPosition {
    /// With the oldest record that the stream holds.
    TrimHorizon,
    /// With the first record that arrives after the mapping was first enabled.
    Latest,
    /// With the first record that arrived at or after this time, in milliseconds since the Unix epoch.
    Timestamp(u64),
}

/// Where the source is asked to open a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// At the oldest record that the stream holds.
    TrimHorizon,
    /// After the newest record.
    Latest,
    /// At the first record of this time or later, in milliseconds since the Unix epoch (Kinesis only).
    Timestamp(u64),
    /// After this sequence number.
    After(Arc<str>),
}

/// How far the records of a shard are finished: what a store keeps of the shard.
///
/// Its text form (`Display`, `FromStr`) is what the command line and the store show and take: `TRIM_HORIZON`,
/// `AT_TIMESTAMP:1760000000.123`, `LATEST:1760000000.123`, `AFTER:49590…`, `END` and `END:49590…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checkpoint {
    /// Nothing is finished; it begins with the oldest record.
    TrimHorizon,
    /// Nothing is finished; it begins with the first record of this time or later (Unix milliseconds).
    Timestamp(u64),
    /// Nothing is finished; it was pinned at LATEST at this time (Unix milliseconds).
    Latest(u64),
    /// Everything up to and including this sequence number is finished.
    After(Arc<str>),
    /// The shard is closed and everything in it is finished. With the sequence number that the shard began with, where
    /// that is known: a stream that was made again may have a shard of the same name.
    End(Option<Arc<str>>),
}

/// Why a text is no checkpoint.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0:?} is no position: write TRIM_HORIZON, AT_TIMESTAMP:SECONDS, LATEST:SECONDS, AFTER:SEQUENCE_NUMBER or END")]
pub struct NotACheckpoint(pub String);

impl Checkpoint {
    /// Whether the shard is closed and everything in it is finished.
    pub const fn is_end(&self) -> bool {
        matches!(self, Self::End(_))
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |ms: &u64| format!("{}.{:03}", ms / 1000, ms % 1000);
        match self {
            Self::TrimHorizon => f.write_str("TRIM_HORIZON"),
            Self::Timestamp(ms) => write!(f, "AT_TIMESTAMP:{}", seconds(ms)),
            Self::Latest(ms) => write!(f, "LATEST:{}", seconds(ms)),
            Self::After(sequence) => write!(f, "AFTER:{sequence}"),
            Self::End(None) => f.write_str("END"),
            Self::End(Some(begins)) => write!(f, "END:{begins}"),
        }
    }
}

impl FromStr for Checkpoint {
    type Err = NotACheckpoint;

    fn from_str(text: &str) -> Result<Self, NotACheckpoint> {
        let refused = || NotACheckpoint(text.to_owned());
        match text.split_once(':') {
            None if text == "TRIM_HORIZON" => Ok(Self::TrimHorizon),
            None if text == "END" => Ok(Self::End(None)),
            Some(("AT_TIMESTAMP", seconds)) => Ok(Self::Timestamp(unix_ms(seconds).ok_or_else(refused)?)),
            Some(("LATEST", seconds)) => Ok(Self::Latest(unix_ms(seconds).ok_or_else(refused)?)),
            Some(("AFTER", sequence)) if is_sequence(sequence) => Ok(Self::After(sequence.into())),
            Some(("END", begins)) if is_sequence(begins) => Ok(Self::End(Some(begins.into()))),
            _ => Err(refused()),
        }
    }
}

/// Sequence numbers of both kinds of streams are decimal numbers of any length.
fn is_sequence(text: &str) -> bool {
    !text.is_empty() && text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Milliseconds of a plain decimal number of seconds with at most three decimals.
fn unix_ms(seconds: &str) -> Option<u64> {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 3 {
        return None;
    }
    let ms: u64 = format!("{fraction:0<3}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(ms)
}

/// The right to write the checkpoints of a mapping: a store refuses a fence that a later claim has superseded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fence(pub u64);

/// What a store hands out when a mapping claims its checkpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions {
    /// To be named in every save.
    pub fence: Fence,
    /// Whether the mapping has begun before: its shards were pinned or begun. If not, there are no checkpoints.
    pub begun: bool,
    /// The checkpoints by shard.
    pub checkpoints: BTreeMap<Arc<str>, Checkpoint>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_have_one_text_form_each() {
        for checkpoint in [
            Checkpoint::TrimHorizon,
            Checkpoint::Timestamp(1_760_000_000_123),
            Checkpoint::Latest(1_760_000_000_000),
            Checkpoint::After("49590338271490256608559692538361571095921575989136588898".into()),
            Checkpoint::End(None),
            Checkpoint::End(Some("49590338271490256608559692538361571095921575989136588898".into())),
        ] {
            assert_eq!(checkpoint.to_string().parse(), Ok(checkpoint));
        }
        assert_eq!(Checkpoint::Latest(1_000).to_string(), "LATEST:1.000");
        assert_eq!("AT_TIMESTAMP:5".parse(), Ok(Checkpoint::Timestamp(5_000)));
        assert_eq!("AT_TIMESTAMP:5.5".parse(), Ok(Checkpoint::Timestamp(5_500)));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "LATEST",
            "TRIM_HORIZON:1",
            "END:",
            "END:1a",
            "AFTER:",
            "AFTER:12a",
            "AFTER:-1",
            "after:1",
            "AT_TIMESTAMP:1.2345",
            "AT_TIMESTAMP:99999999999999999999",
            "AT_TIMESTAMP:.5",
            "LATEST:1.",
            "4959",
        ] {
            assert_eq!(text.parse::<Checkpoint>(), Err(NotACheckpoint(text.into())), "{text}");
        }
    }
}
