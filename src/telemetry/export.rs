//! Writes the numbers of every live mapping when Prometheus asks.

use std::fmt;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;

use super::MappingMetrics;
use super::counts::{Counts, FLUSHES, HEARTBEATS};
use super::metrics::{Live, STATES};
use crate::machine::Invariant;

type Written = Result<(), fmt::Error>;
/// Reads a number.
type Read<T> = fn(&Counts) -> T;

/// Counters without a label of their own: name, help, number.
const COUNTERS: [(&str, &str, Read<u64>); 9] = [
    ("events_polled", "Records received from the source.", |counts| counts.polled.get()),
    ("events_invoked", "Records handed to the function; again on each retry and throttle.", |counts| {
        counts.invoked.get()
    }),
    ("events_failed", "Records that the function, or the way to it, failed.", |counts| counts.failed.get()),
    ("events_deleted", "Messages deleted after they were processed.", |counts| counts.deleted.get()),
    ("throttles", "Invokes that were throttled.", |counts| counts.throttles.get()),
    ("malformed_responses", "Answers that broke the form of ReportBatchItemFailures.", |counts| counts.malformed.get()),
    ("leases_lost", "Messages whose receipt was lost before they were settled.", |counts| counts.leases_lost.get()),
    ("delete_failures", "Deletions that did not work and were tried again.", |counts| counts.delete_failures.get()),
    ("oversized_messages", "Messages whose event alone is over 6 MB.", |counts| counts.oversized.get()),
];

/// Gauges: name, help, and the number where it is known.
const GAUGES: [(&str, &str, Read<Option<u64>>); 4] = [
    ("invokes_in_flight", "Batches that are with the function.", |counts| Some(counts.in_flight.load(Relaxed))),
    ("invokes_in_flight_limit", "How many batches may be with the function.", |counts| {
        Some(counts.in_flight_limit.load(Relaxed))
    }),
    ("source_backlog", "Messages waiting in the source, approximately, when it was last asked.", |counts| {
        Some(counts.backlog.load(Relaxed)).filter(|known| *known != u64::MAX)
    }),
    ("mapping_degraded", "1 while the mapping cannot do its work, or only in part.", |counts| {
        Some(u64::from(counts.degraded.load(Relaxed)))
    }),
];

/// Reads the live mappings at each scrape.
pub(super) struct Export {
    live: Live,
}

impl Export {
    pub(super) const fn new(live: Live) -> Self {
        Self { live }
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
        let mut sheet = Sheet { encoder, mappings: &mappings };
        for (name, help, number) in COUNTERS {
            sheet.counter(name, help, |mapping, family| number_of(family, mapping, number(mapping.counts())))?;
        }
        sheet.results()?;
        for (name, help, number) in GAUGES {
            sheet.gauge(name, help, None, |mapping, family| match number(mapping.counts()) {
                Some(known) => family.encode_family(&mapping.labels())?.encode_gauge(&known),
                None => Ok(()),
            })?;
        }
        sheet.states()?;
        sheet.histograms()
    }
}

struct Sheet<'a, 'm> {
    encoder: DescriptorEncoder<'a>,
    mappings: &'m [Arc<MappingMetrics>],
}

impl Sheet<'_, '_> {
    fn counter(
        &mut self,
        name: &str,
        help: &str,
        write: impl Fn(&MappingMetrics, &mut MetricEncoder<'_>) -> Written,
    ) -> Written {
        let mut family = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        self.mappings.iter().try_for_each(|mapping| write(mapping, &mut family))
    }

    fn gauge(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        write: impl Fn(&MappingMetrics, &mut MetricEncoder<'_>) -> Written,
    ) -> Written {
        let mut family = self.encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        self.mappings.iter().try_for_each(|mapping| write(mapping, &mut family))
    }

    /// The counters that have one more label.
    fn results(&mut self) -> Written {
        self.counter("polls", "Receives that ended, by result.", |mapping, family| {
            mapping.counts().polls().try_for_each(|(result, n)| labelled(family, mapping, "result", result, n))
        })?;
        self.counter("invokes", "Invokes that ended, by result.", |mapping, family| {
            mapping.counts().invokes().try_for_each(|(result, n)| labelled(family, mapping, "result", result, n))
        })?;
        self.counter("batch_flushes", "Batches that were closed, by what closed them.", |mapping, family| {
            let counts = FLUSHES.iter().zip(&mapping.counts().flushes);
            counts.into_iter().try_for_each(|(reason, n)| labelled(family, mapping, "reason", reason.as_str(), n.get()))
        })?;
        self.counter("heartbeats", "Messages whose visibility was to be extended, by result.", |mapping, family| {
            let counts = HEARTBEATS.iter().zip(&mapping.counts().heartbeats);
            counts.into_iter().try_for_each(|(result, n)| labelled(family, mapping, "result", result.as_str(), n.get()))
        })?;
        // A series appears with its first violation: any series at all is an alarm.
        self.counter("invariant_violations", "Times that a named invariant was untrue.", |mapping, family| {
            let counts = Invariant::ALL.iter().zip(&mapping.counts().violations);
            counts
                .into_iter()
                .filter(|(_, n)| n.get() > 0)
                .try_for_each(|(invariant, n)| labelled(family, mapping, "invariant", invariant.as_str(), n.get()))
        })
    }

    fn states(&mut self) -> Written {
        let help = "1 for the state that the mapping is in.";
        self.gauge("mapping_state", help, None, |mapping, family| {
            let Some(current) = mapping.state() else { return Ok(()) };
            STATES.into_iter().try_for_each(|state| {
                let [name, source] = mapping.labels();
                let text = format!("{state:?}");
                let labels = [name, source, ("state", &text)];
                family.encode_family(&labels)?.encode_gauge(&u64::from(state == current))
            })
        })?;
        let help = "When the last receive succeeded, as Unix time.";
        self.gauge("last_poll_timestamp", help, Some(&Unit::Seconds), |mapping, family| {
            match mapping.counts().last_poll_unix_ms.load(Relaxed) {
                0 => Ok(()),
                ms => family.encode_family(&mapping.labels())?.encode_gauge(&seconds(ms)),
            }
        })
    }

    fn histograms(&mut self) -> Written {
        self.histogram("invoke_duration", "From an invoke's request to its answer.", Some(&Unit::Seconds), |counts| {
            &counts.invoke_duration
        })?;
        self.histogram("batch_records", "Records in a batch when it was closed.", None, |counts| {
            &counts.batch_records
        })?;
        self.histogram("limiter_wait", "How long invokes waited for the rate limit.", Some(&Unit::Seconds), |counts| {
            &counts.limiter_wait
        })
    }

    fn histogram(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        histogram: impl Fn(&Counts) -> &Histogram,
    ) -> Written {
        let mut family = self.encoder.encode_descriptor(name, help, unit, MetricType::Histogram)?;
        self.mappings
            .iter()
            .try_for_each(|mapping| histogram(mapping.counts()).encode(family.encode_family(&mapping.labels())?))
    }
}

fn number_of(family: &mut MetricEncoder<'_>, mapping: &MappingMetrics, number: u64) -> Written {
    family.encode_family(&mapping.labels())?.encode_counter::<NoLabelSet, _, u64>(&number, None)
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::engine::MappingState;
    use crate::machine::{Event, FlushReason, Health, HeartbeatResult, Invariant, InvokeEnd};
    use crate::mapping::SourceKind;
    use crate::telemetry::Metrics;

    fn has(text: &str, line: &str) {
        assert!(text.lines().any(|found| found == line), "no line {line:?} in\n{text}");
    }

    #[test]
    fn every_event_shows_in_its_series() {
        let metrics = Metrics::new();
        let orders = metrics.mapping("orders", SourceKind::Sqs);
        orders.set_state(MappingState::Enabled);
        orders.set_in_flight(2);
        orders.limiter_waited(Duration::from_millis(20));
        for event in [
            Event::Polled { records: 10 },
            Event::Flushed { records: 10, bytes: 900, reason: FlushReason::Size },
            Event::InvokeStarted { records: 10, attempt: 1 },
            Event::InvokeEnded {
                end: InvokeEnd::FunctionError,
                records: 10,
                failed: 10,
                took: Duration::from_millis(40),
                message: None,
            },
            Event::MalformedResponse { reason: "an item has no identifier" },
            Event::Heartbeat { result: HeartbeatResult::Extended, records: 10 },
            Event::LeaseLost { records: 1, reason: "the receipt is gone" },
            Event::DeleteFailed { records: 3, message: "internal error".into() },
            Event::TooLarge { id: "m-1".into(), bytes: 7_000_000 },
            Event::Scaled { limit: 5 },
            Event::Described { backlog: Some(40), visibility: Duration::from_secs(30) },
            Event::Health(Health::Degraded { reason: "the function does not exist".into() }),
            Event::Violated(Invariant::SettlesOnce),
        ] {
            orders.observe(&event);
        }
        let text = metrics.render();
        let of = "mapping=\"orders\",source=\"sqs\"";
        has(&text, concat!("forebay_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"));
        for (name, value) in [
            ("events_polled_total", "10"),
            ("events_invoked_total", "10"),
            ("events_failed_total", "10"),
            ("malformed_responses_total", "1"),
            ("leases_lost_total", "1"),
            ("delete_failures_total", "3"),
            ("oversized_messages_total", "1"),
            ("invokes_in_flight", "2"),
            ("invokes_in_flight_limit", "5"),
            ("source_backlog", "40"),
            ("mapping_degraded", "1"),
            ("invoke_duration_seconds_count", "1"),
            ("batch_records_sum", "10.0"),
            ("limiter_wait_seconds_count", "1"),
        ] {
            has(&text, &format!("forebay_{name}{{{of}}} {value}"));
        }
        for (name, label, value) in [
            ("polls_total", "result=\"records\"", "1"),
            ("polls_total", "result=\"denied\"", "0"),
            ("invokes_total", "result=\"function_error\"", "1"),
            ("batch_flushes_total", "reason=\"size\"", "1"),
            ("heartbeats_total", "result=\"extended\"", "10"),
            ("invariant_violations_total", "invariant=\"settles_once\"", "1"),
            ("mapping_state", "state=\"Enabled\"", "1"),
            ("mapping_state", "state=\"Disabled\"", "0"),
        ] {
            has(&text, &format!("forebay_{name}{{{of},{label}}} {value}"));
        }
        assert!(text.contains("forebay_last_poll_timestamp_seconds{"), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }

    #[test]
    fn what_is_not_known_has_no_series() {
        let metrics = Metrics::new();
        let _idle = metrics.mapping("idle", SourceKind::Sqs);
        let text = metrics.render();
        for name in ["source_backlog{", "last_poll_timestamp_seconds{", "mapping_state{", "invariant_violations_total{"]
        {
            assert!(!text.contains(name), "{name} in\n{text}");
        }
        has(&text, "forebay_events_polled_total{mapping=\"idle\",source=\"sqs\"} 0");
    }

    #[test]
    fn every_name_is_documented_and_every_documented_name_exists() {
        let metrics = Metrics::new();
        let _any = metrics.mapping("any", SourceKind::Sqs);
        let text = metrics.render();
        let mut written: Vec<String> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE forebay_")?.split_once(' '))
            .map(|(name, kind)| match kind {
                "counter" => format!("{name}_total"),
                "info" => format!("{name}_info"),
                _ => name.to_owned(),
            })
            .collect();
        let page = include_str!("../../docs/metrics.md");
        let mut documented: Vec<String> = page
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
            .map(|(name, _)| name.split('{').next().unwrap_or(name).to_owned())
            .collect();
        written.sort();
        documented.sort();
        assert_eq!(written, documented);
    }

    #[test]
    fn names_are_escaped() {
        let metrics = Metrics::new();
        let _odd = metrics.mapping("a\"b\\c\nd", SourceKind::Sqs);
        assert!(metrics.render().contains("mapping=\"a\\\"b\\\\c\\nd\""), "{}", metrics.render());
    }
}
