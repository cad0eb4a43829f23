//! The routes: one flat table. A line names the path below `/api/v1`, the handler, and the projections that serve it,
//! which `min_position` waits for; a stream waits for none, because it shows whatever comes when it comes.

use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get};
use service_kit::routes::ApiRoutes;
use service_kit::telemetry::metrics;

use crate::app::App;
use crate::bulkhead::Bulkhead;
use crate::config::Config;
use crate::console;
use crate::live;
use crate::openapi;
use crate::position::{Serving, await_position};
use crate::projections::Projection;
use crate::views::{
    accounts, communities, community, community_health, community_terms, feed, feed_preferences, history,
    join_requests, karma, leaderboard, matches, members, notice_preferences, notifications, projections,
    request, requests, sessions, summary, trust, user_settings, users,
};

/// Declares the table and, for the test that holds it against the OpenAPI document, the list of its paths.
macro_rules! routes {
    ($($path:literal => $handler:path, [$($projection:ident),*];)*) => {
        /// Paths of the GET routes below `/api/v1`.
        pub const ROUTES: &[&str] = &[$($path),*];

        fn api(app: &App) -> Router<App> {
            Router::new()$(.api($path, read(app, &[$(Projection::$projection),*], $handler)))*
        }
    };
}

routes! {
    // Accounts.
    "/auth/verify" => accounts::verify, [Community];
    "/auth/sessions" => sessions::list, [Community];
    "/users/me" => users::me, [UserDirectory, Community, Reputation];
    "/users/me/settings" => user_settings::show, [UserDirectory, Community];
    "/users/{user_id}" => users::show, [UserDirectory, Community, Reputation];
    "/users/{user_id}/skills" => users::skills, [UserDirectory, Community];
    "/users/{user_id}/badges" => karma::badges, [Reputation, Community];

    // Communities.
    "/communities" => communities::list, [Community, Feed];
    "/communities/tags" => communities::tags, [Community];
    "/communities/my/communities" => communities::mine, [Community];
    "/communities/{community_id}" => community::show, [Community, UserDirectory, Feed];
    "/communities/{community_id}/members" => members::list, [Community, UserDirectory, Feed];
    "/communities/{community_id}/join-requests" => join_requests::list, [Community, UserDirectory];
    "/communities/{community_id}/settings" => community_terms::settings, [Community];
    "/communities/{community_id}/settings/decay-preview" => community_terms::decay_preview, [Community];
    "/communities/{community_id}/config" => community_terms::config, [Community];

    // Requests and matches.
    "/requests" => requests::list, [Requests, Community, UserDirectory];
    "/requests/offered-awaiting" => matches::offered_awaiting, [Requests, Community, UserDirectory];
    "/requests/matched/for-user" => requests::matched_for_user, [Requests, Community, UserDirectory];
    "/requests/{request_id}" => request::show, [Requests, Community, UserDirectory, Reputation];
    "/matches" => matches::list, [Requests, Community, UserDirectory];
    "/matches/{match_id}" => matches::show, [Requests, Community, UserDirectory];
    "/matches/{match_id}/feedback" => matches::feedback, [Requests, Community];

    // Reputation.
    "/reputation/karma/{user_id}" => karma::show, [Reputation, Community, UserDirectory];
    "/reputation/me/karma" => karma::own, [Reputation, Community];
    "/reputation/me/community-summary" => summary::show, [Reputation, Community];
    "/reputation/trust/{user_id}" => trust::overall, [Reputation, Community, UserDirectory];
    "/reputation/trust/{user_id}/{community_id}" => trust::in_community, [Reputation, Community, UserDirectory];
    "/reputation/leaderboard/{community_id}" => leaderboard::show, [Reputation, Community, UserDirectory];
    "/reputation/history/{user_id}" => history::list, [Reputation, Community];
    "/reputation/badges/{user_id}" => karma::badges, [Reputation, Community];

    // Inbox.
    "/notifications/stream" => live::mine, [];
    "/notifications/stream/{user_id}" => live::of_user, [];
    "/notifications/{user_id}" => notifications::list, [Notifications, Community, Requests, UserDirectory];
    "/notifications/{user_id}/unread-count" => notifications::unread_count, [Notifications];
    "/notifications/{user_id}/preferences" => notice_preferences::show, [Notifications];

    // Feed.
    "/feed" => feed::show, [Feed, Requests, Community, UserDirectory, Reputation];
    "/feed/preferences" => feed_preferences::show, [UserDirectory];
    "/feed/community-health" => community_health::show, [Reputation, Community];

    // For operators.
    "/admin/projections" => projections::list, [];
}

/// The whole service.
pub(crate) fn router(app: &App, config: &Config) -> Router {
    let authenticator = app.authenticator.clone();
    let routes = api(app)
        .api("/openapi.json", get(openapi::json))
        .route("/.well-known/jwks.json", get(async move || axum::Json(authenticator.jwks())))
        .route("/docs", get(openapi::page))
        .merge(console::routes())
        .with_state(app.clone());
    app.stack(config).around(routes).merge(app.health.routes()).merge(metrics::routes())
}

/// A GET that waits until these projections have passed the positions that the client names; its readings have places
/// of their own.
fn read<H, T>(app: &App, projections: &'static [Projection], handler: H) -> MethodRouter<App>
where
    H: Handler<T, App>,
    T: 'static,
{
    let serving = Serving { positions: app.positions.clone(), projections, bulkhead: Bulkhead::new() };
    get(handler).route_layer(from_fn_with_state(serving, await_position))
}
