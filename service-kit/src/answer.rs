//! Answers in JSON as every route gives them: `{"success":true,"data":…}` or a [`Problem`].

mod body;
mod path;
mod problem;

use axum::http::header::{ETAG, LOCATION};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

pub use body::JsonBody;
pub use path::PathIds;
pub use problem::{FieldFault, Problem, method_not_allowed, unknown_route};

/// Header with the position of a command's last event.
pub const POSITION: HeaderName = HeaderName::from_static("x-position");

/// A success.
#[derive(Clone, Debug, Serialize)]
pub struct Answer<T> {
    success: bool,
    data: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pagination: Option<Pagination>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Value>,
    #[serde(skip)]
    status: StatusCode,
    #[serde(skip)]
    headers: Vec<(HeaderName, String)>,
}

impl<T: Serialize> Answer<T> {
    /// 200 with this data.
    #[must_use]
    pub const fn ok(data: T) -> Self {
        Self {
            success: true,
            data,
            message: None,
            pagination: None,
            meta: None,
            status: StatusCode::OK,
            headers: Vec::new(),
        }
    }

    /// 201 with this data; `location` is the path of what was created.
    #[must_use]
    pub fn created(data: T, location: impl Into<String>) -> Self {
        Self::ok(data).status(StatusCode::CREATED).header(LOCATION, location)
    }

    /// Another status.
    #[must_use]
    pub const fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// A sentence for people.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Where in a list this is.
    #[must_use]
    pub fn pagination(mut self, pagination: Pagination) -> Self {
        self.pagination = Some(pagination);
        self
    }

    /// Facts about the whole answer.
    #[must_use]
    pub fn meta(mut self, meta: Value) -> Self {
        self.meta = Some(meta);
        self
    }

    /// The version of the aggregate, as `ETag`.
    #[must_use]
    pub fn version(self, version: i64) -> Self {
        self.header(ETAG, format!("\"{version}\""))
    }

    /// The position of the command's last event, as `X-Position`.
    #[must_use]
    pub fn position(self, position: impl Into<String>) -> Self {
        self.header(POSITION, position)
    }

    /// Any other header. A value that HTTP does not allow is left out.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(mut self) -> Response {
        let headers = std::mem::take(&mut self.headers);
        let mut response = (self.status, axum::Json(self)).into_response();
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// Where in a list an answer is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pagination {
    /// From 1; null when a cursor was used.
    pub page: Option<u32>,
    /// Most items of an answer.
    pub limit: u32,
    /// Items of the whole list.
    pub total: u64,
    /// Pages of the whole list.
    pub pages: u64,
    /// Leads to the next items; null at the end.
    pub next_cursor: Option<String>,
}

#[cfg(test)]
mod tests;
