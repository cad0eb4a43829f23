//! Karma, decay and trust: pure functions of stored facts and `now`. Nothing of it is stored, nothing here reads a clock
//! or a database.

pub(crate) mod decay;
pub(crate) mod health;
pub(crate) mod trust;
