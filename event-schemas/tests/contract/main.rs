//! The contract holds: schemas, samples and structs agree, nothing published ever changes, nothing personal is clear.
//!
//! `cargo xtask bless` runs these tests with `BLESS=1`, which writes the samples and digests that are missing. It never
//! changes one that exists.

mod envelope;
mod evolution;
mod files;
mod making;
mod privacy;
mod reading;
mod robustness;
mod samples;
mod schema;
mod shapes;
