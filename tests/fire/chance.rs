//! All chance of a run, drawn from its seed: the same seed strikes with the same faults in the same order.

use std::time::Duration;

/// A generator of decisions.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    /// The generator number `stream` of a seed; its numbers have nothing to do with those of other streams.
    pub(crate) const fn new(seed: u64, stream: u64) -> Self {
        Self(mixed(seed ^ mixed(stream.wrapping_mul(STEP))))
    }

    /// A number below `end`; 0 when that is 0.
    pub(crate) const fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        if end == 0 { 0 } else { mixed(self.0) % end }
    }

    /// True once in so many times; never for 0.
    pub(crate) const fn one_in(&mut self, times: u64) -> bool {
        times > 0 && self.below(times) == 0
    }

    /// An index of a list of this length; 0 when it is empty.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or_default()
    }

    /// One of these; none when there is none.
    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.index(of.len()))
    }

    /// A span from one to the other, in milliseconds.
    pub(crate) const fn millis(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(least + self.below(most - least + 1))
    }

    /// These in another order.
    pub(crate) fn shuffled<T>(&mut self, mut of: Vec<T>) -> Vec<T> {
        for last in (1..of.len()).rev() {
            of.swap(last, self.index(last + 1));
        }
        of
    }
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Splitmix64 of Sebastiano Vigna.
const fn mixed(state: u64) -> u64 {
    let it = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    it ^ (it >> 31)
}
