//! From HTTP to a command and back: what is the same for every route.
//!
//! `call` reads a request once, `admission` says whether its caller may call at all · `fields` and `values` read its body · `fingerprint` tells calls apart · `key` makes
//! sure that each has an Idempotency-Key · `forward` sends it to the instance that owns the partition · `done` and `shown`
//! render what came of it · `refused` says why nothing did.

mod admission;
pub(crate) mod call;
pub(crate) mod done;
pub(crate) mod fields;
pub(crate) mod fingerprint;
pub(crate) mod forward;
pub(crate) mod key;
pub(crate) mod refused;
pub(crate) mod shown;
pub(crate) mod values;

pub(crate) use call::{Asked, Call};
pub(crate) use refused::Refused;
