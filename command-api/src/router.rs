//! Every write route, a line each.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, patch, post, put};
use service_kit::middleware::rate_limit::{Class, RateLimits, check};
use service_kit::routes::ApiRoutes;

use crate::app::App;
use crate::edge::forward::{Forwarder, carry};
use crate::routes::communities::{joining, members, terms};
use crate::routes::{auth, communities, feedback, matches, notifications, requests, users};

/// The routes below `/api/v1`, with what is common to commands: the Idempotency-Key, and forwarding to the owner.
pub(crate) fn routes(app: App, forwarder: Forwarder, limits: &RateLimits) -> Router {
    let limited = |class| from_fn_with_state((limits.clone(), class), check);
    let commands = Router::new()
        // Accounts and sessions
        .api("/auth/register", post(auth::register_user.layer(limited(Class::Account))))
        .api("/auth/login", post(auth::log_in.layer(limited(Class::Login))))
        .api("/auth/refresh", post(auth::refresh.layer(limited(Class::Refresh))))
        .api("/auth/logout", post(auth::log_out))
        .api("/auth/logout-all", post(auth::log_out_everywhere))
        .api("/auth/sessions/{sessionId}", delete(auth::revoke_session))
        .api("/auth/stream-ticket", post(auth::draw_stream_ticket))
        // One's own account
        .api("/users/{id}", put(users::update_profile).patch(users::update_profile))
        .api("/users/{id}/skills", post(users::add_skill))
        .api("/users/{id}/skills/{skillId}", delete(users::remove_skill))
        .api("/users/me/settings", patch(users::change_settings))
        // Communities
        .api("/communities", post(communities::create_community))
        .api("/communities/{id}", put(communities::update_community).delete(communities::archive_community))
        .api("/communities/{id}/tags", put(communities::set_tags))
        .api("/communities/{id}/location", put(communities::set_location))
        .api("/communities/{id}/join", post(joining::join_community).delete(joining::withdraw_join))
        .api("/communities/{id}/join-requests/{userId}/approve", post(joining::approve_join))
        .api("/communities/{id}/join-requests/{userId}/reject", post(joining::reject_join))
        .api("/communities/{id}/members", post(members::add_member))
        .api("/communities/{id}/members/{userId}", put(members::change_member).delete(members::remove_member))
        .api("/communities/{id}/settings", patch(terms::change_settings))
        .api("/communities/{id}/config", put(terms::change_config))
        // Help requests
        .api("/requests", post(requests::create_request))
        .api("/requests/{id}", put(requests::update_request).delete(requests::cancel_request))
        .api("/requests/{id}/privacy", put(requests::set_request_privacy))
        // Matches and feedback
        .api("/matches", post(matches::propose_match))
        .api("/matches/{id}", delete(matches::cancel_match))
        .api("/matches/{id}/accept", put(matches::accept_match))
        .api("/matches/{id}/reject", put(matches::reject_match))
        .api("/matches/{id}/complete", put(matches::complete_match))
        .api("/matches/{id}/feedback", post(feedback::give_feedback))
        .api("/reputation/feedback", post(feedback::give_named_feedback))
        // One's own inbox
        .api("/notifications/{id}", delete(notifications::delete_notification))
        .api("/notifications/{id}/read", put(notifications::mark_read))
        .api("/notifications/{userId}/read-all", put(notifications::mark_all_read))
        .api("/notifications/{userId}/preferences", put(notifications::set_global_preferences))
        .api("/notifications/{userId}/preferences/{type}", put(notifications::set_preference));
    commands.with_state(app).layer(from_fn_with_state(Arc::new(forwarder), carry))
}
