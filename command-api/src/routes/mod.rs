//! The write endpoints, a file per thing. A handler parses, executes and answers; beside it stand the body that it reads
//! and the data that it answers with.

pub(crate) mod auth;
pub(crate) mod communities;
pub(crate) mod feedback;
pub(crate) mod matches;
pub(crate) mod notifications;
pub(crate) mod requests;
pub(crate) mod users;
