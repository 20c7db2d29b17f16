//! Checks whether the order of message groups was held, from what functions noted.

use std::collections::BTreeMap;

use crate::harness::fifo::{Numbers, Turn};

/// How much later than a kill an invocation may begin that was asked for before it, in seconds.
const LATE: f64 = 10.0;

/// What happened to groups whose messages are numbered 0, 1, 2, … as they were sent.
pub(crate) struct History<'a> {
    /// What the functions noted, in the order of its lines.
    pub(crate) turns: &'a [Turn],
    /// When the program was killed, as Unix times in seconds.
    pub(crate) kills: &'a [f64],
    /// What was dead-lettered.
    pub(crate) dead: &'a Numbers,
}

/// What a history that kept the order amounts to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// What was processed at least once.
    pub(crate) processed: Numbers,
    /// How many were processed again.
    pub(crate) repeated: usize,
}

impl History<'_> {
    /// Checks that
    ///
    /// 1. a message that was not processed yet is delivered only while nothing behind it in its group was processed, so
    ///    the first successes of a group ascend, and a failed message comes again before what is behind it;
    /// 2. a message is processed only after all before it in its group were processed, or are dead-lettered, which by
    ///    the first rule happened before;
    /// 3. the successes of a group go back, to what was processed but not deleted, only when there was a kill in
    ///    between.
    pub(crate) fn check(&self) -> Result<Tally, String> {
        let mut tally = Tally::default();
        let mut latest: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
        for turn in self.turns {
            for dealt in &turn.records {
                let (group, number) = (&*dealt.group, dealt.number);
                let processed = tally.processed.entry(group.to_owned()).or_default();
                let fresh = !processed.contains(&number);
                if let Some(&last) = processed.last().filter(|&&last| fresh && last > number) {
                    return Err(format!("{group}: {number} comes although {last} was processed: {turn:?}"));
                }
                if !dealt.done {
                    continue;
                }
                let dead = |number: &usize| self.dead.get(group).is_some_and(|dead| dead.contains(number));
                if let Some(skipped) = (0..number).find(|number| !processed.contains(number) && !dead(number)) {
                    return Err(format!("{group}: {number} is processed before {skipped}: {turn:?}"));
                }
                if let Some((last, began)) = latest.insert(group, (number, turn.began))
                    && last >= number
                    && !self.kills.iter().any(|kill| began - LATE < *kill && *kill < turn.ended)
                {
                    return Err(format!("{group}: {number} is processed after {last} without a kill: {turn:?}"));
                }
                processed.insert(number);
                tally.repeated += usize::from(!fresh);
            }
        }
        Ok(tally)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::fifo::Dealt;

    /// Invocations a hundred seconds apart, each with the messages of one group: a number that ends in `!` failed.
    fn turns(group: &str, turns: &[&str]) -> Vec<Turn> {
        let dealt = |text: &str| Dealt {
            group: group.to_owned(),
            number: text.trim_end_matches('!').parse().unwrap(),
            receives: 1,
            done: !text.ends_with('!'),
        };
        let turn = |(began, text): (f64, &&str)| Turn {
            began,
            ended: began + 1.0,
            records: text.split(' ').map(dealt).collect(),
        };
        (0_u32..).map(|index| f64::from(index) * 100.0).zip(turns).map(turn).collect()
    }

    fn checked(noted: &[&str], kills: &[f64], dead: &[usize]) -> Result<Tally, String> {
        let dead = Numbers::from([("a".to_owned(), dead.iter().copied().collect())]);
        History { turns: &turns("a", noted), kills, dead: &dead }.check()
    }

    fn refused(noted: &[&str], kills: &[f64], dead: &[usize], why: &str) {
        let found = checked(noted, kills, dead).unwrap_err();
        assert!(found.contains(why), "{found}");
    }

    #[test]
    fn failures_may_repeat_and_dead_letters_make_way() {
        let tally = checked(&["0 1 2! 3!", "2! 3!", "2! 3", "4"], &[], &[]);
        assert!(tally.is_err(), "3 was processed while 2 was not: {tally:?}");
        let tally = checked(&["0 1 2! 3!", "2! 3!", "2 3!", "3 4"], &[], &[]).unwrap();
        assert_eq!((tally.processed["a"].len(), tally.repeated), (5, 0));
        assert!(checked(&["0 1! 2!", "1! 2!", "3"], &[], &[1, 2]).is_ok());
    }

    #[test]
    fn what_overtakes_or_is_skipped_is_found() {
        refused(&["0", "2", "1"], &[], &[], "2 is processed before 1");
        refused(&["0 1! 2"], &[], &[], "2 is processed before 1");
        refused(&["0 1!", "2", "1!"], &[], &[1], "1 comes although 2 was processed");
        refused(&["0 1!", "2"], &[], &[], "2 is processed before 1");
    }

    #[test]
    fn successes_go_back_only_after_a_kill() {
        refused(&["0 1 2", "1 2 3"], &[], &[], "1 is processed after 2 without a kill");
        refused(&["0 1 2", "2", "3"], &[150.0], &[], "2 is processed after 2 without a kill");
        assert_eq!(checked(&["0 1 2", "1 2 3", "4"], &[2.0], &[]).unwrap().repeated, 2);
        refused(&["0 1 2", "1 2", "1 3"], &[2.0], &[], "1 is processed after 2 without a kill");
    }

    #[test]
    fn groups_do_not_mix() {
        let mut both = turns("a", &["0 1 2"]);
        both.extend(turns("b", &["0", "1"]));
        let tally = History { turns: &both, kills: &[], dead: &Numbers::new() }.check().unwrap();
        assert_eq!(tally.processed["b"].len(), 2);
    }
}
