//! Objects and lists within each other, however deep, in one bit each.

/// What is open around a place, one bit for each: an object, or a list.
#[derive(Default)]
pub(super) struct Nesting {
    bits: u64,
    depth: usize,
    outer: Vec<u64>,
}

impl Nesting {
    /// Something opens.
    #[inline]
    pub(super) fn push(&mut self, object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.outer.push(self.bits);
        }
        self.bits = self.bits << 1 | u64::from(object);
        self.depth += 1;
    }

    /// What is innermost ends.
    #[inline]
    pub(super) fn pop(&mut self) {
        self.depth -= 1;
        self.bits >>= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.bits = self.outer.pop().unwrap_or_default();
        }
    }

    /// Whether what is innermost is an object; None if nothing is open.
    #[inline]
    pub(super) const fn innermost(&self) -> Option<bool> {
        if self.depth == 0 { None } else { Some(self.bits & 1 == 1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_every_level() {
        let mut open = Nesting::default();
        let kinds: Vec<bool> = (0..300).map(|level| level % 3 == 0 || level % 7 == 0).collect();
        kinds.iter().for_each(|object| open.push(*object));
        for object in kinds.iter().rev() {
            assert_eq!(open.innermost(), Some(*object));
            open.pop();
        }
        assert_eq!(open.innermost(), None);
    }
}
