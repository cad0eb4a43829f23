//! Routes below the base path.

use axum::Router;
use axum::routing::MethodRouter;

/// What the paths of every API begin with.
pub const BASE_PATH: &str = "/api/v1";

/// Names routes without the base path.
pub trait ApiRoutes<S> {
    /// Adds a route below [`BASE_PATH`]. `Router::nest` would rewrite the address of every request.
    #[must_use]
    fn api(self, path: &str, methods: MethodRouter<S>) -> Self;
}

impl<S: Clone + Send + Sync + 'static> ApiRoutes<S> for Router<S> {
    fn api(self, path: &str, methods: MethodRouter<S>) -> Self {
        self.route(&format!("{BASE_PATH}{path}"), methods)
    }
}
