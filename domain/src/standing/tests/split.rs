//! The split table of the specification, and what holds for any split.

use super::super::split::{Share, split};
use super::*;
use proptest::prelude::*;

/// Points of helper and requester per community.
fn points(communities: &[Terms]) -> Vec<(i32, i32)> {
    split(communities).into_iter().map(|Share { helper, requester }| (helper, requester)).collect()
}

/// The same terms in the first n communities.
fn times(n: usize, pool: i32, multiplier: i32, split: (i32, i32)) -> Vec<Terms> {
    [ELM, OAK, ASH].into_iter().take(n).map(|it| terms(it, pool, multiplier, split)).collect()
}

#[test]
fn the_table_of_the_specification_holds() {
    let table = [
        (times(1, 100, 100, (60, 40)), vec![(60, 40)]),
        (vec![terms(ELM, 15, 100, (60, 40)), terms(OAK, 15, 100, (50, 50))], vec![(4, 3), (4, 4)]),
        (times(2, 15, 100, (60, 40)), vec![(5, 3), (4, 3)]),
        (times(3, 100, 100, (60, 40)), vec![(20, 14), (20, 13), (20, 13)]),
        (times(3, 10, 100, (60, 40)), vec![(2, 2), (2, 1), (2, 1)]),
        (times(1, 100, 150, (60, 40)), vec![(90, 60)]),
        (times(1, 15, 80, (60, 40)), vec![(7, 5)]),
        (vec![terms(ELM, 100, 80, (60, 40)), plain(OAK)], vec![(24, 16), (30, 20)]),
        (vec![plain(ELM), terms(OAK, 50, 100, (80, 20))], vec![(30, 20), (20, 5)]),
        (times(1, 100, 100, (80, -20)), vec![(80, -20)]),
        (times(3, 100, 100, (80, -20)), vec![(27, -7); 3]),
    ];
    for (communities, expected) in table {
        assert_eq!(points(&communities), expected, "{communities:?}");
    }
}

proptest! {
    /// T = round(Σ exact cells), half away from zero, for any pools, multipliers and splits.
    #[test]
    fn the_points_sum_to_the_rounded_sum_of_the_exact_cells(
        configs in prop::collection::vec((10..=1000_i32, 50..=200_i32, 0..=100_i32, -50..=100_i32), 1..=3),
    ) {
        let communities: Vec<Terms> = configs
            .iter()
            .zip([ELM, OAK, ASH])
            .map(|((pool, multiplier, helper, requester), id)| terms(id, *pool, *multiplier, (*helper, *requester)))
            .collect();
        let exact: i64 = configs.iter().map(|(pool, multiplier, helper, requester)| {
            i64::from(*pool) * i64::from(*multiplier) * i64::from(helper + requester)
        }).sum();
        let whole = 10_000 * i64::try_from(configs.len()).expect("at most three");
        let rounded = (exact.abs() * 2 + whole) / (whole * 2) * exact.signum();
        let given: i64 = points(&communities).iter().map(|(helper, requester)| i64::from(helper + requester)).sum();
        prop_assert_eq!(given, rounded);

        // No cell is further than one point from its exact value.
        for ((pool, multiplier, helper, requester), (to_helper, to_requester)) in configs.iter().zip(points(&communities)) {
            let off = |percent: &i32, given: i32| {
                (i64::from(*pool) * i64::from(*multiplier) * i64::from(*percent) - i64::from(given) * whole).abs()
            };
            prop_assert!(off(helper, to_helper) < whole && off(requester, to_requester) < whole);
        }
    }
}
