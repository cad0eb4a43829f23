//! Bad input: the right status, code and field, and nothing on the log.

use event_log::Record;
use tests::http::Api;
use tests::services::System;
use uuid::Uuid;

use crate::bad_calls::{Stage, Who, accounts, communities, inboxes, matches, requests};

async fn stage(api: &Api) -> Stage {
    let mut founder = api.register("Berta").await;
    let mut member = api.register("Bela").await;
    let stranger = api.register("Boris").await;
    let community = api.found(&mut founder).await;
    api.join(&mut member, &community).await;
    let request = api.ask(&founder, &community, "Paint the shed").await;
    let proposal = api.propose(&member, &request).await;
    Stage { founder, member, stranger, community, request, proposal }
}

pub(crate) async fn every_bad_call_is_refused_with_its_code_and_appends_nothing(system: &System) {
    let api = &system.api;
    let stage = stage(api).await;
    let flow = format!("bad-{}", Uuid::now_v7());
    let mut wrong = Vec::new();
    let cases = [accounts(&stage), communities(&stage), requests(&stage), matches(&stage), inboxes(&stage)];
    for (who, method, path, body, status, code, fields) in cases.into_iter().flatten() {
        let call = api.call(method.clone(), &path).text(body.clone()).header("x-correlation-id", &flow);
        let call = match who {
            Who::Nobody => call,
            Who::Stranger => call.by(&stage.stranger),
            Who::Member => call.by(&stage.member),
            Who::Founder => call.by(&stage.founder),
        };
        let answer = call.send().await;
        let named = answer.fields();
        if answer.status != status || answer.code() != code || fields.iter().any(|it| !named.contains(it)) {
            wrong.push(format!("{who:?} {body:.60} wants {status} {code} {fields:?}, but {answer}"));
        }
        if answer.header("x-correlation-id") != flow {
            wrong.push(format!("the correlation id is not echoed: {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong answers:\n{}", wrong.len(), wrong.join("\n"));
    let appended = records_of(system, &flow).await;
    assert!(appended.is_empty(), "{} records were appended: {:?}", appended.len(), appended.first());
}

/// Every record whose flow is the given one, on any topic.
async fn records_of(system: &System, flow: &str) -> Vec<Record> {
    let mut found = Vec::new();
    for topic in system.log.topics() {
        let records = system.log.records(&topic.name).await;
        found.extend(records.into_iter().filter(|it| it.header("ce_correlationid") == Some(flow)));
    }
    found
}
