//! What may stand for a position and a shard on the command line.

use anyhow::bail;

use crate::clock::host_unix_ms as now;
use crate::machine::Checkpoint;
use crate::store::is_shard;

/// Reads the text form of a checkpoint, a bare sequence number, a time, or `LATEST`, which is now.
fn position(text: &str) -> anyhow::Result<Checkpoint> {
    if text == "LATEST" {
        return Ok(Checkpoint::Latest(now()));
    }
    let refused = match text.parse() {
        Ok(checkpoint) => return Ok(checkpoint),
        Err(refused) => refused,
    };
    if let Ok(checkpoint) = format!("AFTER:{text}").parse() {
        return Ok(checkpoint);
    }
    match text.parse::<jiff::Timestamp>().map(|time| u64::try_from(time.as_millisecond())) {
        Ok(Ok(ms)) => Ok(Checkpoint::Timestamp(ms)),
        Ok(Err(_)) => bail!("{text:?} is before 1970\nhelp: write TRIM_HORIZON to begin with the oldest record"),
        Err(_) => bail!("{refused}; or a sequence number, or a time with its offset such as 2026-11-20T08:00:00Z"),
    }
}

/// What is moved, and where to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    One(String, Checkpoint),
    All(Checkpoint),
}

impl Target {
    /// Reads `SHARD POSITION`, or for all shards `POSITION`.
    pub(super) fn read(first: &str, second: Option<&str>, all: bool) -> anyhow::Result<Self> {
        match (second, all) {
            (Some(at), false) => Ok(Self::One(shard(first)?, position(at)?)),
            (None, true) => match position(first)? {
                Checkpoint::After(number) => {
                    bail!(
                        "the sequence number {number} belongs to one shard\nhelp: name the shard, or give --all a time"
                    )
                }
                position => Ok(Self::All(position)),
            },
            (None, false) => bail!("no position is given\nhelp: write <SHARD> <POSITION>, or --all <POSITION>"),
            (Some(_), true) => bail!("--all takes no shard\nhelp: write --all <POSITION>"),
        }
    }
}

/// Takes what AWS could call a shard.
fn shard(text: &str) -> anyhow::Result<String> {
    if !is_shard(text) {
        bail!(
            "{text:?} is not a shard id: it has 1 to 128 letters, digits, `-`, `_` and `.`, as in shardId-000000000000"
        );
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_sequence_numbers_and_times_are_positions() {
        for (text, checkpoint) in [
            ("TRIM_HORIZON", Checkpoint::TrimHorizon),
            ("END", Checkpoint::End(None)),
            ("AFTER:007", Checkpoint::After("007".into())),
            ("49590338271490256608559692538361571095921575989136588898", {
                Checkpoint::After("49590338271490256608559692538361571095921575989136588898".into())
            }),
            ("AT_TIMESTAMP:1760000000.5", Checkpoint::Timestamp(1_760_000_000_500)),
            ("LATEST:1760000000", Checkpoint::Latest(1_760_000_000_000)),
            ("2025-10-09T08:53:20Z", Checkpoint::Timestamp(1_760_000_000_000)),
            ("2025-10-09T10:53:20.123+02:00", Checkpoint::Timestamp(1_760_000_000_123)),
        ] {
            assert_eq!(position(text).unwrap(), checkpoint, "{text}");
        }
    }

    #[test]
    fn latest_is_now() {
        let before = now();
        let Checkpoint::Latest(ms) = position("LATEST").unwrap() else { panic!("it is another position") };
        assert!((before..=now()).contains(&ms), "{ms}");
    }

    #[test]
    fn other_texts_are_refused_with_what_to_write() {
        for (text, said) in [
            ("", "write TRIM_HORIZON"),
            ("LATEST:", "LATEST:SECONDS"),
            ("latest", "LATEST:SECONDS"),
            ("trim_horizon", "write TRIM_HORIZON"),
            ("AFTER:12a", "AFTER:SEQUENCE_NUMBER"),
            ("2025-10-09", "a time with its offset"),
            ("2025-10-09T08:53:20", "a time with its offset"),
            ("1969-12-31T00:00:00Z", "is before 1970"),
            ("-5", "a sequence number"),
        ] {
            let error = position(text).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn one_shard_or_all_are_moved() {
        let read = Target::read;
        assert_eq!(read("s", Some("END"), false).unwrap(), Target::One("s".into(), Checkpoint::End(None)));
        assert_eq!(read("TRIM_HORIZON", None, true).unwrap(), Target::All(Checkpoint::TrimHorizon));
        for (first, second, all, said) in [
            ("s", None, false, "<SHARD> <POSITION>"),
            ("s", Some("END"), true, "--all takes no shard"),
            ("AFTER:7", None, true, "belongs to one shard"),
            ("SOON", None, true, "is no position"),
        ] {
            let error = read(first, second, all).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn shards_are_what_aws_could_call_one() {
        shard("shardId-000000000000").unwrap();
        shard("shardId-00000001541626099285-f35f62ef").unwrap();
        for text in ["", "a b", "shard/0", &"s".repeat(129)] {
            assert!(shard(text).is_err(), "{text}");
        }
    }
}
