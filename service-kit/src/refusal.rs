//! Refusing to start (invariant W4): a log that is not what it must be would lose or mix up what is written to it.

/// Exit code of a service that refuses to start: `EX_CONFIG` of sysexits.
pub const EXIT_CODE: u8 = 78;

/// Why a service does not start: sentences, each with the fix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log is not what it must be:\n  {}", .0.join("\n  "))]
pub struct Refusal(Vec<String>);

impl Refusal {
    /// Refuses for these reasons.
    #[must_use]
    pub const fn because(reasons: Vec<String>) -> Self {
        Self(reasons)
    }

    /// Refuses when there is a reason to.
    ///
    /// # Errors
    /// With the reasons.
    pub fn unless_none(reasons: Vec<String>) -> Result<(), Self> {
        if reasons.is_empty() { Ok(()) } else { Err(Self(reasons)) }
    }
}
