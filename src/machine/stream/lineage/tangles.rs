//! Circles in a lineage that no stream should have, and that must not stop a mapping for good.

/// Which nodes lie in a circle, or between two circles; `parents` names each node's parents by index, none twice.
///
/// First all nodes without parents are taken away, again and again: each node that is left waits for a circle. Then all
/// nodes without children are taken away in the same way: each node that is left is part of a circle, or lies between
/// two. This takes time linear in nodes and edges, and no recursion: a stream may have any number of generations.
pub(super) fn tangled(parents: &[Vec<usize>]) -> Vec<bool> {
    let mut children = vec![Vec::new(); parents.len()];
    for (child, parents) in parents.iter().enumerate() {
        for &parent in parents {
            children[parent].push(child);
        }
    }
    let mut left = vec![true; parents.len()];
    peel(&mut left, parents, &children);
    peel(&mut left, &children, parents);
    left
}

/// Takes nodes away that have none of `before` left, until there is no such node.
fn peel(left: &mut [bool], before: &[Vec<usize>], after: &[Vec<usize>]) {
    let mut counts: Vec<usize> = before.iter().map(|nodes| nodes.iter().filter(|&&node| left[node]).count()).collect();
    let mut free: Vec<usize> = (0..left.len()).filter(|&node| left[node] && counts[node] == 0).collect();
    while let Some(node) = free.pop() {
        left[node] = false;
        for &next in &after[node] {
            counts[next] -= 1;
            if left[next] && counts[next] == 0 {
                free.push(next);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(parents: &[&[usize]]) -> Vec<usize> {
        let parents: Vec<Vec<usize>> = parents.iter().map(|parents| parents.to_vec()).collect();
        tangled(&parents).iter().enumerate().filter(|&(_, &is_tangled)| is_tangled).map(|(node, _)| node).collect()
    }

    #[test]
    fn splits_and_merges_are_no_tangles() {
        assert_eq!(names(&[]), [0; 0]);
        assert_eq!(names(&[&[], &[0], &[0], &[1, 2], &[3]]), [0; 0]);
    }

    #[test]
    fn only_the_circle_is_tangled_not_what_leads_to_it_or_out_of_it() {
        // 0 → 1 ⇄ 2 → 3
        assert_eq!(names(&[&[], &[0, 2], &[1], &[2]]), [1, 2]);
        // 0 → 1 → 2 → 0, and 3 apart
        assert_eq!(names(&[&[2], &[0], &[1], &[]]), [0, 1, 2]);
    }

    #[test]
    fn what_lies_between_two_circles_counts_as_a_part_of_them() {
        // 0 ⇄ 1 → 2 → 3 ⇄ 4
        assert_eq!(names(&[&[1], &[0], &[1], &[2, 4], &[3]]), [0, 1, 2, 3, 4]);
    }
}
