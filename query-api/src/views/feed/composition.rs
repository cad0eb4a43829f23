//! How the places of a feed are shared out. Pure.

use super::Item;

/// How much somebody takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Profile {
    Newcomer,
    Regular,
    Active,
}

impl Profile {
    /// By the number of communities, and of exchanges in 30 days.
    pub(super) const fn of(communities: usize, exchanges: i64) -> Self {
        if exchanges > 10 {
            Self::Active
        } else if communities <= 2 && exchanges <= 3 {
            Self::Newcomer
        } else {
            Self::Regular
        }
    }

    /// Percent for your communities, suggestions, stories.
    const fn percents(self) -> [u32; 3] {
        match self {
            Self::Newcomer => [40, 40, 20],
            Self::Regular => [60, 25, 15],
            Self::Active => [70, 20, 10],
        }
    }
}

/// Places per part by largest remainder; ties in the order of the parts.
pub(super) fn shares(profile: Profile, limit: u32) -> [u32; 3] {
    let exact = profile.percents().map(|percent| percent * limit);
    let mut shares = exact.map(|it| it / 100);
    let mut order = [0, 1, 2];
    order.sort_by_key(|&part| std::cmp::Reverse(exact[part] % 100));
    let left = usize::try_from(limit - shares.iter().sum::<u32>()).unwrap_or_default();
    for &part in order.iter().take(left) {
        shares[part] += 1;
    }
    shares
}

/// The feed: the best of each part, places that a part leaves empty pass to the first part that can fill them.
pub(super) fn compose(profile: Profile, limit: u32, parts: [Vec<Item>; 3]) -> Vec<Item> {
    let places = shares(profile, limit).map(|it| usize::try_from(it).unwrap_or_default());
    let mut taken = Vec::new();
    let mut left = Vec::new();
    for (mut part, places) in parts.into_iter().zip(places) {
        part.sort_by(order);
        let rest = part.split_off(part.len().min(places));
        taken.extend(part);
        left.extend(rest);
    }
    let free = usize::try_from(limit).unwrap_or_default().saturating_sub(taken.len());
    taken.extend(left.into_iter().take(free));
    taken.sort_by(order);
    taken
}

/// Priority, then newest, then id.
fn order(a: &Item, b: &Item) -> std::cmp::Ordering {
    b.priority.total_cmp(&a.priority).then(b.created_at.cmp(&a.created_at)).then(a.id.cmp(&b.id))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use serde_json::Value;
    use uuid::Uuid;

    use super::super::Item;
    use super::{Profile, compose, shares};
    use crate::at::At;

    #[test]
    fn places_are_shared_by_largest_remainder() {
        let vectors = [
            (20, [8, 8, 4], [12, 5, 3], [14, 4, 2]),
            (10, [4, 4, 2], [6, 3, 1], [7, 2, 1]),
            (7, [3, 3, 1], [4, 2, 1], [5, 1, 1]),
            (5, [2, 2, 1], [3, 1, 1], [4, 1, 0]),
        ];
        for (limit, newcomer, regular, active) in vectors {
            let found = [Profile::Newcomer, Profile::Regular, Profile::Active].map(|it| shares(it, limit));
            assert_eq!(found, [newcomer, regular, active], "limit {limit}");
        }
    }

    #[test]
    fn profiles_follow_communities_and_exchanges() {
        let profiles = [(2, 3), (3, 0), (1, 4), (1, 11)].map(|(communities, n)| Profile::of(communities, n));
        assert_eq!(profiles, [Profile::Newcomer, Profile::Regular, Profile::Regular, Profile::Active]);
    }

    #[test]
    fn unused_places_pass_on_and_priority_orders() {
        let item = |number: u128, priority: f64| {
            let at = At(DateTime::UNIX_EPOCH + TimeDelta::days(1));
            Item::new("open_request", Uuid::from_u128(number), priority, at, Value::Null)
        };
        let yours = (0..9).map(|it| item(it, 80.0 + it as f64)).collect();
        let feed = compose(Profile::Newcomer, 5, [yours, vec![item(20, 50.0)], Vec::new()]);
        let priorities: Vec<_> = feed.iter().map(|it| it.priority).collect();
        assert_eq!(priorities, [88.0, 87.0, 86.0, 85.0, 50.0]);
    }
}
