//! Trust, 0-100 per person and community (reputation.md 6.1). Karma is no input.

use serde::Serialize;

/// What trust of a person in one community is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Inputs {
    /// Completed exchanges there, given and received, of the last 365 days.
    pub(crate) exchanges: u32,
    /// Distinct people of those exchanges.
    pub(crate) people: u32,
    /// People met at least twice.
    pub(crate) pairs: u32,
    /// Communities in which the person has an exchange in that time.
    pub(crate) communities: u32,
    /// Mean of the ratings received, weighted by age; none without ratings.
    pub(crate) rating: Option<f64>,
    /// What the community's config says.
    pub(crate) terms: Terms,
}

/// The part of a community's config that trust depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Terms {
    /// 0-1.
    pub(crate) depth_weight: f64,
    /// 0-1.
    pub(crate) breadth_weight: f64,
    /// A rating that neither helps nor harms, 1.0-4.9.
    pub(crate) feedback_threshold: f64,
    /// Exchanges from which on there is a bonus, 1-10.
    pub(crate) min_interactions: u32,
    /// Whether trust of another community counts for a newcomer.
    pub(crate) carry_enabled: bool,
    /// Share of it, 0-1.
    pub(crate) carry_factor: f64,
    /// Most that can be carried, 0-100.
    pub(crate) carry_cap: u32,
}

/// A computed trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trust {
    /// 0-100.
    pub(crate) score: u32,
    /// Whether another community's trust raised it.
    pub(crate) carried: bool,
}

/// The steps that people see instead of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tier {
    New,
    Active,
    Trusted,
    HighlyTrusted,
}

impl Tier {
    /// The tier of a score.
    pub(crate) const fn of(score: u32) -> Self {
        match score {
            0..=19 => Self::New,
            20..=49 => Self::Active,
            50..=74 => Self::Trusted,
            _ => Self::HighlyTrusted,
        }
    }
}

/// Weight of a rating of this age; half-life 0 means that ratings do not fade.
#[cfg(test)]
pub(crate) fn rating_weight(age_days: f64, half_life_days: f64) -> f64 {
    super::decay::decayed(1.0, age_days, half_life_days).max(0.1)
}

/// Trust from the person's own exchanges there.
pub(crate) fn own(inputs: &Inputs) -> u32 {
    let Inputs { exchanges, people, pairs, communities, rating, terms } = *inputs;
    let volume = (10.0 * f64::from(exchanges + 1).log2()).floor().min(30.0);
    let threshold = terms.feedback_threshold;
    let quality = rating.map_or(0.0, |it| ((it - threshold) / (5.0 - threshold) * 25.0).round());
    let depth = f64::from((2 * pairs).min(15)) * terms.depth_weight;
    let breadth = f64::from((2 * people).min(10) + (3 * communities).min(10)) * terms.breadth_weight;
    let bonus = if exchanges >= terms.min_interactions.max(1) { 5.0 } else { 0.0 };
    whole((volume + quality + depth + breadth + bonus).round().clamp(0.0, 100.0))
}

/// Trust with what is carried over: `best` is the person's highest own score in another community where they are an
/// active member with exchanges. One exchange of one's own ends the carry.
pub(crate) fn trust(inputs: &Inputs, best: u32) -> Trust {
    let own = own(inputs);
    if inputs.exchanges > 0 || !inputs.terms.carry_enabled {
        return Trust { score: own, carried: false };
    }
    let carry = whole((f64::from(best) * inputs.terms.carry_factor).floor()).min(inputs.terms.carry_cap);
    Trust { score: own.max(carry), carried: carry > own }
}

/// Overall trust from (score, exchanges) per community: the mean weighted by exchanges, else the highest carried score.
pub(crate) fn overall(scores: &[(u32, u32)]) -> u32 {
    let exchanges: f64 = scores.iter().map(|(_, n)| f64::from(*n)).sum();
    if exchanges == 0.0 {
        return scores.iter().map(|(score, _)| *score).max().unwrap_or(0);
    }
    let weighted: f64 = scores.iter().map(|(score, n)| f64::from(*score) * f64::from(*n)).sum();
    whole((weighted / exchanges).round())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole numbers of 0 to 100 by construction"
)]
fn whole(value: f64) -> u32 {
    value as u32
}

#[cfg(test)]
mod tests;
