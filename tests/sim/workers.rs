//! A target that says how many invocations it can have: workers that attach and go.

use fastrand::Rng;
use tokio::sync::watch;

use crate::world::World;

/// From a change until no call that was begun before it can show any more (milliseconds).
const SLACK: u64 = 5;

/// How many invocations a target can have at a time, from when on (milliseconds). Without any entry it does not say.
pub(crate) type Attached = Vec<(u64, u32)>;

/// One target of four says how many. Workers go, all of them at times, and in the fair phase there are some.
pub(crate) fn draw(rng: &mut Rng, fair_at: u64) -> Attached {
    if rng.u8(0..4) > 0 {
        return Vec::new();
    }
    let few = |rng: &mut Rng| if rng.bool() { 0 } else { rng.u32(0..6) };
    let mut attached = vec![(0, few(rng))];
    for _ in 0..rng.usize(1..8) {
        attached.push((rng.u64(0..fair_at), few(rng)));
    }
    attached.push((fair_at, rng.u32(1..8)));
    attached.sort_unstable_by_key(|&(at, _)| at);
    attached
}

/// Every third function knows errors that will never pass, and says so of some.
pub(crate) fn terminal(rng: &mut Rng) -> f64 {
    if rng.u8(0..3) == 0 { rng.f64() / 2.0 } else { 0.0 }
}

/// The workers of one mapping's target.
pub(crate) struct Workers {
    attached: Attached,
    capacity: watch::Sender<u32>,
}

impl Workers {
    pub(crate) fn new(attached: Attached) -> Self {
        let first = attached.first().map_or(0, |&(_, slots)| slots);
        Self { attached, capacity: watch::Sender::new(first) }
    }

    /// What the engine may ask.
    pub(crate) fn capacity(&self) -> Option<watch::Receiver<u32>> {
        (!self.attached.is_empty()).then(|| self.capacity.subscribe())
    }

    /// The most that were attached just now; `None` where the target does not say.
    pub(crate) fn most(&self, now: u64) -> Option<usize> {
        let before = self.attached.iter().rfind(|&&(at, _)| at + SLACK < now);
        let lately = self.attached.iter().filter(|&&(at, _)| at + SLACK >= now && at <= now);
        before.into_iter().chain(lately).map(|&(_, slots)| slots as usize).max()
    }

    /// Attaches and goes.
    pub(crate) async fn live(&self, world: &World) {
        for &(at, slots) in &self.attached {
            world.sleep_until(at).await;
            self.capacity.send_replace(slots);
        }
    }
}
