//! Open files and connections: how many there may be, and what they are for.
//!
//! Every call holds a connection, and where a process has no descriptor left it can neither answer a probe nor write
//! its store. So the limit is raised as far as the system lets us, and what is left of it is shared out beforehand.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{aws, aws_api, control, function};

/// Kept for the store, listeners, mapping files, name lookups, and what a library opens for a moment.
const OWN: usize = 64;

/// Below this many calls at once somebody should know.
const FEW_CALLS: usize = 1_000;

/// How many connections each side may have at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Budget {
    /// Of clients of the control socket.
    pub(super) control: usize,
    /// Of clients of the probes.
    pub(super) probes: usize,
    /// Of clients of the AWS API.
    pub(super) aws_api: usize,
    /// Of workers of functions.
    pub(super) workers: usize,
    /// Ours, to services.
    calls: usize,
}

impl Budget {
    /// Raises the limit, shares it out, and bounds the calls of this process.
    pub(super) fn take() -> Self {
        let limit = raise();
        let budget = Self::of(limit);
        if budget.calls < FEW_CALLS {
            tracing::warn!(
                limit,
                calls = budget.calls,
                "the limit of open files allows few calls at once: raise it (`ulimit -Hn`, LimitNOFILE=, --ulimit \
                 nofile)"
            );
        }
        aws::bound_calls(budget.calls);
        budget
    }

    fn of(limit: usize) -> Self {
        let (control, probes) = (control::CONNECTIONS.min(limit / 8), control::CONNECTIONS.min(limit / 8));
        let aws_api = aws_api::CONNECTIONS.min(limit / 4);
        let workers = function::CONNECTIONS.min(limit / 8);
        let own = OWN.min(limit / 8);
        Self { control, probes, aws_api, workers, calls: limit - control - probes - aws_api - workers - own }
    }
}

/// Raises the soft limit of open files to the hard one: what there is then.
fn raise() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // `None`: no limit.
    let raised = current != maximum && setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
    let limit = if raised { maximum } else { current };
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_get_what_is_left_when_those_who_ask_have_their_share() {
        for limit in [64, 256, 1_024, 4_096, 1_048_576, usize::MAX / 2] {
            let Budget { control, probes, aws_api, workers, calls } = Budget::of(limit);
            assert!(control >= 8 && probes >= 8 && aws_api >= 16 && workers >= 8, "{limit}");
            assert!(calls + control + probes + aws_api + workers < limit, "{limit}: something is left for ourselves");
            assert!(calls >= limit / 4, "{limit}: {calls}");
        }
        let of = |limit| Budget::of(limit).calls;
        assert_eq!((of(1_024), of(256)), (448, 64));
    }

    #[test]
    fn the_limit_is_the_hard_one_afterwards() {
        let limit = raise();
        let now = getrlimit(Resource::Nofile);
        assert_eq!(now.current, now.maximum);
        assert!(now.current.is_none_or(|current| current == limit as u64));
    }
}
