//! The split of an exchange's karma over communities and sides, in exact arithmetic.
//!
//! With n communities, community c gives `pool × multiplier / n`, of which each side gets its percentage: a cell. As a
//! fraction over the common denominator `n × 100 (hundredths) × 100 (percent)` every cell is a whole number, so nothing
//! is lost before the one rounding of the sum.

use std::cmp::Reverse;

use super::Terms;

/// Points of both sides in one community.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) helper: i32,
    pub(super) requester: i32,
}

/// The shares of the given communities, which stand in id order; they sum to the rounded sum of the exact cells.
pub(super) fn split(communities: &[Terms]) -> Vec<Share> {
    let denominator = 10_000 * i64::try_from(communities.len()).expect("few communities");
    let numerators: Vec<i64> = communities.iter().flat_map(cells).collect();
    let mut points: Vec<i64> = numerators.iter().map(|it| it.div_euclid(denominator)).collect();
    let total = rounded(numerators.iter().sum(), denominator);
    let leftover = usize::try_from(total - points.iter().sum::<i64>()).expect("floors never exceed the sum");

    // Stable, so that equal fractions stay in the order of cells: lower community first, then helper before requester.
    let mut by_fraction: Vec<usize> = (0..numerators.len()).collect();
    by_fraction.sort_by_key(|cell| Reverse(numerators[*cell].rem_euclid(denominator)));
    for cell in by_fraction.into_iter().take(leftover) {
        points[cell] += 1;
    }
    points
        .chunks_exact(2)
        .map(|cells| Share { helper: small(cells[0]), requester: small(cells[1]) })
        .collect()
}

/// Helper's and requester's cell, as numerators.
fn cells(terms: &Terms) -> [i64; 2] {
    let pool = i64::from(terms.pool) * i64::from(terms.multiplier_hundredths);
    [pool * i64::from(terms.helper_percent), pool * i64::from(terms.requester_percent)]
}

/// Half away from zero.
fn rounded(numerator: i64, denominator: i64) -> i64 {
    let magnitude = (2 * numerator.abs() + denominator) / (2 * denominator);
    magnitude * numerator.signum()
}

fn small(points: i64) -> i32 {
    i32::try_from(points).expect("a pool has at most 1000 points, a multiplier is at most 2")
}
