//! What commands are made of: exchanges between neighbours, from the question to the second confirmation.
//!
//! [`Mix::Edits`] has one event per command, like the ceiling has one record: people ask, and then edit what they asked.
//! [`Mix::Exchanges`] is what a neighbourhood does. Twenty commands an exchange: one asks, fifteen edit the question, one proposes, one accepts, two confirm. So every rule
//! of a request runs, and every policy behind it: notices to both, karma, badges; a command comes to between two and
//! three records on average. Clients keep several exchanges going and take a step in each in turn, as people do, who do
//! not answer within milliseconds of being asked.

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, Person};

/// Exchanges that a client keeps going at once.
const AT_ONCE: usize = 16;

/// Edits of a question.
const EDITS: usize = 15;

/// What follows them.
const LAST_STEPS: [Step; 4] =
    [Step::Propose, Step::Accept, Step::Confirm(Side::Helper), Step::Confirm(Side::Requester)];

/// Which commands a load is made of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mix {
    /// Edits of questions that were asked before.
    Edits,
    /// Whole exchanges.
    Exchanges,
}

impl Mix {
    /// The exchanges that a client begins with. Those of [`Mix::Exchanges`] have different numbers of edits before them:
    /// otherwise all clients would go on in step, and every confirmation would come at the same moment.
    pub(super) fn begin(self, client: usize) -> Vec<Exchange> {
        let edits = |number: usize| match self {
            Self::Edits => usize::MAX,
            Self::Exchanges => number % (EDITS + 1),
        };
        (client..client + AT_ONCE).map(|it| Exchange { edits: edits(it), ..Exchange::default() }).collect()
    }
}

/// A command of an exchange.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// The requester asks for help.
    Ask,
    /// The requester edits the question.
    Edit,
    /// The helper offers help.
    Propose,
    /// The requester accepts.
    Accept,
    /// One of both says that the help was given.
    Confirm(Side),
}

/// One of the two.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    /// Who asked.
    Requester,
    /// Who helps.
    Helper,
}

/// Two members of a community of their own, so that a question is a notice to one person.
#[derive(Debug)]
pub(super) struct Pair {
    /// The community.
    pub(super) community: String,
    /// Asks.
    pub(super) requester: Person,
    /// Helps.
    pub(super) helper: Person,
}

/// An exchange under way.
#[derive(Debug)]
pub(super) struct Exchange {
    done: usize,
    edits: usize,
    /// The request, once asked.
    pub(super) request: String,
    /// The match, once proposed.
    pub(super) meeting: String,
}

/// A call of the API.
#[derive(Debug)]
pub(super) struct Call<'a> {
    /// POST or PUT.
    pub(super) method: Method,
    /// The path after `/api/v1`.
    pub(super) path: String,
    /// Who calls.
    pub(super) person: &'a Person,
    /// The body.
    pub(super) body: Value,
}

impl Pair {
    /// Registers two people and founds their community.
    pub(super) async fn settle(api: &Api, number: usize) -> Result<Self> {
        let (mut requester, _) = api.register(&format!("Requester{number}")).await?;
        let (mut helper, _) = api.register(&format!("Helper{number}")).await?;
        let body = json!({"name": format!("Bench {number} {}", requester.id)});
        let founded = api.command(&requester, Method::POST, "/communities", &body).await?;
        let community = founded.text("/community/id")?.to_owned();
        founded.text("/token")?.clone_into(&mut requester.token);
        let path = format!("/communities/{community}/join");
        let joined = api.command(&helper, Method::POST, &path, &json!({})).await?;
        joined.text("/token")?.clone_into(&mut helper.token);
        Ok(Self { community, requester, helper })
    }

    /// This side's person.
    pub(super) const fn person(&self, side: Side) -> &Person {
        match side {
            Side::Requester => &self.requester,
            Side::Helper => &self.helper,
        }
    }
}

impl Default for Exchange {
    fn default() -> Self {
        Self { done: 0, edits: EDITS, request: String::new(), meeting: String::new() }
    }
}

impl Exchange {
    /// A question that will be edited, and nothing else.
    pub(super) fn edited_for_ever() -> Self {
        Self { edits: usize::MAX, ..Self::default() }
    }

    /// A question that was asked before and will be edited for ever, next for the so-manieth time.
    pub(super) const fn edited(request: String, times: usize) -> Self {
        Self { done: times, edits: usize::MAX, request, meeting: String::new() }
    }

    /// The step to take next.
    pub(super) const fn step(&self) -> Step {
        match self.done {
            0 => Step::Ask,
            done if done <= self.edits => Step::Edit,
            done => LAST_STEPS[done - self.edits - 1],
        }
    }

    /// Goes on after a step; `created` is the id of what it created. After the last one, another exchange begins.
    pub(super) fn advance(&mut self, created: Option<String>) -> Result<()> {
        match self.step() {
            Step::Ask => self.request = created.context("the answer has no request id")?,
            Step::Propose => self.meeting = created.context("the answer has no match id")?,
            Step::Edit | Step::Accept | Step::Confirm(_) => {}
        }
        self.done += 1;
        if self.done == self.edits.saturating_add(1 + LAST_STEPS.len()) {
            *self = Self::default();
        }
        Ok(())
    }

    /// The title of the question after as many steps.
    pub(super) fn title(&self) -> String {
        format!("Two strong arms for a sofa, version {}", self.done)
    }

    /// The next step as a call of the API.
    pub(super) fn call<'a>(&self, pair: &'a Pair) -> Call<'a> {
        let (method, path, side, body) = match self.step() {
            Step::Ask => (Method::POST, "/requests".to_owned(), Side::Requester, self.question(pair)),
            Step::Edit => {
                let path = format!("/requests/{}", self.request);
                (Method::PUT, path, Side::Requester, json!({"title": self.title()}))
            }
            Step::Propose => {
                let body = json!({"requestId": self.request, "message": "I have a trolley, too"});
                (Method::POST, "/matches".to_owned(), Side::Helper, body)
            }
            Step::Accept => {
                (Method::PUT, format!("/matches/{}/accept", self.meeting), Side::Requester, json!({}))
            }
            Step::Confirm(side) => {
                (Method::PUT, format!("/matches/{}/complete", self.meeting), side, json!({}))
            }
        };
        Call { method, path, person: pair.person(side), body }
    }

    /// The body of a question.
    pub(super) fn question(&self, pair: &Pair) -> Value {
        json!({
            "communityId": pair.community,
            "title": self.title(),
            "description": "It has to get up two flights of stairs on Saturday morning, and it is heavier than it looks.",
            "category": "moving",
            "urgency": "high",
        })
    }
}
