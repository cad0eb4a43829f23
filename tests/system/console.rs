//! The operators' console, by a browser that clicks: what an operator does with it on a bad day.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use event_schemas::topics::Profile;
use serde_json::json;
use service_kit::auth::{AUDIENCE, Claims, ISSUER, PlatformRole, PublicKeys, Signer, Verifier};
use tests::browser::Browser;
use tests::environment::scratch;
use tests::services::{System, karmyq, said};
use uuid::Uuid;

/// Key that nothing else of these tests uses, and a text that no page may take for HTML.
const KEY: &str = "<b>nobody</b>";

/// Enough that a rebuild at one event a second takes longer than it takes to cancel it.
const EVENTS: usize = 60;

pub(crate) async fn an_operator_rebuilds_rolls_back_and_verifies_by_clicking(system: &System) {
    let mut founder = system.api.register("Mia").await;
    let community = system.api.found(&mut founder).await;
    for number in 0..EVENTS {
        system.api.ask(&founder, &community, &format!("Errand {number}")).await;
    }
    let browser = signed_in(system).await;
    browser.sees("h1", "Projections").await;
    browser.sees("#projections", "requests").await;
    browser.sees("#projections", "live").await;
    browser.click("a[href='/console/projections/requests']").await;
    browser.sees("#now", "version").await;

    // At one event a second it is at work until somebody cancels it.
    browser.types("#throttle", "1").await;
    browser.click("#rebuild").await;
    browser.sees("#order", "karmyq projections rebuild requests --throttle 1").await;
    browser.sees("#order", "rebuild of version").await;
    open(&browser, system, "/projections/requests").await;
    browser.sees("#now", "folding").await;
    browser.click("#verify").await;
    browser.sees("#line", "It has not begun: it waits behind rebuild requests, which is at work").await;
    picture(&browser, "order-in-line", 1200, false).await;
    browser.click("#line a").await;
    browser.sees("h1", "rebuild requests").await;
    open(&browser, system, "/projections/requests").await;
    browser.click("#cancel").await;
    browser.sees("#outcome", "cancelled, nothing is left of it").await;

    open(&browser, system, "/projections/requests").await;
    browser.click("#rebuild").await;
    let live = browser.sees("#outcome", "is live").await;
    assert!(live.contains("done"), "{live}");
    picture(&browser, "order", 1200, false).await;
    open(&browser, system, "/projections/requests").await;
    browser.click("#rollback").await;
    browser.sees("#outcome", "is live again").await;
    open(&browser, system, "/projections/requests").await;
    browser.click("#verify").await;
    browser.sees("#outcome", "the rows are what the log says").await;
    let compared = browser.sees("#order table", "requests.help_requests").await;
    assert!(compared.contains("equal") && !compared.contains("different"), "{compared}");

    open(&browser, system, "/projections/requests").await;
    browser.types("#heal-id", "0199").await;
    browser.click("form[action$='/drop'] summary").await;
    renewed(&browser).await;
    let left = "document.querySelector('#heal-id').value + document.querySelector('form[action$=\\'/drop\\'] details').open";
    assert_eq!(browser.evaluate(left).await, Ok(json!("0199true")), "what is typed and open stays");
    browser.click("#drop").await;
    browser.sees("#outcome", "is dropped").await;
    open(&browser, system, "/projections/requests").await;
    browser.sees("#details", "roll").await;
    for (name, width, dark) in
        [("projection", 1280, false), ("projection-dark", 1280, true), ("projection-narrow", 400, false)]
    {
        picture(&browser, name, width, dark).await;
    }
    open(&browser, system, "/projections").await;
    browser.sees("#projections figure", "seconds behind").await;
    for (name, width, dark) in
        [("projections", 1280, false), ("projections-dark", 1280, true), ("projections-narrow", 400, true)]
    {
        picture(&browser, name, width, dark).await;
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

pub(crate) async fn an_operator_retires_what_no_code_folds_and_finds_back_from_what_fails(system: &System) {
    for sql in [
        "CREATE TABLE feed.weather (id uuid PRIMARY KEY) PARTITION BY LIST (id)",
        "ALTER TABLE feed.weather OWNER TO karmyq_owner",
        "INSERT INTO projection.active (projection, version, fingerprint, tables) VALUES ('weather', 1, '', '{feed.weather}')",
    ] {
        sqlx::query(sql).execute(&system.postgres).await.expect("the superuser may do it");
    }
    let browser = signed_in(system).await;
    browser.sees("#projections", "it can be retired").await;
    browser.click("a[href='/console/projections/weather']").await;
    browser.click("form[action$='/retire'] summary").await;
    picture(&browser, "retire", 1200, false).await;
    browser.click("#retire").await;
    browser.sees("#outcome", "gone with its consumer group and its tables feed.weather").await;
    open(&browser, system, "/projections").await;
    let left = browser.sees("#projections", "feed").await;
    assert!(!left.contains("weather"), "{left}");
    assert_eq!(browser.complaints(), Vec::<String>::new());

    open(&browser, system, "/dead-letters?projection=feed").await;
    browser.evaluate("location.href = '/console/projections/weather'").await.expect("it goes there");
    browser.sees("h1", "That did not work").await;
    for (name, width, dark) in [("failure", 1200, false), ("failure-narrow", 400, true)] {
        picture(&browser, name, width, dark).await;
    }
    browser.click("#back").await;
    browser.sees("h1", "Dead letters").await;
    let at = browser.evaluate("location.pathname + location.search").await;
    assert_eq!(at, Ok(json!("/console/dead-letters?projection=feed")));
}

pub(crate) async fn an_operator_finds_a_parked_key_and_heals_it_by_clicking(system: &System) {
    plant(system).await;
    let browser = signed_in(system).await;
    browser.click("a[href='/console/dead-letters']").await;
    let row = browser.sees("tbody", KEY).await;
    assert!(row.contains("reputation-events/0@900000000000000"), "{row}");
    picture(&browser, "dead-letters", 1280, false).await;
    browser.click("form[action$='/show'] button").await;
    let shown = browser.sees("#order pre", "\"bytes\"").await;
    assert!(shown.contains("not in wire format"), "{shown}");

    open(&browser, system, "/dead-letters").await;
    browser.click("form[action$='/redrive'] button").await;
    browser.sees("#outcome", "still cannot be").await;

    open(&browser, system, "/dead-letters").await;
    browser.click("td details summary").await;
    // Without a reason the browser does not even send it.
    browser.click("form[action$='/discard'] button").await;
    browser.sees("h1", "Dead letters").await;
    browser.types("input[name='reason']", "planted by a test, <i>see ticket 7</i>").await;
    browser.click("form[action$='/discard'] button").await;
    browser.sees("#outcome", "1 record(s) discarded").await;
    open(&browser, system, "/dead-letters").await;
    let gone = browser.sees("main", "Nothing is parked").await;
    assert!(gone.contains("planted by a test, <i>see ticket 7</i>"), "{gone}");
    let listed = karmyq(&system.environment, &["dead-letters", "list"]);
    assert!(said(&listed).contains("nothing is parked"), "{}", said(&listed));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

pub(crate) async fn an_operator_sees_the_flow_of_a_call_and_who_owns_what(system: &System) {
    let (mut founder, joiner) = (system.api.register("Ida").await, system.api.register("Jon").await);
    let community = system.api.found(&mut founder).await;
    let id = format!("flow-{}", Uuid::now_v7());
    let path = format!("/communities/{}/join", community.id);
    system.api.post(&path, &json!({})).by(&joiner).header("x-correlation-id", &id).expect(200).await;

    let browser = signed_in(system).await;
    browser.click("a[href='/console/flow']").await;
    browser.types("input[name='id']", &id).await;
    // The way of the keyboard.
    browser.press("Enter", 13).await;
    let told =
        tests::eventually::eventually("the flow is whole", std::time::Duration::from_secs(30), || async {
            browser.open(&format!("http://{}/console/flow?id={id}", system.addresses.query_api)).await;
            let list = browser.evaluate("document.querySelector('#flow')?.innerText").await.ok()?;
            let list = list.as_str()?.to_owned();
            (list.contains("NotificationRaised") && list.contains("notifications: passed")).then_some(list)
        })
        .await;
    for part in [
        "HTTP call",
        "UserJoinedCommunity",
        "RaiseNotification",
        "community: passed",
        "feed: passed",
        "policy:",
        &joiner.id,
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    let boxes =
        browser.evaluate("document.querySelectorAll('svg.flow rect').length").await.expect("a number");
    let lines =
        browser.evaluate("document.querySelectorAll('#flow tbody tr').length").await.expect("a number");
    assert_eq!(boxes, lines);
    for (name, width, dark) in [("flow", 1280, false), ("flow-dark", 1280, true), ("flow-narrow", 400, false)]
    {
        picture(&browser, name, width, dark).await;
    }
    browser.looks(1280, false).await;
    browser.click("a[href='/console/owners']").await;
    let owners = browser.sees("tbody", "community/0").await;
    let partitions = event_schemas::topics::partitions(event_schemas::Domain::Community, Profile::Small);
    assert!(
        owners.contains(&format!("community/{}", partitions - 1)) && owners.contains("owned"),
        "{owners}"
    );
    picture(&browser, "owners", 1280, false).await;
    assert_eq!(browser.complaints(), Vec::<String>::new());

    browser.click("header button").await;
    browser.sees("h1", "karmyq console").await;
    browser.open(&format!("http://{}/console/owners", system.addresses.query_api)).await;
    browser.sees("label", "access token").await;
}

/// Waits until the page has renewed itself.
async fn renewed(browser: &Browser) {
    let said = "document.querySelector('#now .note').textContent";
    let before = browser.evaluate(said).await;
    tests::eventually::eventually("the page renews itself", std::time::Duration::from_secs(30), || async {
        (browser.evaluate(said).await != before).then_some(())
    })
    .await;
}

async fn open(browser: &Browser, system: &System, page: &str) {
    browser.open(&format!("http://{}/console{page}", system.addresses.query_api)).await;
}

/// A browser whose operator has just come in, by the form.
async fn signed_in(system: &System) -> Browser {
    let browser = Browser::start().await;
    open(&browser, system, "").await;
    browser.types("#token", &operator_token(system)).await;
    browser.press("Tab", 9).await;
    browser.press("Enter", 13).await;
    browser.sees("h1", "Projections").await;
    browser
}

/// The token of an operator, signed as command-api signs those of the accounts that `OPERATORS` names.
fn operator_token(system: &System) -> String {
    let keys = PublicKeys::from_directory(PathBuf::from(system.environment.get("JWT_PUBLIC_KEYS_DIR")))
        .expect("keys");
    let key =
        std::fs::read_to_string(system.environment.get("JWT_SIGNING_KEY_FILE")).expect("the key is there");
    let signer =
        Signer::new(&key.parse().expect("any text is a secret"), &Verifier::new(keys)).expect("they fit");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let (now, id) = (i64::try_from(now).expect("it fits"), Uuid::now_v7());
    let claims = Claims {
        user_id: id,
        email: "operator@example.org".to_owned(),
        community_memberships: Vec::new(),
        iat: now,
        exp: now + 900,
        jti: Uuid::now_v7(),
        sub: id,
        sid: Uuid::now_v7(),
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        email_verified: true,
        platform_role: Some(PlatformRole::Operator),
    };
    signer.sign(&claims).expect("the key signs")
}

/// Parks a record that nobody can ever fold, behind all that the log has.
async fn plant(system: &System) {
    sqlx::query(
        "INSERT INTO projection.parked (projection, version, topic, partition, record_offset, record_key, record_value,
             header_names, header_values, recorded_at, kind, reason)
         SELECT 'reputation', version, 'reputation-events', 0, 900000000000000, convert_to($1, 'UTF8'),
             convert_to('not in wire format', 'UTF8'), '{}', '{}', now(), 'unreadable', 'planted <script>alert(1)</script>'
         FROM projection.active WHERE projection = 'reputation'",
    )
    .bind(KEY)
    .execute(&system.postgres)
    .await
    .expect("the superuser may do it");
}

/// A picture for people to look at, in the scratch folder.
async fn picture(browser: &Browser, name: &str, width: u32, dark: bool) {
    browser.looks(width, dark).await;
    let fits = browser.evaluate("document.documentElement.scrollWidth <= window.innerWidth").await;
    assert_eq!(fits, Ok(json!(true)), "{name} is wider than {width} pixels");
    browser.picture(&scratch().join(format!("console-{name}.png"))).await;
}
