//! Every write route, a line each.

use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, patch, post, put};
use service_kit::middleware::rate_limit::{Class, RateLimits, check};

use crate::app::App;
use crate::edge::forward::{Forwarder, carry};
use crate::routes::communities::{joining, members, terms};
use crate::routes::{auth, communities, feedback, matches, notifications, requests, users};

/// The routes below `/api/v1`, with what is common to commands: the Idempotency-Key, and forwarding to the owner.
pub(crate) fn routes(app: App, forwarder: Forwarder, limits: &RateLimits) -> Router {
    let limited = |class| from_fn_with_state((limits.clone(), class), check);
    let commands = Router::new()
        // Accounts and sessions
        .route("/auth/register", post(auth::register_user.layer(limited(Class::Account))))
        .route("/auth/login", post(auth::log_in.layer(limited(Class::Login))))
        .route("/auth/refresh", post(auth::refresh.layer(limited(Class::Refresh))))
        .route("/auth/logout", post(auth::log_out))
        .route("/auth/logout-all", post(auth::log_out_everywhere))
        .route("/auth/sessions/{sessionId}", delete(auth::revoke_session))
        .route("/auth/stream-ticket", post(auth::draw_stream_ticket))
        // One's own account
        .route("/users/{id}", put(users::update_profile).patch(users::update_profile))
        .route("/users/{id}/skills", post(users::add_skill))
        .route("/users/{id}/skills/{skillId}", delete(users::remove_skill))
        .route("/users/me/settings", patch(users::change_settings))
        // Communities
        .route("/communities", post(communities::create_community))
        .route("/communities/{id}", put(communities::update_community).delete(communities::archive_community))
        .route("/communities/{id}/tags", put(communities::set_tags))
        .route("/communities/{id}/location", put(communities::set_location))
        .route("/communities/{id}/join", post(joining::join_community).delete(joining::withdraw_join))
        .route("/communities/{id}/join-requests/{userId}/approve", post(joining::approve_join))
        .route("/communities/{id}/join-requests/{userId}/reject", post(joining::reject_join))
        .route("/communities/{id}/members", post(members::add_member))
        .route(
            "/communities/{id}/members/{userId}",
            put(members::change_member).delete(members::remove_member),
        )
        .route("/communities/{id}/settings", patch(terms::change_settings))
        .route("/communities/{id}/config", put(terms::change_config))
        // Help requests
        .route("/requests", post(requests::create_request))
        .route("/requests/{id}", put(requests::update_request).delete(requests::cancel_request))
        .route("/requests/{id}/privacy", put(requests::set_request_privacy))
        // Matches and feedback
        .route("/matches", post(matches::propose_match))
        .route("/matches/{id}", delete(matches::cancel_match))
        .route("/matches/{id}/accept", put(matches::accept_match))
        .route("/matches/{id}/reject", put(matches::reject_match))
        .route("/matches/{id}/complete", put(matches::complete_match))
        .route("/matches/{id}/feedback", post(feedback::give_feedback))
        .route("/reputation/feedback", post(feedback::give_named_feedback))
        // One's own inbox
        .route("/notifications/{id}", delete(notifications::delete_notification))
        .route("/notifications/{id}/read", put(notifications::mark_read))
        .route("/notifications/{userId}/read-all", put(notifications::mark_all_read))
        .route("/notifications/{userId}/preferences", put(notifications::set_global_preferences))
        .route("/notifications/{userId}/preferences/{type}", put(notifications::set_preference));
    // Around the whole, so that a forwarded call has its full path.
    Router::new().nest("/api/v1", commands.with_state(app)).layer(from_fn_with_state(forwarder, carry))
}
