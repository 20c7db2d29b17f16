//! The rows of a fleet in the table, and each request of a fleet's machine as one call.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;

use super::keys;
use super::row::{Row, number, text};
use super::table::{Key, Table, Write, Written};
use crate::clock::WallClock;
use crate::fleet::{
    Answer, Assignment, Beat, Head, Offer, Periods, ReplicaId, ReplicaRow, ReplicaState, Request, Sight, TakePlan,
    Unit, Written as Outcome,
};
use crate::machine::{Fault, FaultKind};
use crate::store::TableError;

/// How long the row of a replica that is gone stays, so that nothing that arrives late brings it back.
const GRAVE: Duration = Duration::from_secs(86_400);

/// The fleet's rows, over two clients: what keeps a replica alive waits behind nothing else.
#[derive(Clone)]
pub struct FleetTable {
    vital: Table,
    other: Table,
    wall: WallClock,
}

impl FleetTable {
    /// Over a client for what keeps a replica alive, and one for all else.
    #[must_use]
    pub const fn new(vital: Table, other: Table, wall: WallClock) -> Self {
        Self { vital, other, wall }
    }

    /// Carries one request out. A condition that failed is an answer.
    ///
    /// # Errors
    /// When there is no answer, or none that can be read.
    pub async fn ask(&self, request: Request) -> Result<Answer, Fault> {
        let bound = request.bound();
        self.ask_within(request, bound).await
    }

    /// The same for those who have more patience than a replica that wants to live.
    pub(crate) async fn ask_within(&self, request: Request, bound: Duration) -> Result<Answer, Fault> {
        let base = if request.is_vital() { &self.vital } else { &self.other };
        let table = Table { bound, ..base.clone() };
        match request {
            Request::Join(row) => table.join(&row).await.and_then(replica),
            Request::Beat(beat) => table.beat(&beat).await.and_then(replica),
            Request::Kill { id, seen } => {
                let values = vec![(":dead", text(DEAD)), (":ttl", self.grave()), (":seen", number(seen))];
                let (update, condition) = ("SET #st = :dead, #ttl = :ttl", "#hb = :seen AND #st <> :dead");
                let write = Write { update, condition, values };
                table.write(keys::replica(id.as_str()), write).await.and_then(replica)
            }
            Request::Leave { id } => {
                let values = vec![(":dead", text(DEAD)), (":ttl", self.grave())];
                let (update, condition) = ("SET #st = :dead, #ttl = :ttl", "attribute_exists(#pk) AND #st <> :dead");
                let write = Write { update, condition, values };
                table.write(keys::replica(id.as_str()), write).await.and_then(replica)
            }
            Request::Bump { id } => {
                let values = vec![(":one", number(1)), (":dead", text(DEAD))];
                let (update, condition) = ("ADD #news :one", "attribute_exists(#pk) AND #st <> :dead");
                let write = Write { update, condition, values };
                table.write(keys::replica(id.as_str()), write).await.and_then(replica)
            }
            Request::Look { consistent } => Ok(Answer::Sight(self.sight(table.query(keys::FLEET, consistent).await?))),
            Request::LookHead => {
                let row = table.get_at_last(keys::head()).await?;
                Ok(Answer::HeadRead(row.as_ref().map(head).transpose().map_err(unreadable)?))
            }
            Request::TakePlan(take) => table.take_plan(&take).await.and_then(headed),
            Request::BeatHead(head) => table.beat_head(&head).await.and_then(headed),
            Request::Assign(assignment) => table.assign(&assignment).await.and_then(assigned),
            Request::ReadAssignment { id } => {
                let row = table.get(keys::assignment(id.as_str())).await?;
                Ok(Answer::AssignmentRead(row.as_ref().map(assignment).transpose().map_err(unreadable)?))
            }
            Request::ReadAssignments => {
                Ok(Answer::Assignments(readable(&table.query(keys::ASSIGNMENTS, true).await?, assignment)))
            }
            Request::ReadOffers => Ok(Answer::Offers(readable(&table.query(keys::OFFERS, true).await?, offer))),
            Request::Offer(made) => table.offer(&made).await.and_then(offered),
            Request::Forget { id } => {
                table.remove(keys::assignment(id.as_str()), "", Vec::new()).await?;
                table.remove(keys::offer(id.as_str()), "", Vec::new()).await?;
                Ok(Answer::Forgotten)
            }
        }
    }

    fn grave(&self) -> AttributeValue {
        number((self.wall)() / 1_000 + GRAVE.as_secs())
    }

    /// DynamoDB removes what is past its time within days, so until then it is left out here.
    fn sight(&self, rows: Vec<Row>) -> Sight {
        let now = (self.wall)() / 1_000;
        let mut sight = Sight::default();
        let (replicas, others): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| row.sk().starts_with("R#"));
        let replicas: Vec<Row> =
            replicas.into_iter().filter(|row| row.number("ttl").is_none_or(|ttl| ttl > now)).collect();
        sight.replicas = readable(&replicas, replica_row);
        for row in others {
            match row.sk() {
                "HEAD" => sight.head = readable(std::slice::from_ref(&row), head).pop(),
                "REV" => sight.revision = row.number("rev").unwrap_or(0),
                _ => {}
            }
        }
        sight
    }
}

const UP: &str = "up";
const DRAINING: &str = "draining";
const DEAD: &str = "dead";

impl Table {
    async fn join(&self, row: &ReplicaRow) -> Result<Written, Fault> {
        let mut values = periods(row.periods);
        values.extend([
            (":hb", number(row.beat)),
            (":st", text(UP)),
            (":news", number(row.news)),
            (":offer", number(row.offer)),
            (":ver", text(&*row.version)),
            (":host", text(&*row.host)),
            (":since", number(row.since_unix_ms)),
        ]);
        let update = "SET #hb = :hb, #st = :st, #h = :h, #t = :t, #d = :d, #news = :news, #offer = :offer, \
                      #ver = :ver, #host = :host, #since = :since";
        let write = Write { update, condition: "attribute_not_exists(#pk)", values };
        self.write(keys::replica(row.id.as_str()), write).await
    }

    async fn beat(&self, beat: &Beat) -> Result<Written, Fault> {
        let mut values = periods(beat.periods);
        values.extend([
            (":hb", number(beat.beat)),
            (":st", text(if beat.draining { DRAINING } else { UP })),
            (":offer", number(beat.offer)),
            (":dead", text(DEAD)),
        ]);
        let update = "SET #hb = :hb, #st = :st, #h = :h, #t = :t, #d = :d, #offer = :offer";
        let write = Write { update, condition: "#hb < :hb AND #st <> :dead", values };
        self.write(keys::replica(beat.id.as_str()), write).await
    }

    async fn take_plan(&self, take: &TakePlan) -> Result<Written, Fault> {
        let me = (":me", text(take.planner.as_str()));
        let write = match &take.seen {
            None => Write {
                update: "SET #pl = :me, #pe = :pe, #hb = :none, #plan = :none, #n = :none, #rev = :none",
                condition: "attribute_not_exists(#pk)",
                values: vec![me, (":pe", number(take.epoch)), (":none", number(0))],
            },
            Some(seen) => {
                let mut values = vec![
                    me,
                    (":pe", number(take.epoch)),
                    (":none", number(0)),
                    (":old", text(seen.planner.as_str())),
                    (":seen", number(seen.epoch)),
                ];
                let mut condition = "#pl = :old AND #pe = :seen";
                if take.stuck {
                    condition = "#pl = :old AND #pe = :seen AND #plan = :plan";
                    values.push((":plan", number(seen.plan)));
                }
                Write { update: "SET #pl = :me, #pe = :pe, #hb = :none", condition, values }
            }
        };
        self.write(keys::head(), write).await
    }

    async fn beat_head(&self, head: &Head) -> Result<Written, Fault> {
        let values = vec![
            (":me", text(head.planner.as_str())),
            (":pe", number(head.epoch)),
            (":hb", number(head.beat)),
            (":plan", number(head.plan)),
            (":n", number(head.members)),
            (":rev", number(head.revision)),
        ];
        let update = "SET #hb = :hb, #plan = :plan, #n = :n, #rev = :rev";
        let write = Write { update, condition: "#pl = :me AND #pe = :pe AND #hb < :hb", values };
        self.write(keys::head(), write).await
    }

    async fn assign(&self, assignment: &Assignment) -> Result<Written, Fault> {
        let units = assignment.units.iter().map(|unit| text(unit.to_string())).collect();
        let values = vec![
            (":as", AttributeValue::L(units)),
            (":pe", number(assignment.epoch)),
            (":n", number(assignment.number)),
        ];
        let condition = "attribute_not_exists(#pk) OR #pe < :pe OR (#pe = :pe AND #n < :n)";
        let write = Write { update: "SET #as = :as, #pe = :pe, #n = :n", condition, values };
        self.write(keys::assignment(assignment.to.as_str()), write).await
    }

    async fn offer(&self, offer: &Offer) -> Result<Written, Fault> {
        let mappings = offer.mappings.iter().map(|name| text(&**name)).collect();
        let values = vec![(":maps", AttributeValue::L(mappings)), (":n", number(offer.number))];
        let condition = "attribute_not_exists(#pk) OR #n < :n";
        let write = Write { update: "SET #maps = :maps, #n = :n", condition, values };
        self.write(keys::offer(offer.id.as_str()), write).await
    }

    /// Something that operators or definitions say has changed.
    pub(super) async fn note_change(&self) -> Result<(), Fault> {
        let values = vec![(":one", number(1))];
        let write = Write { update: "ADD #rev :one", condition: "attribute_not_exists(#never)", values };
        self.write(Key::new(keys::FLEET, "REV"), write).await.map(drop)
    }
}

fn periods(periods: Periods) -> Vec<(&'static str, AttributeValue)> {
    let ms = |span: Duration| number(u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
    vec![(":h", ms(periods.beat)), (":t", ms(periods.fence)), (":d", ms(periods.death))]
}

fn replica(written: Written) -> Result<Answer, Fault> {
    outcome(written, replica_row).map(Answer::Replica)
}

fn headed(written: Written) -> Result<Answer, Fault> {
    outcome(written, head).map(Answer::Head)
}

fn assigned(written: Written) -> Result<Answer, Fault> {
    outcome(written, assignment).map(Answer::Assignment)
}

fn offered(written: Written) -> Result<Answer, Fault> {
    outcome(written, offer).map(Answer::Offer)
}

fn outcome<T>(written: Written, read: fn(&Row) -> Result<T, TableError>) -> Result<Outcome<T>, Fault> {
    Ok(match written {
        Written::Done(row) => Outcome::Done(read(&row).map_err(unreadable)?),
        Written::Refused(row) => Outcome::Refused(row.as_ref().map(read).transpose().map_err(unreadable)?),
    })
}

fn unreadable(error: TableError) -> Fault {
    match error {
        TableError::Call(fault) => fault,
        error => Fault::new(FaultKind::Invalid, error.to_string()),
    }
}

/// What can be read of rows. A row that was changed by hand must not stop the fleet.
fn readable<T>(rows: &[Row], read: fn(&Row) -> Result<T, TableError>) -> Vec<T> {
    let read = |row| read(row).inspect_err(|error| tracing::warn!(%error, "left out")).ok();
    rows.iter().filter_map(read).collect()
}

fn replica_row(row: &Row) -> Result<ReplicaRow, TableError> {
    let span = |name| row.number_of(name).map(Duration::from_millis);
    let state = match row.text_of("st")? {
        UP => ReplicaState::Up,
        DRAINING => ReplicaState::Draining,
        DEAD => ReplicaState::Dead,
        other => return Err(row.unreadable(&format!("{other:?} is no state of a replica"))),
    };
    Ok(ReplicaRow {
        id: ReplicaId::new(row.sk().strip_prefix("R#").unwrap_or_default()),
        beat: row.number_of("hb")?,
        state,
        periods: Periods { beat: span("h")?, fence: span("t")?, death: span("d")? },
        news: row.number("news").unwrap_or(0),
        offer: row.number("offer").unwrap_or(0),
        version: row.text("ver").unwrap_or_default().into(),
        host: row.text("host").unwrap_or_default().into(),
        since_unix_ms: row.number("since").unwrap_or(0),
    })
}

fn head(row: &Row) -> Result<Head, TableError> {
    Ok(Head {
        planner: ReplicaId::new(row.text_of("pl")?),
        epoch: row.number_of("pe")?,
        beat: row.number_of("hb")?,
        plan: row.number_of("plan")?,
        members: row.number_of("n")?,
        revision: row.number_of("rev")?,
    })
}

fn assignment(row: &Row) -> Result<Assignment, TableError> {
    let unit = |text: &str| {
        let (mapping, shard) = text.rsplit_once('/')?;
        Some(Unit { mapping: mapping.into(), shard: shard.into() })
    };
    let units = texts(row, "as")?.map(|text| unit(text).ok_or_else(|| row.unreadable("a unit has no mapping")));
    Ok(Assignment {
        to: ReplicaId::new(row.sk()),
        epoch: row.number_of("pe")?,
        number: row.number_of("n")?,
        units: units.collect::<Result<_, _>>()?,
    })
}

fn offer(row: &Row) -> Result<Offer, TableError> {
    let mappings: BTreeSet<Arc<str>> = texts(row, "maps")?.map(Arc::from).collect();
    Ok(Offer { id: ReplicaId::new(row.sk()), number: row.number_of("n")?, mappings })
}

fn texts<'a>(row: &'a Row, name: &'static str) -> Result<impl Iterator<Item = &'a str>, TableError> {
    let list = row.0.get(name).and_then(|value| value.as_l().ok());
    let list = list.ok_or_else(|| row.unreadable(&format!("it has no list {name:?}")))?;
    Ok(list.iter().filter_map(|value| value.as_s().ok()).map(String::as_str))
}
