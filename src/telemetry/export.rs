//! Writes the numbers of every live mapping when Prometheus asks.

use std::fmt;
use std::sync::{Arc, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;

use super::MappingMetrics;
use super::metrics::Live;
use super::numbers::Spreads;
use super::series::{COUNTERS, GAUGES, Of};
use super::shards::ShardState;
use super::state::MappingState;
use crate::clock::WallClock;
use crate::machine::Label;

type Written = Result<(), fmt::Error>;

/// Reads the live mappings at each scrape.
pub(super) struct Export {
    live: Live,
    wall: WallClock,
}

impl Export {
    pub(super) const fn new(live: Live, wall: WallClock) -> Self {
        Self { live, wall }
    }
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export").finish_non_exhaustive()
    }
}

impl Collector for Export {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Written {
        let mappings: Vec<Arc<MappingMetrics>> = {
            let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
            live.values().map(Arc::clone).collect()
        };
        if mappings.is_empty() {
            return Ok(());
        }
        let mut sheet = Sheet { encoder, mappings: &mappings, now_unix_ms: (self.wall)() };
        for (name, of, help, count) in COUNTERS {
            sheet.counter(name, *of, help, |mapping, family| {
                number_of(family, mapping, count(&mapping.counts().plain).get())
            })?;
        }
        sheet.results()?;
        for (name, of, help, number) in GAUGES {
            sheet.gauge(name, of, help, None, |mapping, family| match number(mapping.counts()) {
                Some(known) => family.encode_family(&mapping.labels())?.encode_gauge(&known),
                None => Ok(()),
            })?;
        }
        sheet.states()?;
        sheet.streams()?;
        sheet.histograms()
    }
}

struct Sheet<'a, 'm> {
    encoder: DescriptorEncoder<'a>,
    mappings: &'m [Arc<MappingMetrics>],
    now_unix_ms: u64,
}

impl Sheet<'_, '_> {
    fn counter(
        &mut self,
        name: &str,
        of: Of,
        help: &str,
        write: impl Fn(&MappingMetrics, &mut MetricEncoder<'_>) -> Written,
    ) -> Written {
        let mut family = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        let mut mappings = self.mappings.iter().filter(|mapping| of.takes(mapping));
        mappings.try_for_each(|mapping| write(mapping, &mut family))
    }

    fn gauge(
        &mut self,
        name: &str,
        of: Of,
        help: &str,
        unit: Option<&Unit>,
        write: impl Fn(&MappingMetrics, &mut MetricEncoder<'_>) -> Written,
    ) -> Written {
        let mut family = self.encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        let mut mappings = self.mappings.iter().filter(|mapping| of.takes(mapping));
        mappings.try_for_each(|mapping| write(mapping, &mut family))
    }

    /// The counters that have one more label.
    fn results(&mut self) -> Written {
        self.counter("polls", Of::All, "Receives and reads that ended, by result.", |mapping, family| {
            mapping.counts().polls().try_for_each(|(result, n)| labelled(family, mapping, "result", result, n))
        })?;
        self.counter("invokes", Of::All, "Invokes that ended, by result.", |mapping, family| {
            mapping.counts().invokes().try_for_each(|(result, n)| labelled(family, mapping, "result", result, n))
        })?;
        let help = "Batches that were closed, by the reason.";
        self.counter("batch_flushes", Of::All, help, |mapping, family| {
            each(family, mapping, "reason", mapping.counts().flushes.iter())
        })?;
        let help = "Extensions of visibility timeouts, by result.";
        self.counter("heartbeats", Of::Queues, help, |mapping, family| {
            each(family, mapping, "result", mapping.counts().heartbeats.iter())
        })?;
        self.counter(
            "checkpoints",
            Of::Streams,
            "Checkpoints that were saved, and writes that failed.",
            |mapping, family| {
                let (saved, failed) = (&mapping.counts().checkpoints_saved, &mapping.counts().checkpoints_failed);
                let mut counts = [("saved", saved), ("failed", failed)].into_iter();
                counts.try_for_each(|(result, n)| labelled(family, mapping, "result", result, n.get()))
            },
        )?;
        // A series appears with its first violation: any series at all is an alarm.
        self.counter(
            "invariant_violations",
            Of::All,
            "Times that a named invariant was violated: a bug in forebay.",
            |mapping, family| {
                let violations = mapping.counts().violations.iter().filter(|(_, n)| *n > 0);
                each(family, mapping, "invariant", violations)
            },
        )
    }

    fn states(&mut self) -> Written {
        let help = "1 for the state that the mapping is in.";
        self.gauge("mapping_state", Of::All, help, None, |mapping, family| {
            let Some(current) = mapping.state() else { return Ok(()) };
            MappingState::ALL.iter().try_for_each(|&state| {
                let [name, source] = mapping.labels();
                let labels = [name, source, ("state", state.as_str())];
                family.encode_family(&labels)?.encode_gauge(&u64::from(state == current))
            })
        })?;
        let help = "When the last receive or read succeeded, as Unix time.";
        self.gauge("last_poll_timestamp", Of::All, help, Some(&Unit::Seconds), |mapping, family| {
            match mapping.counts().last_poll_unix_ms.get() {
                Some(ms) => family.encode_family(&mapping.labels())?.encode_gauge(&seconds(ms)),
                None => Ok(()),
            }
        })
    }

    /// What only streams have and more than a number is needed for.
    fn streams(&mut self) -> Written {
        let help = "The greatest age of the last record of a batch when it went to the function, over all shards.";
        self.gauge("iterator_age", Of::Streams, help, Some(&Unit::Seconds), |mapping, family| {
            match mapping.shards().iterator_age() {
                Some(age) => family.encode_family(&mapping.labels())?.encode_gauge(&age.as_secs_f64()),
                None => Ok(()),
            }
        })?;
        let now = self.now_unix_ms;
        let help = "How long ago the oldest record was read that no saved checkpoint covers; 0: all is saved.";
        self.gauge("checkpoint_age", Of::Streams, help, Some(&Unit::Seconds), |mapping, family| {
            family.encode_family(&mapping.labels())?.encode_gauge(&mapping.checkpoint_age(now).as_secs_f64())
        })?;
        let help = "How far the host's clock is ahead of the source's, behind if negative; 0 below 30 s.";
        self.gauge("clock_skew", Of::Streams, help, Some(&Unit::Seconds), |mapping, family| {
            let ahead = mapping.clock_ahead_ms() as f64 / 1000.0;
            family.encode_family(&mapping.labels())?.encode_gauge(&ahead)
        })?;
        self.gauge("shards", Of::Streams, "Shards by their state.", None, |mapping, family| {
            ShardState::ALL.iter().try_for_each(|&state| {
                let [name, source] = mapping.labels();
                let labels = [name, source, ("state", state.as_str())];
                family.encode_family(&labels)?.encode_gauge(&(mapping.shards().count(state) as u64))
            })
        })
    }

    fn histograms(&mut self) -> Written {
        self.histogram(
            "invoke_duration",
            "From an invoke's request to its answer.",
            Some(&Unit::Seconds),
            |spreads| &spreads.invoke_duration,
        )?;
        self.histogram("batch_records", "Records in a batch when it was closed.", None, |spreads| {
            &spreads.batch_records
        })?;
        self.histogram(
            "limiter_wait",
            "How long invokes and reads waited for their limit.",
            Some(&Unit::Seconds),
            |spreads| &spreads.limiter_wait,
        )
    }

    fn histogram(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        histogram: impl Fn(&Spreads) -> &Histogram,
    ) -> Written {
        let mut family = self.encoder.encode_descriptor(name, help, unit, MetricType::Histogram)?;
        self.mappings.iter().try_for_each(|mapping| {
            histogram(&mapping.counts().spreads).encode(family.encode_family(&mapping.labels())?)
        })
    }
}

fn number_of(family: &mut MetricEncoder<'_>, mapping: &MappingMetrics, number: u64) -> Written {
    family.encode_family(&mapping.labels())?.encode_counter::<NoLabelSet, _, u64>(&number, None)
}

/// A number for each variant of a kind.
fn each<L: Label>(
    family: &mut MetricEncoder<'_>,
    mapping: &MappingMetrics,
    key: &'static str,
    mut counts: impl Iterator<Item = (L, u64)>,
) -> Written {
    counts.try_for_each(|(label, n)| labelled(family, mapping, key, label.as_str(), n))
}

fn labelled(
    family: &mut MetricEncoder<'_>,
    mapping: &MappingMetrics,
    key: &'static str,
    value: &str,
    number: u64,
) -> Written {
    let [name, source] = mapping.labels();
    let labels = [name, source, (key, value)];
    family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&number, None)
}

fn seconds(unix_ms: u64) -> f64 {
    std::time::Duration::from_millis(unix_ms).as_secs_f64()
}
