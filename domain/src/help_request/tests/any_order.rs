//! What holds whatever is asked, and whatever is folded in whichever order.

use event_schemas::EventId;
use event_schemas::request::RequestTextForgotten;
use proptest::prelude::*;

use super::*;

/// Any person.
fn person() -> impl Strategy<Value = UserId> {
    prop_oneof![Just(ANA), Just(BEN), Just(CLEO), Just(DORA)]
}

/// One of few matches, so that commands meet.
fn some_match() -> impl Strategy<Value = MatchId> {
    (1_u128..6).prop_map(|n| MatchId::new(Uuid::from_u128(n)))
}

/// Any command that carries no text: texts are written anew, whatever they say.
fn command() -> impl Strategy<Value = Command> {
    let windows = Windows::default();
    prop_oneof![
        Just(Command::CreateRequest(Box::new(post(sofa(), vec![place(ELM), place(OAK)])))),
        person().prop_map(|by| edit(
            caller(by),
            json!({ "urgency": "low", "scheduledFor": "1970-01-20T18:00:00Z" })
        )),
        person().prop_map(cancel),
        (person(), any::<bool>()).prop_map(|(by, public)| privacy(caller(by), Some(public), None)),
        (some_match(), person()).prop_map(|(id, by)| propose(id, by)),
        (some_match(), person()).prop_map(|(id, by)| propose(id, by)),
        (some_match(), person()).prop_map(|(id, by)| accept(id, by)),
        (some_match(), person()).prop_map(|(id, by)| reject(id, by)),
        (some_match(), person()).prop_map(move |(match_id, by)| Command::CompleteMatch(CompleteMatch {
            match_id,
            by,
            windows
        })),
        (some_match(), person()).prop_map(|(id, by)| cancel_match(id, by)),
        (some_match(), person())
            .prop_map(|(match_id, by)| Command::GiveFeedback(GiveFeedback { match_id, ..rate(by) })),
        prop_oneof![Just(ELM), Just(OAK)]
            .prop_map(|community| Command::DetachCommunity(DetachCommunity { community })),
        Just(Command::ExpireRequest(ExpireRequest::default())),
        some_match().prop_map(|match_id| Command::RemindMatch(RemindMatch { match_id })),
        Just(Command::ForgetText),
    ]
}

/// A command and the days that pass before it.
fn history() -> impl Strategy<Value = Vec<(Command, i64)>> {
    prop::collection::vec((command(), prop_oneof![8 => 0_i64..3, 1 => 50_i64..70]), 1..40)
}

/// A request that lives through a history.
#[derive(Default)]
struct Life {
    state: State,
    log: Vec<RequestEvent>,
    now: Timestamp,
}

impl Life {
    /// What a command would add. The server draws the ids of matches, so none is proposed under a known one.
    fn answer(&self, command: &Command) -> Vec<RequestEvent> {
        if matches!(command, Command::ProposeMatch(it) if self.state.find(it.match_id).is_some()) {
            vec![]
        } else {
            self.state.decide(command, self.now).unwrap_or_default()
        }
    }

    /// What a command adds becomes part of the log.
    fn meet(&mut self, command: &Command) {
        for event in self.answer(command) {
            let event_id = EventId::new(Uuid::from_u128(self.log.len() as u128 + 1));
            self.state.evolve(&event, Meta { event_id, at: self.now });
            self.log.push(event);
        }
    }

    fn of(history: &[(Command, i64)]) -> Self {
        let mut life = Self::default();
        for (command, days) in history {
            life.now = life.now + TimeDelta::days(*days);
            life.meet(command);
        }
        life
    }

    fn count(&self, of: impl Fn(&RequestEvent) -> bool) -> usize {
        self.log.iter().filter(|it| of(it)).count()
    }
}

proptest! {
    #[test]
    fn repeating_a_command_yields_nothing_new(history in history()) {
        let mut life = Life::default();
        for (command, days) in &history {
            life.now = life.now + TimeDelta::days(*days);
            life.meet(command);
            let again = life.answer(command);
            prop_assert!(again.is_empty(), "{command:?} again: {again:?}");
        }
    }

    #[test]
    fn at_most_one_match_is_under_way_and_at_most_one_is_completed(history in history()) {
        let life = Life::of(&history);
        let under_way = |it: &Match| matches!(it.status, MatchStatus::Matched | MatchStatus::Completed);
        prop_assert!(life.state.matches().iter().filter(|it| under_way(it)).count() <= 1);
        prop_assert!(life.count(|it| matches!(it, RequestEvent::MatchCompleted(_))) <= 1);
        prop_assert!(life.count(|it| matches!(it, RequestEvent::RequestCreated(_))) <= 1);
        prop_assert!(life.count(|it| matches!(it, RequestEvent::RequestTextForgotten(_))) <= 1);
        let completed = life.count(|it| matches!(it, RequestEvent::MatchCompleted(_)));
        let is_completed = matches!(life.state, State::Completed(_));
        prop_assert_eq!(completed, usize::from(is_completed));
    }

    #[test]
    fn the_status_told_last_is_the_status(history in history()) {
        let life = Life::of(&history);
        let mut told = None;
        for event in &life.log {
            if let RequestEvent::RequestCreated(_) = event {
                told = Some("open".to_owned());
            }
            if let RequestEvent::RequestUpdated(it) = event {
                told = it.status_to.clone().or(told);
            }
        }
        prop_assert_eq!(told.as_deref(), life.state.status().map(Status::name));
    }

    #[test]
    fn every_match_is_told_of_until_its_end(history in history()) {
        let life = Life::of(&history);
        let created = life.count(|it| matches!(it, RequestEvent::MatchCreated(_)));
        prop_assert_eq!(life.state.matches().len(), created);
    }

    #[test]
    fn folding_never_fails_in_any_order(
        history in history(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
    ) {
        let log = Life::of(&history).log;
        let mut state = State::default();
        let forgotten = RequestTextForgotten { request_id: REQUEST, forgotten_at: end() }.into();
        for (index, n) in order.iter().zip(1..) {
            let event = if log.is_empty() { &forgotten } else { index.get(&log) };
            state.evolve(event, Meta { event_id: EventId::new(Uuid::from_u128(n)), at: Timestamp::from_micros(0) });
            let _ = (state.timer(), state.community_of(event), state.matches());
            for (command, _) in &history {
                let _ = state.decide(command, end());
            }
        }
    }
}
