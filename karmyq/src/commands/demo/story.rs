//! What happens: Ada asks her neighbours for help with a sofa, Ben helps, Cleo looks on.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::stage::Stage;
use crate::api::{Answer, Api, Person};
use crate::live::Live;

/// A notice that takes longer is late: the service level for everything that follows from an exchange.
const LIVE_WITHIN: Duration = Duration::from_secs(5);

/// What asks for help.
const TITLE: &str = "Two strong arms for a sofa";

/// The story and where it is told.
#[derive(Debug)]
pub(crate) struct Story {
    api: Api,
    pub(crate) stage: Stage,
}

/// The neighbours.
#[derive(Debug)]
struct Cast {
    ada: Person,
    ben: Person,
    cleo: Person,
}

/// Who listens.
#[derive(Debug)]
struct Ears {
    ada: Live,
    ben: Live,
}

/// A command that was answered.
#[derive(Debug)]
struct Done {
    answer: Answer,
    sent: Instant,
    answered: Duration,
}

impl Story {
    /// The story, not yet begun.
    pub(crate) const fn new(api: Api, stage: Stage) -> Self {
        Self { api, stage }
    }

    /// Plays it to its end, or to the first thing that is not as it should be.
    pub(crate) async fn play(&mut self) -> Result<()> {
        let mut cast = self.introduce().await.context("meeting the neighbours")?;
        let community = self.found(&mut cast).await.context("founding the community")?;
        let mut ears = self.listen(&cast).await.context("listening")?;
        let request = self.ask(&cast, &mut ears, &community).await.context("asking for help")?;
        let meeting = self.agree(&cast, &mut ears, &request).await.context("agreeing")?;
        self.confirm(&cast, &mut ears, &meeting).await.context("confirming")?;
        self.earn(&cast, &mut ears, &community).await.context("earning karma")?;
        self.thank(&cast, &mut ears, &meeting).await.context("giving feedback")?;
        self.look_on(&cast, &community).await.context("looking at the feed")
    }

    async fn introduce(&mut self) -> Result<Cast> {
        self.stage.scene("Three neighbours register");
        let ada = self.register("Ada").await?;
        let ben = self.register("Ben").await?;
        let cleo = self.register("Cleo").await?;
        Ok(Cast { ada, ben, cleo })
    }

    async fn register(&mut self, name: &str) -> Result<Person> {
        let sent = Instant::now();
        let (person, answer) = self.api.register(name).await?;
        let done = Done { answer, sent, answered: sent.elapsed() };
        let me = self.visible(&format!("{name} has an account"), &done, &person, "/users/me").await?;
        me.expect("/name", name)?;
        Ok(person)
    }

    async fn found(&mut self, cast: &mut Cast) -> Result<String> {
        // The end of a UUIDv7 is random.
        let name = format!("Maple Street {}", &Uuid::now_v7().simple().to_string()[26..]);
        self.stage.scene("A community of the street");
        let body =
            json!({"name": name, "description": "Neighbours who lend a hand", "location": "Maple Street"});
        let done = self.command(&cast.ada, Method::POST, "/communities", &body).await?;
        done.answer.expect("/existing", false)?;
        let id = done.answer.text("/community/id")?.to_owned();
        done.answer.text("/token")?.clone_into(&mut cast.ada.token);
        let path = format!("/communities/{id}");
        let seen = self.visible(&format!("Ada founds {name}"), &done, &cast.ada, &path).await?;
        seen.expect("/name", name.as_str())?;
        for person in [&mut cast.ben, &mut cast.cleo] {
            self.join(person, &id).await?;
        }
        Ok(id)
    }

    async fn join(&mut self, person: &mut Person, community: &str) -> Result<()> {
        let path = format!("/communities/{community}/join");
        let done = self.command(person, Method::POST, &path, &json!({})).await?;
        done.answer.expect("/status", "active")?;
        done.answer.text("/token")?.clone_into(&mut person.token);
        let what = format!("{} joins", person.name);
        let members =
            self.visible(&what, &done, person, &format!("/communities/{community}/members")).await?;
        let is_listed = members.items()?.iter().any(|it| it["userId"] == person.id.as_str());
        ensure!(is_listed, "{} joined and is not among the members", person.name);
        Ok(())
    }

    async fn listen(&mut self, cast: &Cast) -> Result<Ears> {
        self.stage.scene("Ada and Ben keep their phones at hand");
        let ears = Ears {
            ada: Live::open(&self.api, &cast.ada).await?,
            ben: Live::open(&self.api, &cast.ben).await?,
        };
        self.stage.seen("both live streams are open");
        Ok(ears)
    }

    async fn ask(&mut self, cast: &Cast, ears: &mut Ears, community: &str) -> Result<String> {
        self.stage.scene("Ada asks for help");
        let body = json!({
            "communityId": community,
            "title": TITLE,
            "description": "It has to get up two flights of stairs on Saturday morning",
            "category": "moving",
            "urgency": "high",
        });
        let key = Uuid::now_v7().to_string();
        let sent = Instant::now();
        let answer = self.api.keyed_command(&cast.ada, Method::POST, "/requests", &body, &key).await?;
        let done = Done { answer, sent, answered: sent.elapsed() };
        let id = done.answer.text("/id")?.to_owned();
        let path = format!("/requests/{id}");
        let seen = self.visible(&format!("Ada asks: {TITLE}"), &done, &cast.cleo, &path).await?;
        seen.expect("/title", TITLE)?;
        self.pops_up(&mut ears.ben, &cast.ben, "new_request", &done).await?;
        let again = self.api.keyed_command(&cast.ada, Method::POST, "/requests", &body, &key).await?;
        ensure!(again.replayed, "a repeat of the call was not recognised");
        again.expect("/id", id.as_str())?;
        again.expect("/position", done.answer.position()?)?;
        self.stage.seen("the same call once more gets the same answer and asks nobody twice");
        let (feed, _) = self.api.query_at(&cast.cleo, "/feed", done.answer.position()?).await?;
        feed_item(&feed, "open_request", &id)?;
        self.stage.seen("Cleo finds it in her feed");
        Ok(id)
    }

    async fn agree(&mut self, cast: &Cast, ears: &mut Ears, request: &str) -> Result<String> {
        self.stage.scene("Ben helps");
        let body = json!({"requestId": request, "message": "I have a trolley, too"});
        let done = self.command(&cast.ben, Method::POST, "/matches", &body).await?;
        let id = done.answer.text("/id")?.to_owned();
        let path = format!("/matches/{id}");
        let seen = self.visible("Ben offers his help", &done, &cast.ada, &path).await?;
        seen.expect("/status", "proposed")?;
        self.pops_up(&mut ears.ada, &cast.ada, "match_created", &done).await?;
        let done = self.command(&cast.ada, Method::PUT, &format!("{path}/accept"), &json!({})).await?;
        let seen = self.visible("Ada accepts", &done, &cast.ben, &path).await?;
        seen.expect("/status", "matched")?;
        self.pops_up(&mut ears.ben, &cast.ben, "match_accepted", &done).await?;
        Ok(id)
    }

    async fn confirm(&mut self, cast: &Cast, ears: &mut Ears, meeting: &str) -> Result<()> {
        self.stage.scene("Both confirm");
        let path = format!("/matches/{meeting}");
        let complete = format!("{path}/complete");
        let done = self.command(&cast.ben, Method::PUT, &complete, &json!({})).await?;
        done.answer.expect("/fullyCompleted", false)?;
        done.answer.expect("/waitingFor", "requester")?;
        let seen = self.visible("Ben says that the sofa is upstairs", &done, &cast.ada, &path).await?;
        seen.expect("/waitingFor", "requester")?;
        self.pops_up(&mut ears.ada, &cast.ada, "completion_pending", &done).await?;
        let done = self.command(&cast.ada, Method::PUT, &complete, &json!({})).await?;
        done.answer.expect("/fullyCompleted", true)?;
        let seen = self.visible("Ada confirms", &done, &cast.ben, &path).await?;
        seen.expect("/status", "completed")?;
        self.pops_up(&mut ears.ada, &cast.ada, "match_completed", &done).await?;
        self.pops_up(&mut ears.ben, &cast.ben, "match_completed", &done).await?;
        self.pops_up(&mut ears.ben, &cast.ben, "karma_awarded", &done).await?;
        self.pops_up(&mut ears.ben, &cast.ben, "badge_earned", &done).await?;
        self.pops_up(&mut ears.ada, &cast.ada, "karma_awarded", &done).await
    }

    async fn earn(&mut self, cast: &Cast, ears: &mut Ears, community: &str) -> Result<()> {
        self.stage.scene("Karma arrives");
        // 60 of the pool of 100 for helping and 15 for the first help; 40 for having asked.
        for (person, points) in [(&cast.ben, 75), (&cast.ada, 40)] {
            self.has_karma(person, community, points).await?;
            self.stage.seen(format_args!("{} has {points} karma on Maple Street", person.name));
        }
        let milestone = ears.ben.next("karma_milestone", LIVE_WITHIN).await?;
        self.stage.seen(format_args!("{}: {}", cast.ben.name, text_of(&milestone.data)));
        Ok(())
    }

    /// Waits until the person has these points: policies bring them, so no answer to a client names their position.
    async fn has_karma(&self, person: &Person, community: &str, points: i64) -> Result<()> {
        let deadline = Instant::now() + LIVE_WITHIN;
        let path = format!("/reputation/karma/{}", person.id);
        loop {
            let karma = self.api.query(person, &path, &[("community_id", community)]).await?;
            let found = karma.at("/totalKarma")?;
            if *found == points {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{} has {found} karma, not {points}", person.name);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn thank(&mut self, cast: &Cast, ears: &mut Ears, meeting: &str) -> Result<()> {
        self.stage.scene("Ada says thank you");
        let path = format!("/matches/{meeting}/feedback");
        let body = json!({"rating": 5, "comment": "Strong, kind and on time"});
        let done = self.command(&cast.ada, Method::POST, &path, &body).await?;
        self.visible("Ada rates the help, for nobody else to read", &done, &cast.ada, &path).await?;
        self.pops_up(&mut ears.ben, &cast.ben, "feedback_received", &done).await
    }

    async fn look_on(&mut self, cast: &Cast, community: &str) -> Result<()> {
        self.stage.scene("Cleo looks at her feed");
        let feed = self.api.query(&cast.cleo, "/feed", &[]).await?;
        let card = &feed_item(&feed, "community_activity", community)?["data"];
        let (exchanges, helper) = (&card["exchanges"], &card["topHelpers"][0]["name"]);
        ensure!(*exchanges == 1 && *helper == "Ben", "the card of the community says: {card}");
        self.stage.seen("her card of Maple Street says: one exchange this week, most helpful is Ben");
        Ok(())
    }

    async fn command(&self, person: &Person, method: Method, path: &str, body: &Value) -> Result<Done> {
        let sent = Instant::now();
        let answer = self.api.command(person, method, path, body).await?;
        Ok(Done { answer, sent, answered: sent.elapsed() })
    }

    /// Reads until the effect of a command is in the read models, and tells both.
    async fn visible(&mut self, what: &str, done: &Done, viewer: &Person, path: &str) -> Result<Answer> {
        let position = done.answer.position()?;
        let (seen, visible) = self.api.query_at(viewer, path, position).await?;
        self.stage.done(what, position, done.answered, visible);
        Ok(seen)
    }

    /// Waits until somebody sees a notice that follows from a command.
    async fn pops_up(&mut self, ear: &mut Live, who: &Person, kind: &str, cause: &Done) -> Result<()> {
        let update = ear.next(kind, LIVE_WITHIN).await.with_context(|| format!("{} listens", who.name))?;
        self.stage.notice(&who.name, &text_of(&update.data), update.at.saturating_duration_since(cause.sent));
        Ok(())
    }
}

/// The item of this type about this subject.
fn feed_item<'a>(feed: &'a Answer, kind: &str, subject: &str) -> Result<&'a Value> {
    let id = format!("{kind}_{subject}");
    let found = feed.items()?.iter().find(|it| it["id"] == id.as_str());
    found.with_context(|| format!("the feed has no {id}"))
}

/// What a notice says to its reader.
fn text_of(notice: &Value) -> String {
    let part = |name: &str| notice[name].as_str().unwrap_or_default().trim().to_owned();
    [part("title"), part("body")].into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(": ")
}
