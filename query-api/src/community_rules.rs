//! Small rules of communities that are computed on read (community.md 5 and 6).

use serde::Serialize;

/// When a community should think about its size.
pub(crate) const fn size_alert(active_members: i32) -> Option<&'static str> {
    match active_members {
        ..120 => None,
        120..130 => Some("approaching"),
        130..140 => Some("recommend_split"),
        140.. => Some("urgent_split"),
    }
}

/// How close a member is to the life of the community.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Layer {
    InnerCircle,
    ActiveCommunity,
    ExtendedNetwork,
}

impl Layer {
    /// Months that activity is counted over.
    const MONTHS: i64 = 6;

    /// The layer of somebody with so many requests, offers and messages in 180 days.
    pub(crate) const fn of(activity: i64) -> Self {
        if activity >= 4 * Self::MONTHS {
            Self::InnerCircle
        } else if activity >= Self::MONTHS {
            Self::ActiveCommunity
        } else {
            Self::ExtendedNetwork
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Layer, size_alert};

    #[test]
    fn alerts_begin_at_120_members() {
        let alerts = [119, 120, 129, 130, 139, 140, 150].map(size_alert);
        let [approaching, split, urgent] = ["approaching", "recommend_split", "urgent_split"].map(Some);
        assert_eq!(alerts, [None, approaching, approaching, split, split, urgent, urgent]);
    }

    #[test]
    fn layers_count_activity_per_month() {
        let layers = [0, 5, 6, 23, 24].map(Layer::of);
        use Layer::{ActiveCommunity, ExtendedNetwork, InnerCircle};
        assert_eq!(layers, [ExtendedNetwork, ExtendedNetwork, ActiveCommunity, ActiveCommunity, InnerCircle]);
    }
}
