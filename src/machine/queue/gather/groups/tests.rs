use super::*;

fn options(batch_size: u32) -> QueueOptions {
    QueueOptions { batch_size, fifo: Some(GroupOrder::Protect), on_failure: Some(1), ..QueueOptions::default() }
}

/// Groups with these messages, each named by its group and numbered from 1 on.
fn groups(most: u32, messages: &str) -> Groups {
    let mut groups = Groups::new(&options(most));
    for (index, letter) in messages.chars().enumerate() {
        add(&mut groups, &letter.to_string(), index as u64 + 1, 10);
    }
    groups
}

fn add(groups: &mut Groups, group: &str, token: u64, bytes: usize) {
    groups.join(token, &group.into(), bytes);
    groups.wait(token);
}

fn next(groups: &mut Groups, id: u64, slots: usize) -> Vec<u64> {
    groups.next_batch(BatchId(id), slots).tokens
}

#[test]
fn with_slots_for_all_each_group_goes_alone() {
    let mut groups = groups(10, "abacb");
    assert_eq!((groups.len(), groups.is_ready()), (3, true));
    assert_eq!(next(&mut groups, 1, 5), [1, 3]);
    assert_eq!(next(&mut groups, 2, 4), [2, 5]);
    assert_eq!(next(&mut groups, 3, 3), [4]);
    assert!(next(&mut groups, 4, 2).is_empty());
    assert!(!groups.is_ready());
}

#[test]
fn with_fewer_slots_groups_are_dealt_out_evenly() {
    let mut groups = groups(10, "abcdeab");
    assert_eq!(next(&mut groups, 1, 2), [1, 6, 2, 7, 3], "three of the five");
    assert_eq!(next(&mut groups, 2, 1), [4, 5]);
}

#[test]
fn a_batch_has_its_bounds_and_leaves_the_rest_waiting() {
    let mut groups = groups(3, "aabbc");
    assert_eq!(next(&mut groups, 1, 1), [1, 2, 3]);
    assert_eq!(next(&mut groups, 2, 1), [5], "b is busy with its first message");
    groups.vacate(&[3]);
    let closed = groups.next_batch(BatchId(3), 1);
    assert_eq!(closed, Closed { tokens: vec![4], bytes: body_bytes(1, 10), reason: FlushReason::Immediate });

    let mut groups = groups_of_megabytes();
    assert_eq!(next(&mut groups, 1, 1), [1, 2, 3], "six megabytes and no more");
    assert_eq!(next(&mut groups, 2, 1), [5], "a and b are busy");
}

fn groups_of_megabytes() -> Groups {
    let mut groups = Groups::new(&options(10));
    for (token, group) in [(1, "a"), (2, "a"), (3, "b"), (4, "b"), (5, "c")] {
        add(&mut groups, group, token, 15 * MAX_BODY_BYTES / 50);
    }
    groups
}

#[test]
fn a_busy_group_waits_for_its_batch_and_takes_its_turn_behind_the_others() {
    let mut groups = groups(1, "ab");
    assert_eq!(next(&mut groups, 1, 2), [1]);
    assert!(groups.is_alone(&[1], BatchId(1)) && !groups.is_alone(&[1], BatchId(2)));
    add(&mut groups, "a", 3, 10);
    assert_eq!(next(&mut groups, 2, 1), [2]);
    assert!(next(&mut groups, 3, 1).is_empty());
    add(&mut groups, "b", 4, 10);
    groups.vacate(&[2]);
    groups.vacate(&[1]);
    assert_eq!(next(&mut groups, 3, 1), [4]);
    assert_eq!(next(&mut groups, 4, 1), [3]);
}

#[test]
fn a_failing_group_goes_alone_until_it_succeeds() {
    let mut groups = groups(10, "abc");
    groups.part(2);
    for token in [2, 4] {
        add(&mut groups, "b", token, 10);
    }
    assert_eq!(groups.fail(&[2], true), Failed { certain: vec![2], others: vec![2, 4] });
    for token in [2, 4] {
        groups.wait(token);
    }
    assert_eq!(next(&mut groups, 1, 1), [1, 3]);
    assert_eq!(next(&mut groups, 2, 1), [2, 4]);
    groups.vacate(&[1, 2, 3]);
    for (token, letter) in [(5, "b"), (6, "a")] {
        add(&mut groups, letter, token, 10);
    }
    assert_eq!(next(&mut groups, 3, 1), [5], "no other joins it either");
    groups.vacate(&[5]);
    groups.succeed(&[5]);
    add(&mut groups, "b", 7, 10);
    assert_eq!(next(&mut groups, 4, 1), [6, 7]);
}

#[test]
fn certain_is_the_first_of_each_group_that_was_named_and_what_was_alone() {
    let failed = |tokens: &[u64], named| {
        let mut groups = groups(4, "abab");
        assert_eq!(next(&mut groups, 1, 1), [1, 3, 2, 4]);
        add(&mut groups, "a", 5, 10);
        groups.fail(tokens, named)
    };
    assert_eq!(failed(&[1, 3, 2], true), Failed { certain: vec![1, 2], others: vec![3, 5] });
    assert_eq!(failed(&[1, 3, 2], false), Failed { certain: vec![], others: vec![1, 3, 2, 5] });
    assert_eq!(failed(&[4], false), Failed { certain: vec![4], others: vec![] });
}

#[test]
fn a_group_of_which_it_is_unclear_what_failed_goes_one_by_one() {
    let mut groups = groups(10, "aaaaa");
    assert_eq!(next(&mut groups, 1, 1).len(), 5);
    groups.fail(&[1, 2], false);
    groups.fail(&[1], true);
    groups.divide(BatchId(1), &[], &[3, 4, 5]);
    for (id, expected) in [(2, vec![3]), (3, vec![4]), (4, vec![5, 9])] {
        if id == 4 {
            add(&mut groups, "a", 9, 10);
        }
        assert_eq!(next(&mut groups, id, 9), expected);
        groups.vacate(&expected);
        groups.succeed(&expected);
    }
}

#[test]
fn what_is_divided_from_a_batch_waits_before_the_others_and_can_be_taken_out() {
    let mut groups = groups(2, "aaa");
    assert_eq!(next(&mut groups, 1, 1), [1, 2]);
    groups.divide(BatchId(1), &[], &[1, 2]);
    assert_eq!(groups.together(vec![2], |_| true), [1, 2, 3]);
    assert_eq!(groups.together(vec![2], |_| false), [2]);
    groups.part(2);
    assert_eq!(next(&mut groups, 2, 1), [1, 3]);
    groups.vacate(&[1]);
    for token in [1, 3] {
        groups.part(token);
    }
    assert_eq!((groups.len(), groups.is_ready(), groups.group_of(1)), (0, false, None));
}

#[test]
fn what_waits_can_be_returned_for_a_group_and_for_all() {
    let mut groups = groups(10, "abab");
    assert_eq!(groups.take_behind(&[3]), [1, 3]);
    assert!(groups.take_behind(&[99]).is_empty());
    add(&mut groups, "a", 5, 10);
    assert_eq!(groups.abandon(), [2, 4, 5]);
    assert!(!groups.is_ready());
    assert!(next(&mut groups, 1, 9).is_empty());
    add(&mut groups, "a", 6, 10);
    assert_eq!(next(&mut groups, 2, 9), [6]);
}

#[test]
fn of_a_lost_message_its_group_stops_in_its_batch_and_behind() {
    let mut groups = groups(10, "aabb");
    assert_eq!(next(&mut groups, 1, 1), [1, 2, 3, 4]);
    add(&mut groups, "a", 5, 10);
    add(&mut groups, "b", 6, 10);
    assert_eq!(groups.stop(&[1], vec![2, 3, 4]), (vec![2, 5], vec![3, 4]));
    assert!(!groups.is_ready(), "b is still in the batch");
}

#[test]
fn processed_messages_count_as_failed_behind_a_failed_one_of_their_group() {
    let table = [("aaa", vec![1], vec![2]), ("abab", vec![0], vec![2]), ("abab", vec![2, 3], vec![])];
    for (letters, failed, kept) in table {
        let mut groups = groups(10, letters);
        let tokens: Vec<u64> = (1..=letters.len() as u64).collect();
        assert_eq!(groups.kept_in_order(&tokens, &failed), kept, "{letters} {failed:?}");
        groups.change(&QueueOptions { fifo: Some(GroupOrder::AsReported), ..options(10) });
        assert!(groups.kept_in_order(&tokens, &failed).is_empty());
    }
}
