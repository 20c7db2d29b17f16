//! The function's execution role, which AWS shows in every record of Kinesis.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::encode::Encoder;
use crate::aws::Asking;
use crate::clock::WallClock;
use crate::machine::Fault;

/// Asks for the ARN of the function's execution role.
pub(crate) type AskRole = Box<dyn Fn() -> BoxFuture<'static, Result<String, Fault>> + Send + Sync>;

/// The encoder of a stream's records, made once for each role that it is to show.
///
/// The role is asked for when there are records to encode. The first records wait for the answer, so that records do
/// not show one role now and another a moment later; when no answer comes they show a stand-in, and it is asked for
/// again next to later reads. A role that is known is kept.
pub(super) struct Encoders {
    stream_arn: String,
    region: String,
    /// Encodes as long as the role is not known.
    stand_in: Arc<Encoder>,
    ask: AskRole,
    wall: WallClock,
    asking: Asking,
    /// The longest that the first records wait.
    patience: Duration,
    answer: watch::Sender<Answer>,
}

/// What was answered when the role was asked for.
enum Answer {
    /// Nothing so far.
    Awaited,
    /// Not the role.
    Unknown,
    /// The role, which this encoder shows.
    Known(Arc<Encoder>),
}

impl Encoders {
    /// `stand_in` is shown as long as the role is not known.
    pub(super) fn new(
        stream_arn: &str,
        region: &str,
        stand_in: &str,
        patience: Duration,
        ask: AskRole,
        wall: WallClock,
    ) -> Self {
        Self {
            stream_arn: stream_arn.to_owned(),
            region: region.to_owned(),
            stand_in: Arc::new(Encoder::new(stream_arn, region, stand_in, Arc::clone(&wall))),
            ask,
            wall,
            asking: Asking::default(),
            patience,
            answer: watch::Sender::new(Answer::Awaited),
        }
    }

    /// The encoder for records that have come.
    pub(super) async fn encoder(self: &Arc<Self>) -> Arc<Encoder> {
        let awaited = match &*self.answer.borrow() {
            Answer::Known(encoder) => return Arc::clone(encoder),
            Answer::Unknown => false,
            Answer::Awaited => true,
        };
        if self.asking.due() {
            // A task of its own: the read that asks may be dropped, and others wait for the same answer.
            tokio::spawn(Arc::clone(self).learn());
        }
        if !awaited {
            return Arc::clone(&self.stand_in);
        }
        let mut answer = self.answer.subscribe();
        let answered = answer.wait_for(|answer| !matches!(answer, Answer::Awaited));
        if tokio::time::timeout(self.patience, answered).await.is_err() {
            self.do_without();
        }
        match &*self.answer.borrow() {
            Answer::Known(encoder) => Arc::clone(encoder),
            Answer::Unknown | Answer::Awaited => Arc::clone(&self.stand_in),
        }
    }

    async fn learn(self: Arc<Self>) {
        match (self.ask)().await {
            Ok(role) => {
                tracing::debug!(stream = %self.stream_arn, role, "the function's execution role is known");
                let encoder = Encoder::new(&self.stream_arn, &self.region, &role, Arc::clone(&self.wall));
                self.answer.send_replace(Answer::Known(Arc::new(encoder)));
            }
            Err(fault) => {
                tracing::debug!(stream = %self.stream_arn, %fault, "the function's execution role cannot be read");
                self.asking.failed(&fault);
                self.do_without();
            }
        }
    }

    /// No read waits any longer, now or later.
    fn do_without(&self) {
        self.answer.send_if_modified(|answer| {
            let awaited = matches!(answer, Answer::Awaited);
            if awaited {
                *answer = Answer::Unknown;
            }
            awaited
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use aws_sdk_kinesis::primitives::Blob;
    use aws_sdk_kinesis::types::Record;
    use futures_util::FutureExt as _;
    use tokio::time::Instant;

    use super::*;
    use crate::machine::FaultKind;

    const STAND_IN: &str = "arn:aws:iam::123456789012:role/stand-in";
    const ROLE: &str = "arn:aws:iam::123456789012:role/work";
    const PATIENCE: Duration = Duration::from_secs(10);

    /// What an ask takes, and how it ends.
    type Said = (Duration, Result<&'static str, FaultKind>);

    /// Answers of the function, in turn; further asks are never answered.
    struct Says {
        next: Mutex<VecDeque<Said>>,
        asked_at: Mutex<Vec<Instant>>,
    }

    fn encoders(says: impl IntoIterator<Item = Said>) -> (Arc<Encoders>, Arc<Says>) {
        let says = Arc::new(Says { next: Mutex::new(says.into_iter().collect()), asked_at: Mutex::new(Vec::new()) });
        let shared = Arc::clone(&says);
        let ask: AskRole = Box::new(move || {
            shared.asked_at.lock().unwrap().push(Instant::now());
            let next = shared.next.lock().unwrap().pop_front();
            async move {
                let Some((takes, result)) = next else { return std::future::pending().await };
                tokio::time::sleep(takes).await;
                result.map(str::to_owned).map_err(|kind| Fault::new(kind, "as the service put it"))
            }
            .boxed()
        });
        let arn = "arn:aws:kinesis:us-east-2:123456789012:stream/orders";
        (Arc::new(Encoders::new(arn, "us-east-2", STAND_IN, PATIENCE, ask, Arc::new(|| 0))), says)
    }

    impl Says {
        fn asked(&self) -> usize {
            self.asked_at.lock().unwrap().len()
        }
    }

    /// The role that records show now, and how long they waited for it.
    async fn shown(encoders: &Arc<Encoders>) -> (String, Duration) {
        let start = Instant::now();
        let encoder = encoders.encoder().await;
        let waited = start.elapsed();
        let record = Record::builder().sequence_number("1").partition_key("k").data(Blob::new([])).build().unwrap();
        let records = encoder.records("s-0", &[record]).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&records[0].record.fragment).unwrap();
        (json["invokeIdentityArn"].as_str().unwrap().to_owned(), waited)
    }

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn all_first_records_wait_for_one_answer_which_is_kept() {
        let (encoders, says) = encoders([(secs(3), Ok(ROLE))]);
        let all = futures_util::join!(shown(&encoders), shown(&encoders), shown(&encoders));
        let expected = (ROLE.to_owned(), secs(3));
        assert_eq!(all, (expected.clone(), expected.clone(), expected));
        tokio::time::advance(secs(24 * 3600)).await;
        assert_eq!(shown(&encoders).await, (ROLE.to_owned(), Duration::ZERO));
        assert_eq!(says.asked(), 1);
        assert!(Arc::ptr_eq(&encoders.encoder().await, &encoders.encoder().await), "made once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_is_dropped_does_not_take_the_answer_along() {
        let (encoders, says) = encoders([(secs(3), Ok(ROLE))]);
        assert!(tokio::time::timeout(secs(1), encoders.encoder()).await.is_err());
        assert_eq!(shown(&encoders).await, (ROLE.to_owned(), secs(2)));
        assert_eq!(says.asked(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn without_the_role_a_stand_in_is_shown_until_a_later_ask_gets_it() {
        for (kind, pause) in
            [(FaultKind::Denied, 3600), (FaultKind::Missing, 60), (FaultKind::Transient, 60), (FaultKind::Timeout, 60)]
        {
            let (encoders, says) = encoders([(secs(1), Err(kind)), (secs(5), Ok(ROLE))]);
            assert_eq!(shown(&encoders).await, (STAND_IN.to_owned(), secs(1)), "{kind:?}");
            let failed = Instant::now();
            while says.asked() < 2 {
                assert_eq!(shown(&encoders).await, (STAND_IN.to_owned(), Duration::ZERO), "{kind:?}");
                tokio::time::sleep(secs(1)).await;
            }
            assert_eq!(says.asked_at.lock().unwrap()[1] - failed, secs(pause), "{kind:?}");
            assert_eq!(shown(&encoders).await, (STAND_IN.to_owned(), Duration::ZERO), "{kind:?}: no read waits again");
            tokio::time::sleep(secs(5)).await;
            assert_eq!(shown(&encoders).await, (ROLE.to_owned(), Duration::ZERO), "{kind:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn patience_has_an_end_but_a_late_answer_counts() {
        let (encoders, says) = encoders([(secs(12), Ok(ROLE))]);
        let later = async {
            tokio::time::sleep(secs(4)).await;
            shown(&encoders).await
        };
        let (first, later) = futures_util::join!(shown(&encoders), later);
        assert_eq!(first, (STAND_IN.to_owned(), PATIENCE));
        assert_eq!(later, (STAND_IN.to_owned(), secs(6)), "the first one's patience ends the wait for all");
        tokio::time::sleep(secs(3)).await;
        assert_eq!(shown(&encoders).await, (ROLE.to_owned(), Duration::ZERO));
        assert_eq!(says.asked(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_ask_that_never_ends_is_made_again_and_delays_no_read() {
        let (encoders, says) = encoders([]);
        assert_eq!(shown(&encoders).await, (STAND_IN.to_owned(), PATIENCE));
        tokio::time::sleep(secs(51)).await;
        assert_eq!(shown(&encoders).await, (STAND_IN.to_owned(), Duration::ZERO));
        tokio::task::yield_now().await;
        assert_eq!(says.asked(), 2);
    }
}
