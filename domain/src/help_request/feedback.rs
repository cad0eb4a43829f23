//! Feedback: one per side, after completion, about the other side only.

use event_schemas::request::{FeedbackGiven, RequestEvent};
use event_schemas::{Sealable, Timestamp};

use super::values::Side;
use super::{Completed, GiveFeedback, Rejection};

impl Completed {
    /// Rates the other side, as long as the texts of the exchange are there.
    pub(super) fn rate(&self, it: &GiveFeedback, now: Timestamp) -> Result<Vec<RequestEvent>, Rejection> {
        let side = self.ask.side_of(it.by);
        let ratee = match side {
            Side::Requester => self.exchange.responder,
            Side::Responder => self.ask.requester,
        };
        if self.exchange.match_id != it.match_id {
            return Err(Rejection::MatchNotCompleted);
        }
        if it.to_user.is_some_and(|named| named != ratee) {
            return Err(Rejection::InvalidRatee);
        }
        if it.community.is_some_and(|named| !self.ask.communities.contains(&named)) {
            return Err(Rejection::InvalidCommunity);
        }
        if self.rated.contains(side) {
            return Err(Rejection::FeedbackExists);
        }
        if self.text.is_gone(now) {
            return Err(Rejection::FeedbackClosed);
        }
        let given = FeedbackGiven {
            request_id: self.ask.request_id,
            match_id: self.exchange.match_id,
            requester_id: self.ask.requester,
            responder_id: self.exchange.responder,
            from_user_id: it.by,
            to_user_id: ratee,
            rating: it.overall().ok_or(Rejection::NoRating)?,
            helpfulness: it.helpfulness,
            responsiveness: it.responsiveness,
            clarity: it.clarity,
            comment: it.comment.clone().map(Sealable::Clear),
            allow_featuring: it.allow_featuring,
            show_name: it.show_my_name.unwrap_or_else(|| self.consent_of(side)),
            community_ids: self.ask.communities.clone(),
            at: now,
        };
        Ok(vec![given.into()])
    }

    /// What a side said about its name before: the requester with the request; a helper only with an offer, and there
    /// are none yet.
    fn consent_of(&self, side: Side) -> bool {
        match side {
            Side::Requester => self.ask.visibility_consent.unwrap_or(false),
            Side::Responder => false,
        }
    }
}

impl GiveFeedback {
    /// The rating, else the mean of the other numbers to two decimals; none when no number was given.
    fn overall(&self) -> Option<f64> {
        if let Some(rating) = self.rating {
            return Some(rating.into());
        }
        let given: Vec<i32> =
            [self.helpfulness, self.responsiveness, self.clarity].into_iter().flatten().collect();
        let count = i32::try_from(given.len()).expect("at most three");
        let hundreds = given.iter().sum::<i32>() * 100;
        // Half away from zero; all numbers are positive.
        (count > 0).then(|| f64::from((2 * hundreds + count) / (2 * count)) / 100.0)
    }
}
