use super::*;

fn fault(kind: FaultKind) -> Fault {
    Fault::new(kind, kind.as_str())
}

fn degraded(reason: &str) -> Option<Health> {
    Some(Health::Degraded { reason: reason.into() })
}

#[test]
fn what_needs_an_operator_shows_at_once_and_ends_with_the_first_success() {
    let mut watch = HealthWatch::default();
    assert_eq!(watch.changed(Mono::ZERO), None);
    watch.source_failed(&fault(FaultKind::Missing));
    assert_eq!(watch.changed(Mono::ZERO), degraded("source: missing"));
    watch.source_failed(&fault(FaultKind::Missing));
    assert_eq!(watch.changed(Mono::ZERO), None);
    watch.source_ok();
    assert_eq!(watch.changed(Mono::ZERO), Some(Health::Ok));
}

#[test]
fn a_deletion_that_failed_in_passing_is_forgotten_when_nothing_is_left_to_delete() {
    let mut watch = HealthWatch::default();
    for _ in 0..3 {
        watch.deletion_failed(&fault(FaultKind::Timeout));
    }
    assert_eq!(watch.changed(Mono::ZERO), degraded("deletion: timeout"));
    watch.deletions_over();
    assert_eq!(watch.changed(Mono::ZERO), Some(Health::Ok));
    watch.deletion_failed(&fault(FaultKind::Denied));
    watch.deletions_over();
    assert_eq!(watch.changed(Mono::ZERO), degraded("deletion: denied"));
}

#[test]
fn a_target_without_capacity_shows_when_its_workers_have_had_time_to_attach() {
    let mut watch = HealthWatch::default();
    let at = |seconds| Mono::at(Duration::from_secs(seconds));
    watch.capacity(Some(0), at(5));
    assert_eq!((watch.changed(at(5)), watch.due()), (None, Some(at(15))));
    watch.capacity(Some(0), at(9));
    watch.begin_again();
    assert_eq!((watch.changed(at(14)), watch.due()), (Some(Health::Ok), Some(at(15))));
    assert_eq!((watch.changed(at(15)), watch.due()), (degraded(NO_CAPACITY), None));
    watch.begin_again();
    assert_eq!(watch.changed(at(15)), degraded(NO_CAPACITY), "it is said again");
    watch.capacity(Some(1), at(16));
    assert_eq!(watch.changed(at(16)), Some(Health::Ok));
    watch.capacity(None, at(17));
    assert_eq!((watch.changed(at(60)), watch.due()), (None, None));
}

#[test]
fn destination_and_store_are_sides_of_their_own() {
    let mut watch = HealthWatch::default();
    watch.destination_failed(&fault(FaultKind::Timeout));
    watch.store_failed(&fault(FaultKind::Transient));
    assert_eq!(watch.changed(Mono::ZERO), None);
    watch.destination_failed(&fault(FaultKind::TooLarge));
    assert_eq!(watch.changed(Mono::ZERO), degraded("destination: too_large"));
    watch.store_failed(&fault(FaultKind::Fenced));
    assert_eq!(watch.changed(Mono::ZERO), degraded("destination: too_large; store: fenced"));
    watch.destination_ok();
    assert_eq!(watch.changed(Mono::ZERO), degraded("store: fenced"));
    watch.store_ok();
    assert_eq!(watch.changed(Mono::ZERO), Some(Health::Ok));
}

#[test]
fn a_function_that_fails_everything_shows_unless_the_mapping_is_degraded() {
    let mut watch = HealthWatch::default();
    let problem = Problem { kind: "KeyError".into(), message: "id".into() };
    let at = |seconds| Mono::at(Duration::from_secs(seconds));
    for second in 0..3 {
        watch.function_ok();
        watch.batch_failed(&problem, at(second));
    }
    assert_eq!((watch.changed(at(59)), watch.due()), (None, Some(at(60))));
    let failing = "function: KeyError: id";
    assert_eq!(watch.changed(at(60)), Some(Health::Failing { reason: failing.into() }));
    watch.source_failed(&fault(FaultKind::Missing));
    assert_eq!(watch.changed(at(61)), degraded("source: missing; function: KeyError: id"));
    watch.source_ok();
    assert_eq!(watch.changed(at(62)), Some(Health::Failing { reason: failing.into() }));
    watch.batch_failed(&problem, at(63));
    assert_eq!(watch.changed(at(63)), None);
    watch.batch_succeeded();
    assert_eq!(watch.changed(at(64)), Some(Health::Ok));
}

#[test]
fn other_settings_end_faults_but_not_a_row_of_failures() {
    let mut watch = HealthWatch::default();
    let problem = Problem { kind: "KeyError".into(), message: "id".into() };
    let at = |seconds| Mono::at(Duration::from_secs(seconds));
    for second in 0..3 {
        watch.batch_failed(&problem, at(second));
    }
    let failing = Some(Health::Failing { reason: "function: KeyError: id".into() });
    assert_eq!(watch.changed(at(60)), failing);
    watch.source_failed(&fault(FaultKind::Missing));
    assert_eq!(watch.changed(at(61)), degraded("source: missing; function: KeyError: id"));
    watch.begin_again();
    assert_eq!(watch.changed(at(62)), failing);
    watch.begin_again();
    assert_eq!((watch.changed(at(63)), watch.changed(at(63))), (failing, None), "it is said again, and once");
    watch.batch_succeeded();
    assert_eq!(watch.changed(at(64)), Some(Health::Ok));
}

#[test]
fn what_stands_in_the_way_is_shown_with_the_faults_until_it_is_gone() {
    let mut watch = HealthWatch::default();
    watch.stands(Standing::Unread, Some("nothing is read".into()));
    assert_eq!(watch.changed(Mono::ZERO), degraded("source: nothing is read"));
    assert!(watch.is_degraded());
    watch.stands(Standing::Disabled, Some("it is disabled".into()));
    assert_eq!(watch.changed(Mono::ZERO), degraded("source: it is disabled"), "the reason says more");
    watch.source_failed(&fault(FaultKind::Missing));
    watch.function_failed(&fault(FaultKind::Denied));
    assert_eq!(watch.changed(Mono::ZERO), degraded("source: missing; source: it is disabled; function: denied"));
    watch.source_ok();
    watch.function_ok();
    watch.stands(Standing::Disabled, None);
    assert_eq!(watch.changed(Mono::ZERO), degraded("source: nothing is read"));
    watch.stands(Standing::Unread, None);
    assert_eq!(watch.changed(Mono::ZERO), Some(Health::Ok));
    assert!(!watch.is_degraded());
}

#[test]
fn what_passes_by_itself_shows_when_it_does_not() {
    let mut watch = HealthWatch::default();
    for _ in 0..2 {
        watch.function_failed(&fault(FaultKind::Transient));
    }
    assert_eq!(watch.changed(Mono::ZERO), None);
    watch.function_failed(&fault(FaultKind::Transient));
    assert_eq!(watch.changed(Mono::ZERO), degraded("function: transient"));
    for _ in 0..29 {
        watch.source_failed(&fault(FaultKind::Throttled));
    }
    assert_eq!(watch.changed(Mono::ZERO), None);
    watch.source_failed(&fault(FaultKind::Throttled));
    assert_eq!(watch.changed(Mono::ZERO), degraded("source: throttled; function: transient"));
    watch.function_ok();
    assert_eq!(watch.changed(Mono::ZERO), degraded("source: throttled"));
}
