//! One exchange between neighbours, from registration to karma, and the rules that only a whole system can keep.

use std::time::Duration;

use serde_json::{Value, json};
use tests::eventually::eventually;
use tests::people::{Person, Thing};
use tests::services::System;

/// What an exchange leaves behind.
struct Exchange {
    requester: Person,
    helper: Person,
    community: Thing,
    request: Thing,
    proposal: Thing,
}

/// Ana founds a community, Ben joins, Ana asks, Ben helps, both confirm.
async fn exchange(system: &System) -> Exchange {
    let api = &system.api;
    let mut requester = api.register("Ana").await;
    let mut helper = api.register("Ben").await;
    let community = api.found(&mut requester).await;
    api.join(&mut helper, &community).await;
    let request = api.ask(&requester, &community, "Prune the apple trees").await;
    let proposal = api.propose(&helper, &request).await;
    api.accept(&requester, &proposal).await;

    let first = api.complete(&helper, &proposal).await;
    assert_eq!(first.data()["fullyCompleted"], false, "{first}");
    assert_eq!(first.data()["waitingFor"], "requester", "{first}");
    let second = api.complete(&requester, &proposal).await;
    assert_eq!(second.data()["fullyCompleted"], true, "{second}");
    assert_eq!(second.data()["waitingFor"], Value::Null, "{second}");
    Exchange {
        requester,
        helper,
        community,
        request,
        proposal: Thing { position: second.position(), ..proposal },
    }
}

pub(crate) async fn neighbours_exchange_help_and_everybody_sees_it(system: &System) {
    let api = &system.api;
    let Exchange { requester, helper, community, request, proposal } = exchange(system).await;

    let path = format!("/matches/{}", proposal.id);
    let seen = api.get(&path).by(&helper).seeing(&proposal.position).expect(200).await;
    assert_eq!(seen.data()["status"], "completed", "{seen}");
    let path = format!("/requests/{}", request.id);
    let seen = api.get(&path).by(&requester).seeing(&proposal.position).expect(200).await;
    assert_eq!(seen.data()["status"], "completed", "{seen}");
    assert_eq!(seen.data()["title"], "Prune the apple trees", "{seen}");

    // Pool 100, split 60/40; the first help earns a bonus on top.
    let total = |person: &Person| {
        let path = format!("/reputation/karma/{}", person.id);
        let call = api.get(&path).by(person).query("community_id", &community.id);
        async move { call.expect(200).await.data()["totalKarma"].as_i64().filter(|it| *it > 0) }
    };
    let earned = eventually("the helper has karma", Duration::from_secs(10), || total(&helper)).await;
    assert!(earned >= 60, "the helper's share of the pool and the bonus of a first help: {earned}");
    let received = eventually("the requester has karma", Duration::from_secs(10), || total(&requester)).await;
    assert_eq!(received, 40);

    eventually("the helper has a badge", Duration::from_secs(10), || async {
        let badges = format!("/reputation/badges/{}", helper.id);
        let badges = api.get(&badges).by(&requester).expect(200).await;
        badges.items().iter().any(|it| it["badgeType"] == "first_helper").then_some(())
    })
    .await;

    for (person, kinds) in [
        (&helper, &["new_request", "match_accepted", "match_completed", "karma_awarded", "badge_earned"][..]),
        (&requester, &["match_created", "completion_pending", "match_completed", "member_joined"][..]),
    ] {
        for kind in kinds {
            eventually(&format!("{} is told of {kind}", person.name), Duration::from_secs(10), || async {
                let path = format!("/notifications/{}", person.id);
                let list = api.get(&path).by(person).query("limit", "50").expect(200).await;
                list.items().iter().any(|it| it["type"] == **kind).then_some(())
            })
            .await;
        }
    }

    let feed = api.get("/feed").by(&helper).expect(200).await;
    assert!(feed.items().iter().any(|it| it["communityId"] == community.id.as_str()), "{feed}");
}

pub(crate) async fn every_event_of_the_exchange_is_complete_and_tells_its_cause(system: &System) {
    let Exchange { requester, helper, request, .. } = exchange(system).await;
    let events = system.log.events_of("request-events", &request.id).await;
    let kinds: Vec<&str> = events.iter().filter_map(|it| it["eventType"].as_str()).collect();
    assert_eq!(
        kinds,
        [
            "RequestCreated",
            "MatchCreated",
            "MatchAccepted",
            "RequestUpdated",
            "MatchDoneMarked",
            "MatchDoneMarked",
            "MatchCompleted",
            "RequestCompleted",
            "RequestUpdated",
        ]
    );
    for (version, event) in (1..).zip(&events) {
        assert_eq!(event["aggregateVersion"], version, "1..n without gap: {event}");
        assert_eq!(event["aggregateType"], "help_request");
        assert_eq!(event["source"], "request-service");
        assert_eq!(event["causationId"], Value::Null, "a person's call is a root: {event}");
    }
    assert_eq!(events[0]["actorId"], requester.id.as_str());
    assert_eq!(events[1]["actorId"], helper.id.as_str());
    assert!(
        events[6..].iter().all(|it| it["commandId"] == events[5]["commandId"]),
        "one command decided them"
    );

    let completed = &events[6];
    let credited = eventually("the policy has credited the helper", Duration::from_secs(10), || async {
        let events = system.log.events_of("reputation-events", &helper.id).await;
        events.iter().any(|it| it["eventType"] == "ExchangeCredited").then_some(events)
    })
    .await;
    for event in &credited {
        assert_eq!(event["causationId"], completed["eventId"], "the event whose policy led here: {event}");
        assert_eq!(event["correlationId"], completed["correlationId"], "one flow: {event}");
        let actor = event["actorId"].as_str().unwrap_or_default();
        assert!(actor.starts_with("policy:"), "{event}");
    }
}

pub(crate) async fn places_of_a_full_community_are_given_away_once(system: &System) {
    let api = &system.api;
    let mut founder = api.register("Founder").await;
    let name = format!("Small house {}", founder.id);
    let community = api.found_with(&mut founder, &json!({"name": name, "maxMembers": 3})).await;
    let mut people = Vec::new();
    for number in 0..6 {
        people.push(api.register(&format!("Guest{number}")).await);
    }
    let path = format!("/communities/{}/join", community.id);
    let joins = people.iter().map(|person| api.post(&path, &json!({})).by(person).send());
    let answers = futures::future::join_all(joins).await;
    let joined = answers.iter().filter(|it| it.status == 200).count();
    let refused = answers.iter().filter(|it| it.status == 400 && it.code() == "COMMUNITY_FULL").count();
    assert_eq!((joined, refused), (2, 4), "{answers:?}");
}
