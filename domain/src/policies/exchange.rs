//! A completed exchange: karma for both sides, counts for the communities, ratings.

use event_schemas::community::{CommunityCommand, CountExchange, CountQuality};
use event_schemas::reputation::{
    CreditExchange, CreditRequester, ExchangeCredited, RecordFeedback, ReputationCommand, ReputationEvent,
};
use event_schemas::request::{FeedbackGiven, MatchCompleted, RequestEvent};
use event_schemas::{Command, Event, Recorded};

use super::Policy;
use crate::State;
use crate::views::Views;

/// The helper's standing decides who gets how much.
pub(super) const CREDIT_EXCHANGE: Policy = Policy { name: "credit_exchange", react: credit_exchange };
/// The requester's standing and the communities take over what was decided.
pub(super) const COUNT_EXCHANGE: Policy = Policy { name: "count_exchange", react: count_exchange };
/// The rated person's standing and the communities take note of a rating.
pub(super) const RECORD_FEEDBACK: Policy = Policy { name: "record_feedback", react: record_feedback };

fn credit_exchange(event: &Recorded<Event>, _state: &State, _views: &dyn Views) -> Vec<(String, Command)> {
    let Event::Request(RequestEvent::MatchCompleted(it)) = &event.payload else { return vec![] };
    vec![(it.responder_id.to_string(), ReputationCommand::from(credit(it)).into())]
}

fn count_exchange(event: &Recorded<Event>, _state: &State, _views: &dyn Views) -> Vec<(String, Command)> {
    let Event::Reputation(ReputationEvent::ExchangeCredited(it)) = &event.payload else { return vec![] };
    let requester = (it.requester_id.to_string(), ReputationCommand::from(credit_requester(it)).into());
    let communities = it.credits.iter().map(|credit| {
        let count = CountExchange {
            community_id: credit.community_id,
            match_id: it.match_id,
            helper_id: it.helper_id,
            requester_id: it.requester_id,
            completed_at: it.completed_at,
        };
        (credit.community_id.to_string(), CommunityCommand::from(count).into())
    });
    std::iter::once(requester).chain(communities).collect()
}

fn record_feedback(event: &Recorded<Event>, _state: &State, _views: &dyn Views) -> Vec<(String, Command)> {
    let Event::Request(RequestEvent::FeedbackGiven(it)) = &event.payload else { return vec![] };
    let ratee = (it.to_user_id.to_string(), ReputationCommand::from(rating(it)).into());
    let communities = it.community_ids.iter().map(|community_id| {
        let count = CountQuality {
            community_id: *community_id,
            match_id: it.match_id,
            giver_id: it.from_user_id,
            quality: quality(it),
        };
        (community_id.to_string(), CommunityCommand::from(count).into())
    });
    std::iter::once(ratee).chain(communities).collect()
}

fn credit(it: &MatchCompleted) -> CreditExchange {
    CreditExchange {
        user_id: it.responder_id,
        match_id: it.match_id,
        request_id: it.request_id,
        requester_id: it.requester_id,
        community_id: it.community_id,
        community_ids: it.community_ids.clone(),
        request_type: it.request_type.clone(),
        category: it.category.clone(),
        completed_at: it.completed_at,
    }
}

fn credit_requester(it: &ExchangeCredited) -> CreditRequester {
    CreditRequester {
        user_id: it.requester_id,
        match_id: it.match_id,
        request_id: it.request_id,
        helper_id: it.helper_id,
        completed_at: it.completed_at,
        credits: it.credits.clone(),
    }
}

fn rating(it: &FeedbackGiven) -> RecordFeedback {
    RecordFeedback {
        user_id: it.to_user_id,
        match_id: it.match_id,
        rating: it.rating,
        helpfulness: it.helpfulness,
        responsiveness: it.responsiveness,
        clarity: it.clarity,
        given_at: it.at,
    }
}

/// Mean of what was said in detail, else the rating as a whole.
fn quality(it: &FeedbackGiven) -> f64 {
    let details = [it.helpfulness, it.responsiveness, it.clarity].into_iter().flatten();
    let (sum, count) = details.fold((0, 0), |(sum, count), number| (sum + number, count + 1));
    if count == 0 { it.rating } else { f64::from(sum) / f64::from(count) }
}

#[cfg(test)]
mod tests;
