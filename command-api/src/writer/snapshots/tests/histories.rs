//! Histories at random: people who do things, owners who come, go and crash, transactions that fail, a topic that is
//! compacted. At any point a takeover from the snapshot gives what the log gives.

use chrono::TimeDelta;
use domain::community::{
    self, AccessType, CommunityType, CreateCommunity, DecideJoin, JoinCommunity, MemberCap, Name,
    RemoveMember, Verdict,
};
use domain::help_request::{
    self, AcceptMatch, Caller, CancelRequest, CompleteMatch, CreateRequest, Draft, Place, ProposeMatch,
    Windows,
};
use domain::user::{
    self, AddSkill, DisplayName, EmailAddress, RegisterUser, SkillId, SkillName, UpdateProfile,
};
use domain::views::Views;
use event_log::Fault;
use event_schemas::{AggregateType, CommandId, CommunityId, Domain, MatchId, RequestId, UserId};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::stage::{FOLD, Stage, Writer};
use crate::writer::{Executed, Failure, Target};

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
enum Step {
    Deed(Deed),
    Repeat(u8),
    Wait(u16),
    Stop,
    Crash,
    Compact,
    Fail(u8),
}

/// What somebody does.
#[derive(Clone, Copy, Debug)]
enum Deed {
    User(OfUser),
    Community(OfCommunity),
    Request(OfRequest),
}

// Numbers choose among what there is.

#[derive(Clone, Copy, Debug)]
enum OfUser {
    Register(u8),
    Rename(u8, u8),
    Learn(u8, u8),
}

#[derive(Clone, Copy, Debug)]
enum OfCommunity {
    Found(u8),
    Join(u8, u8),
    Decide(u8, u8, bool),
    Leave(u8, u8),
}

#[derive(Clone, Copy, Debug)]
enum OfRequest {
    Ask(u8, u8),
    Propose(u8, u8),
    Accept(u8),
    Complete(u8),
    Cancel(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let of_user = prop_oneof![
        any::<u8>().prop_map(OfUser::Register),
        any::<(u8, u8)>().prop_map(|(p, n)| OfUser::Rename(p, n)),
        any::<(u8, u8)>().prop_map(|(p, n)| OfUser::Learn(p, n)),
    ];
    let of_community = prop_oneof![
        any::<u8>().prop_map(OfCommunity::Found),
        any::<(u8, u8)>().prop_map(|(c, p)| OfCommunity::Join(c, p)),
        any::<(u8, u8, bool)>().prop_map(|(c, p, yes)| OfCommunity::Decide(c, p, yes)),
        any::<(u8, u8)>().prop_map(|(c, p)| OfCommunity::Leave(c, p)),
    ];
    let of_request = prop_oneof![
        any::<(u8, u8)>().prop_map(|(c, p)| OfRequest::Ask(c, p)),
        any::<(u8, u8)>().prop_map(|(r, p)| OfRequest::Propose(r, p)),
        any::<u8>().prop_map(OfRequest::Accept),
        any::<u8>().prop_map(OfRequest::Complete),
        any::<u8>().prop_map(OfRequest::Cancel),
    ];
    prop_oneof![
        16 => of_user.prop_map(|it| Step::Deed(Deed::User(it))),
        16 => of_community.prop_map(|it| Step::Deed(Deed::Community(it))),
        24 => of_request.prop_map(|it| Step::Deed(Deed::Request(it))),
        4 => any::<u8>().prop_map(Step::Repeat),
        4 => (0..1_500_u16).prop_map(Step::Wait),
        1 => Just(Step::Stop),
        1 => Just(Step::Crash),
        1 => Just(Step::Compact),
        2 => any::<u8>().prop_map(Step::Fail),
    ]
}

/// Who and what there is.
struct Story {
    stage: Stage,
    /// None only while owners change.
    writer: Option<Writer>,
    every: u64,
    communities: Vec<CommunityId>,
    requests: Vec<(RequestId, UserId)>,
    matches: Vec<(RequestId, UserId, MatchId, UserId)>,
    commands: Vec<(Target, domain::Command, CommandId)>,
    count: u128,
}

fn person(n: u8) -> UserId {
    UserId::new(Uuid::from_u128(0x1000 + u128::from(n % 6)))
}

fn pick<T: Copy>(of: &[T], n: u8) -> Option<T> {
    of.get(usize::from(n) % of.len().max(1)).copied()
}

impl Story {
    async fn begin(every: u64) -> Self {
        let stage = Stage::new().await;
        let writer = Some(stage.writer(FOLD, every).await);
        let (communities, requests, matches, commands) = (vec![], vec![], vec![], vec![]);
        Self { stage, writer, every, communities, requests, matches, commands, count: 0 }
    }

    fn writer(&self) -> &Writer {
        self.writer.as_ref().expect("there is one but while owners change")
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Wait(minutes) => self.stage.wait(TimeDelta::minutes(minutes.into())),
            Step::Compact => {
                Domain::ALL.into_iter().for_each(|it| self.stage.log.compact(it.snapshots_topic()));
            }
            Step::Fail(how) => {
                let committed = how % 2 == 0;
                let faults = [Fault::Aborted, Fault::Fenced, Fault::AnswerLost { committed }];
                self.stage.log.fail_next(faults[usize::from(how / 2) % 3]);
            }
            Step::Stop => {
                self.writer.take().expect("there is one").stop().await;
                self.succeed().await;
            }
            Step::Crash => {
                self.writer.take().expect("there is one").crash().await;
                self.succeed().await;
            }
            Step::Repeat(n) => {
                let known = self.commands.len().max(1);
                if let Some((target, command, id)) = self.commands.get(usize::from(n) % known).cloned() {
                    self.execute(target, command, id).await;
                }
            }
            Step::Deed(deed) => self.act(deed).await,
        }
    }

    /// Whoever comes next must find what there is.
    async fn succeed(&mut self) {
        self.stage.both_ways_agree().await;
        self.writer = Some(self.stage.writer(FOLD, self.every).await);
    }

    async fn act(&mut self, deed: Deed) {
        self.count += 1;
        let id = Uuid::from_u128(0xabcd_0000 + self.count);
        let Some((target, command)) = self.command(deed, id) else { return };
        self.commands.push((target.clone(), command.clone(), CommandId::new(id)));
        self.execute(target, command, CommandId::new(id)).await;
    }

    /// Only the traces count, whatever the answer.
    async fn execute(&self, target: Target, command: domain::Command, id: CommandId) {
        self.writer().serves_everything().await;
        let _: Result<Executed, Failure> = self.writer().execute(target, command, id).await;
    }

    fn command(&mut self, deed: Deed, id: Uuid) -> Option<(Target, domain::Command)> {
        match deed {
            Deed::User(deed) => Some(of_user(deed, id)),
            Deed::Community(deed) => self.of_community(deed, id),
            Deed::Request(deed) => self.of_request(deed, id),
        }
    }

    fn of_community(&mut self, deed: OfCommunity, id: Uuid) -> Option<(Target, domain::Command)> {
        use community::Command;
        let (which, command) = match deed {
            OfCommunity::Found(p) => {
                let community = CommunityId::new(id);
                self.communities.push(community);
                let access_type = if p % 2 == 0 { AccessType::Public } else { AccessType::Private };
                let create = CreateCommunity {
                    community_id: community,
                    by: person(p),
                    name: Name::parse(&format!("Lindenhof {p}")).expect("a name"),
                    description: None,
                    location: None,
                    category: None,
                    max_members: MemberCap::parse(4).expect("a cap"),
                    access_type,
                    community_type: CommunityType::MutualAid,
                    config: None,
                };
                (community, Command::CreateCommunity(Box::new(create)))
            }
            OfCommunity::Join(c, p) => {
                let message = Some(community::JoinMessage::parse("I live next door").expect("a message"));
                let join = JoinCommunity { by: person(p), message };
                (pick(&self.communities, c)?, Command::JoinCommunity(join))
            }
            OfCommunity::Decide(c, p, yes) => {
                let verdict = if yes { Verdict::Approve } else { Verdict::Reject };
                let community = pick(&self.communities, c)?;
                let by = person(c);
                (community, Command::DecideJoin(DecideJoin { by, applicant: person(p), verdict }))
            }
            OfCommunity::Leave(c, p) => {
                let leave = RemoveMember { by: person(p), user: person(p) };
                (pick(&self.communities, c)?, Command::RemoveMember(leave))
            }
        };
        Some((Target::new(AggregateType::Community, which), command.into()))
    }

    fn of_request(&mut self, deed: OfRequest, id: Uuid) -> Option<(Target, domain::Command)> {
        use help_request::Command;
        let caller = |user| Caller { user, in_audience: true };
        let windows = Windows::default();
        let (which, command) = match deed {
            OfRequest::Ask(c, p) => {
                let community = pick(&self.communities, c)?;
                // Unknown as long as the view lags behind: then nothing is asked.
                let facts = self.writer().views.community(community)?;
                let body = json!({"title": "Carry a sofa", "description": "Two floors up on Saturday."});
                let draft = Draft::parse(body.as_object().expect("an object")).expect("is complete");
                let request_id = RequestId::new(id);
                self.requests.push((request_id, person(p)));
                let places = vec![Place { community, member: true, facts }];
                let create =
                    CreateRequest { request_id, requester: person(p), draft, places, everywhere: false };
                (request_id, Command::CreateRequest(Box::new(create)))
            }
            OfRequest::Propose(r, p) => {
                let (request, requester) = pick(&self.requests, r)?;
                let match_id = MatchId::new(id);
                self.matches.push((request, requester, match_id, person(p)));
                let by = caller(person(p));
                let propose = ProposeMatch { match_id, by, outsider: false, offer_id: None, message: None };
                (request, Command::ProposeMatch(propose))
            }
            OfRequest::Accept(m) => {
                let (request, by, match_id, responder) = pick(&self.matches, m)?;
                let present = vec![responder];
                (
                    request,
                    Command::AcceptMatch(AcceptMatch { match_id, by, travel_time_minutes: 60, present }),
                )
            }
            OfRequest::Complete(m) => {
                let (request, requester, match_id, responder) = pick(&self.matches, m / 2)?;
                let by = if m % 2 == 0 { requester } else { responder };
                (request, Command::CompleteMatch(CompleteMatch { match_id, by, windows }))
            }
            OfRequest::Cancel(r) => {
                let (request, requester) = pick(&self.requests, r)?;
                (request, Command::CancelRequest(CancelRequest { by: caller(requester) }))
            }
        };
        Some((Target::new(AggregateType::HelpRequest, which), command.into()))
    }
}

fn of_user(deed: OfUser, id: Uuid) -> (Target, domain::Command) {
    use user::Command;
    let (user, command) = match deed {
        OfUser::Register(p) => {
            let register = RegisterUser {
                user_id: person(p),
                email: EmailAddress::parse(&format!("{}@example.org", p % 6)).expect("an address"),
                name: DisplayName::parse("Ana").expect("a name"),
                invite: None,
            };
            (person(p), Command::RegisterUser(register))
        }
        OfUser::Rename(p, n) => {
            let name = Some(DisplayName::parse(&format!("Ana {n}")).expect("a name"));
            let update = UpdateProfile { name, ..UpdateProfile::of(person(p)) };
            (person(p), Command::UpdateProfile(Box::new(update)))
        }
        OfUser::Learn(p, n) => {
            let skill =
                SkillName::parse(if n % 2 == 0 { "cooking" } else { "taming lions" }).expect("a skill");
            let (user_id, skill_id) = (person(p), SkillId::new(id));
            (user_id, Command::AddSkill(AddSkill { user_id, by: user_id, skill_id, skill }))
        }
    };
    (Target::new(AggregateType::User, user), command.into())
}

/// What every history begins with, so that most commands find what they are about.
const BEGINNING: [Deed; 12] = [
    Deed::User(OfUser::Register(0)),
    Deed::User(OfUser::Register(1)),
    Deed::User(OfUser::Register(2)),
    Deed::Community(OfCommunity::Found(0)),
    Deed::Community(OfCommunity::Found(1)),
    Deed::Community(OfCommunity::Join(0, 1)),
    Deed::Community(OfCommunity::Join(0, 2)),
    Deed::Community(OfCommunity::Join(1, 2)),
    Deed::Request(OfRequest::Ask(0, 0)),
    Deed::Request(OfRequest::Propose(0, 1)),
    Deed::Request(OfRequest::Accept(0)),
    Deed::Request(OfRequest::Complete(0)),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn a_takeover_from_a_snapshot_gives_what_the_whole_log_gives(
        steps in vec(step(), 1..120),
        every in 1..40_u64,
        crash in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let mut story = Story::begin(every).await;
            for step in BEGINNING.map(Step::Deed).into_iter().chain(steps) {
                story.take(step).await;
            }
            let last = if crash { Step::Crash } else { Step::Stop };
            story.take(last).await;
            // The last owner's farewell leaves a snapshot of everything that has happened.
            story.take(Step::Stop).await;
        });
    }
}
