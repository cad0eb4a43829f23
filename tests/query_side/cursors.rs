//! Cursors of all lists: whoever turns pages sees what was there exactly once, whatever comes in meanwhile.

use std::collections::HashSet;

use uuid::Uuid;

use crate::fixture::World;
use crate::rows::Request;

/// Of each kind, before anybody reads.
const ITEMS: i64 = 5;

#[tokio::test]
async fn rows_that_come_in_shift_no_page_of_any_list() {
    let town = Town::settled().await;
    let mut lists = 0;
    for path in town.lists() {
        lists += 1;
        let before = town.walk(&path, async |_| {}).await;
        assert!(before.len() > 3, "{path} has some pages: {before:?}");
        let meanwhile = town.walk(&path, async |page| town.grow(page).await).await;
        let seen: HashSet<_> = meanwhile.iter().collect();
        assert_eq!(seen.len(), meanwhile.len(), "{path}: nothing twice");
        let missed: Vec<_> = before.iter().filter(|it| !seen.contains(it)).collect();
        assert!(missed.is_empty(), "{path}: {missed:?} were never shown");
        let old = before.iter().collect::<HashSet<_>>();
        let kept: Vec<_> = meanwhile.iter().filter(|it| old.contains(it)).collect();
        assert_eq!(kept, before.iter().collect::<Vec<_>>(), "{path}: in the same order");
    }
    assert!(lists > 10, "the lists of the description are found");
    town.world.drop().await;
}

/// Ana, admin of a community, reads.
struct Town {
    world: World,
    ana: Uuid,
    ben: Uuid,
    elm: Uuid,
    oak: Uuid,
}

impl Town {
    async fn settled() -> Self {
        let world = World::new().await;
        let [ana, ben] = [world.person("Ana").await, world.person("Ben").await];
        let elm = world.community("Elm Street", ana).await;
        let oak = world.community("Oak Street", ana).await;
        for place in [elm, oak] {
            world.member(place, ben, "member").await;
        }
        let town = Self { world, ana, ben, elm, oak };
        for number in 0..ITEMS {
            town.add(number, 10 * (ITEMS - number), 10 * number).await;
        }
        town
    }

    /// Calls of every list, in each order.
    fn lists(&self) -> Vec<String> {
        let document = query_api::openapi_document();
        let mut lists = Vec::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            let parameters = item["get"]["parameters"].as_array().map_or(&[][..], Vec::as_slice);
            if !parameters.iter().any(|it| it["name"] == "cursor") {
                continue;
            }
            let filled = path
                .replace("{communityId}", &self.elm.to_string())
                .replace("{userId}", &self.ana.to_string())
                .replace("{id}", &self.ana.to_string());
            let orders = parameters.iter().find(|it| it["name"] == "sort");
            let orders = orders.and_then(|it| it["schema"]["enum"].as_array()).into_iter().flatten();
            lists.push(format!("{filled}?"));
            for order in orders {
                let sorted = format!("{filled}?sort={}&", order.as_str().expect("a name"));
                lists.extend([sorted.clone(), format!("{sorted}mode=geography&lat=52.5&lng=13.4&")]);
            }
        }
        lists
    }

    /// The ids of a list, page by page; between two pages something happens.
    async fn walk(&self, path: &str, between: impl AsyncFn(i64)) -> Vec<String> {
        let (mut ids, mut cursor) = (Vec::new(), String::new());
        for page in 1..100 {
            let answer = self.world.get(&format!("{path}limit=2{cursor}"), self.ana).await;
            let id = |it: &serde_json::Value| {
                let found = ["skillId", "id", "userId"].iter().find_map(|name| it[name].as_str());
                found.expect("an item has an id").to_owned()
            };
            ids.extend(answer.data().as_array().expect("a list").iter().map(id));
            let Some(next) = answer.body["pagination"]["next_cursor"].as_str() else { return ids };
            cursor = format!("&cursor={next}");
            // What comes for ever would make a list without end.
            if page <= ITEMS {
                between(page).await;
            }
        }
        panic!("{path} never ends");
    }

    /// One of everything at the beginning of each list, one in the middle.
    async fn grow(&self, page: i64) {
        self.add(1_000 + page, 0, 1_000 + page).await;
        self.add(2_000 + page, 25, 25).await;
    }

    /// One of everything, this old; somebody with so much karma among it.
    async fn add(&self, number: i64, minutes: i64, karma: i64) {
        let Self { world, ana, ben, elm, oak } = self;
        let age = format!("now() - interval '{minutes} minutes {number} seconds'");
        let somebody = world.person(&format!("Somebody {number}")).await;
        world.member(*elm, somebody, "member").await;
        world.exchange(*elm, somebody, *ben, i32::try_from(karma).expect("little"), None).await;
        world.exchange(*oak, *ana, *ben, 1, None).await;
        let place = world.community(&format!("Street {number}"), *ben).await;
        world
            .alter_community(
                place,
                &format!("last_activity_at = {age}, created_at = {age}, lat = {minutes}, lng = 13"),
            )
            .await;
        let asked = world.request(*ben, *elm, Request::default()).await;
        let offered = world.request(*ben, *elm, Request::default()).await;
        let proposal = world.proposal(offered, *ben, *ana, "proposed").await;
        let notice = world.notice(*ana, *ben, offered, number).await;
        world
            .project(format!(
                "UPDATE requests.help_requests SET created_at = {age} WHERE id IN ('{asked}', '{offered}');
                 UPDATE requests.matches SET created_at = {age} WHERE id = '{proposal}';
                 UPDATE notifications.notifications SET created_at = {age} WHERE id = '{notice}';
                 UPDATE community.memberships SET joined_at = {age} WHERE user_id = '{somebody}';
                 INSERT INTO auth.user_skills VALUES ('{}', '{ana}', 'Driving', 'driving', {age});
                 INSERT INTO community.join_requests (community_id, user_id, status, created_at, version)
                 VALUES ('{elm}', '{}', 'pending', {age}, 1)",
                Uuid::now_v7(),
                Uuid::now_v7(),
            ))
            .await;
    }
}
