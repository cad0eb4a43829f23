//! Every vector of reputation.md 6.1.

use super::{Inputs, Terms, Tier, Trust, overall, own, rating_weight, trust};

const TERMS: Terms = Terms {
    depth_weight: 0.60,
    breadth_weight: 0.40,
    feedback_threshold: 3.0,
    min_interactions: 1,
    carry_enabled: true,
    carry_factor: 0.40,
    carry_cap: 59,
};

/// Ratings are (rating, age in days); the half-life is 180 days.
fn inputs(exchanges: u32, ratings: &[(f64, f64)], pairs: u32, people: u32, communities: u32) -> Inputs {
    let weights: f64 = ratings.iter().map(|(_, age)| rating_weight(*age, 180.0)).sum();
    let weighted: f64 = ratings.iter().map(|(rating, age)| rating * rating_weight(*age, 180.0)).sum();
    let rating = (!ratings.is_empty()).then(|| weighted / weights);
    Inputs { exchanges, people, pairs, communities, rating, terms: TERMS }
}

#[test]
fn the_volume_follows_the_logarithm() {
    let volumes = (0..=7)
        .map(|n| own(&Inputs { terms: Terms { min_interactions: 9, ..TERMS }, ..inputs(n, &[], 0, 0, 0) }));
    assert_eq!(volumes.collect::<Vec<_>>(), [0, 10, 15, 20, 23, 25, 28, 30]);
}

#[test]
fn own_exchanges_make_the_score() {
    assert_eq!(own(&inputs(0, &[], 0, 0, 0)), 0);
    assert_eq!(own(&inputs(1, &[(5.0, 0.0)], 0, 1, 1)), 42);
    assert_eq!(own(&inputs(1, &[(1.0, 0.0)], 0, 1, 1)), 0);
    let cautious = Terms { min_interactions: 3, ..TERMS };
    assert_eq!(own(&Inputs { terms: cautious, ..inputs(2, &[(4.0, 0.0)], 1, 1, 1) }), 31);
    assert_eq!(own(&inputs(3, &[(5.0, 0.0), (4.0, 0.0)], 1, 2, 1)), 48);
    assert_eq!(own(&inputs(7, &[(5.0, 0.0), (5.0, 180.0), (1.0, 0.0)], 2, 4, 2)), 48);
    assert_eq!(own(&inputs(7, &[(1.0, 0.0), (5.0, 1_800.0)], 2, 4, 2)), 23);
    assert_eq!(own(&inputs(15, &[], 0, 5, 1)), 40);
    assert_eq!(own(&inputs(40, &[(5.0, 0.0); 10], 8, 10, 4)), 77);
}

#[test]
fn a_newcomer_carries_a_share_of_the_best_score() {
    let newcomer = inputs(0, &[], 0, 0, 0);
    let carried = |score| Trust { score, carried: true };
    assert_eq!(trust(&newcomer, 0), Trust { score: 0, carried: false });
    assert_eq!(trust(&newcomer, 75), carried(30));
    assert_eq!(trust(&newcomer, 77), carried(30));
    assert_eq!(trust(&newcomer, 100), carried(40));
    let capped = Terms { carry_factor: 1.0, ..TERMS };
    assert_eq!(trust(&Inputs { terms: capped, ..newcomer }, 100), carried(59));
    let disabled = Terms { carry_enabled: false, ..TERMS };
    assert_eq!(trust(&Inputs { terms: disabled, ..newcomer }, 100), Trust { score: 0, carried: false });
    assert!(!trust(&inputs(1, &[(1.0, 0.0)], 0, 1, 1), 100).carried);
}

#[test]
fn quality_depends_on_the_threshold() {
    let cases = [(3.0, [25, 13, 0, -13, -25]), (1.0, [25, 19, 13, 6, 0]), (4.0, [25, 0, -25, -50, -75])];
    for (threshold, expected) in cases {
        let terms = Terms { feedback_threshold: threshold, ..TERMS };
        for (rating, quality) in [5.0, 4.0, 3.0, 2.0, 1.0].into_iter().zip(expected) {
            // 40 exchanges with ten people in four communities score 30 + 9 + 8 + 5 without ratings.
            let scored = own(&Inputs { terms, ..inputs(40, &[(rating, 0.0)], 8, 10, 4) });
            assert_eq!(i64::from(scored), (52 + quality).max(0), "threshold {threshold}, rating {rating}");
        }
    }
}

#[test]
fn overall_trust_weighs_by_exchanges() {
    assert_eq!(overall(&[]), 0);
    assert_eq!(overall(&[(30, 0), (12, 0)]), 30);
    assert_eq!(overall(&[(42, 1), (77, 3)]), 68);
    assert_eq!(overall(&[(42, 1), (90, 0)]), 42);
}

#[test]
fn tiers_begin_where_the_specification_says() {
    let tiers = [0, 19, 20, 49, 50, 74, 75, 100].map(Tier::of);
    use Tier::{Active, HighlyTrusted, New, Trusted};
    assert_eq!(tiers, [New, New, Active, Active, Trusted, Trusted, HighlyTrusted, HighlyTrusted]);
}
