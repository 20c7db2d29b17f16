//! The fleet's rows: every condition of every write, on real tables.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use forebay::fleet::{
    Answer, Assignment, Beat, Head, Offer, Periods, ReplicaId, ReplicaRow, ReplicaState, Request, Sight, TakePlan,
    Unit, Written,
};

use crate::harness::dynamodb::{Place, Replica, TABLE, row};

fn id(text: &str) -> ReplicaId {
    ReplicaId::new(text)
}

fn beat(number: u64, draining: bool) -> Request {
    Request::Beat(Beat { id: id("a"), beat: number, draining, periods: Periods::default(), offer: number })
}

impl Replica {
    async fn ask(&self, request: Request) -> Answer {
        self.rows.ask(request).await.unwrap()
    }

    /// The row after a write that took effect.
    async fn done(&self, request: Request) -> ReplicaRow {
        match self.ask(request).await {
            Answer::Replica(Written::Done(row)) => row,
            other => panic!("{other:?}"),
        }
    }

    /// The row on which a condition failed.
    async fn refused(&self, request: Request) -> Option<ReplicaRow> {
        match self.ask(request).await {
            Answer::Replica(Written::Refused(row)) => row,
            other => panic!("{other:?}"),
        }
    }

    async fn look(&self) -> Sight {
        match self.ask(Request::Look { consistent: true }).await {
            Answer::Sight(sight) => sight,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_replica_lives_by_its_beats_until_it_is_declared_dead() {
    for place in Place::all().await {
        let a = place.replica("a").await;
        assert_eq!(a.refused(Request::Join(row("a"))).await, Some(row("a")), "{}", place.name);
        let alive = a.done(beat(2, false)).await;
        assert_eq!((alive.beat, alive.state, alive.offer), (2, ReplicaState::Up, 2));
        assert_eq!(a.refused(beat(2, false)).await.map(|row| row.beat), Some(2));
        assert_eq!(a.done(Request::Bump { id: id("a") }).await.news, 1);
        assert_eq!(a.done(beat(3, true)).await.state, ReplicaState::Draining);
        let missed = a.refused(Request::Kill { id: id("a"), seen: 2 }).await;
        assert_eq!(missed.map(|row| row.state), Some(ReplicaState::Draining));
        assert_eq!(a.done(Request::Kill { id: id("a"), seen: 3 }).await.state, ReplicaState::Dead);
        let dead = a.refused(beat(4, false)).await;
        assert_eq!(dead.map(|row| (row.state, row.beat)), Some((ReplicaState::Dead, 3)));
        for request in
            [Request::Kill { id: id("a"), seen: 3 }, Request::Bump { id: id("a") }, Request::Leave { id: id("a") }]
        {
            assert!(a.refused(request).await.is_some());
        }
        for request in [Request::Bump { id: id("ghost") }, Request::Leave { id: id("ghost") }] {
            assert_eq!(a.refused(request).await, None);
        }
        assert_eq!(a.look().await.replicas.len(), 1, "{}", place.name);
    }
}

#[tokio::test]
async fn one_replica_plans_at_a_time() {
    for place in Place::all().await {
        let a = place.replica("a").await;
        let take = |planner: &str, epoch, seen: Option<Head>, stuck| {
            Request::TakePlan(TakePlan { planner: id(planner), epoch, seen, stuck })
        };
        let Answer::Head(Written::Done(head)) = a.ask(take("a", 1, None, false)).await else { panic!("not taken") };
        assert_eq!((head.planner.as_str(), head.epoch, head.beat), ("a", 1, 0));
        let Answer::Head(Written::Refused(Some(found))) = a.ask(take("b", 1, None, false)).await else {
            panic!("taken twice")
        };
        assert_eq!(found, head);
        let beaten = Head { beat: 1, plan: 4, members: 2, revision: 7, ..head.clone() };
        let Answer::Head(Written::Done(now)) = a.ask(Request::BeatHead(beaten.clone())).await else { panic!() };
        assert_eq!(now, beaten);
        assert!(matches!(a.ask(Request::BeatHead(beaten.clone())).await, Answer::Head(Written::Refused(_))));
        // A planner that is taken for stuck has made a run meanwhile.
        let stuck = a.ask(take("b", 2, Some(head.clone()), true)).await;
        assert!(matches!(stuck, Answer::Head(Written::Refused(_))), "{stuck:?}");
        let Answer::Head(Written::Done(next)) = a.ask(take("b", 2, Some(head), false)).await else { panic!() };
        assert_eq!((next.planner.as_str(), next.epoch, next.beat, next.plan), ("b", 2, 0, 4));
        assert_eq!(a.ask(Request::LookHead).await, Answer::HeadRead(Some(next.clone())));
        assert_eq!(a.look().await.head, Some(next));
        let late = a.ask(Request::BeatHead(Head { beat: 2, ..beaten })).await;
        assert!(matches!(late, Answer::Head(Written::Refused(_))), "{late:?}");
    }
}

#[tokio::test]
async fn advice_and_offers_never_go_back() {
    for place in Place::all().await {
        let a = place.replica("a").await;
        let units = |names: &[&str]| -> BTreeSet<Unit> { names.iter().map(|name| Unit::whole(*name)).collect() };
        let advice = |epoch, number, names: &[&str]| {
            Request::Assign(Assignment { to: id("b"), epoch, number, units: units(names) })
        };
        assert_eq!(a.ask(Request::ReadAssignment { id: id("b") }).await, Answer::AssignmentRead(None));
        for (epoch, number, taken) in [(2, 1, true), (2, 1, false), (1, 9, false), (2, 2, true), (3, 0, true)] {
            let answer = a.ask(advice(epoch, number, &["orders", "x/y"])).await;
            let done = matches!(answer, Answer::Assignment(Written::Done(_)));
            assert_eq!(done, taken, "{}: {epoch} {number}: {answer:?}", place.name);
        }
        let Answer::AssignmentRead(Some(read)) = a.ask(Request::ReadAssignment { id: id("b") }).await else { panic!() };
        assert_eq!((read.epoch, read.number, &read.units), (3, 0, &units(&["orders", "x/y"])));
        assert_eq!(a.ask(Request::ReadAssignments).await, Answer::Assignments(vec![read]));
        let offer = |number| Offer { id: id("b"), number, mappings: ["orders".into()].into() };
        for (number, taken) in [(1, true), (1, false), (3, true), (2, false)] {
            let answer = a.ask(Request::Offer(offer(number))).await;
            assert_eq!(matches!(answer, Answer::Offer(Written::Done(_))), taken, "{answer:?}");
        }
        assert_eq!(a.ask(Request::ReadOffers).await, Answer::Offers(vec![offer(3)]));
        assert_eq!(a.ask(Request::Forget { id: id("b") }).await, Answer::Forgotten);
        assert_eq!(a.ask(Request::ReadOffers).await, Answer::Offers(Vec::new()));
        assert_eq!(a.ask(Request::ReadAssignments).await, Answer::Assignments(Vec::new()));
    }
}

#[tokio::test]
async fn rows_that_were_changed_by_hand_stop_nobody() {
    for place in Place::all().await {
        let a = place.replica("a").await;
        let client = place.client(&place.endpoint).await;
        let put = |sk: &'static str, name: &'static str, value: &'static str| {
            let request = client.put_item().table_name(TABLE).item("pk", AttributeValue::S("FLEET".into()));
            request.item("sk", AttributeValue::S(sk.into())).item(name, AttributeValue::S(value.into())).send()
        };
        put("R#torn", "hb", "many").await.unwrap();
        put("R#odd", "st", "asleep").await.unwrap();
        put("HEAD", "pl", "nobody").await.unwrap();
        put("NOTE", "by", "ann").await.unwrap();
        let sight = a.look().await;
        assert_eq!(sight.replicas.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["a"], "{}", place.name);
        assert_eq!(sight.head, None);
        let fault = a.rows.ask(Request::LookHead).await.unwrap_err();
        assert!(fault.message.contains("FB0622") && fault.message.contains("FLEET/HEAD"), "{fault}");
        assert_eq!(a.done(beat(2, false)).await.periods.beat, Duration::from_secs(2));
    }
}
