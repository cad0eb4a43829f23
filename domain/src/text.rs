//! Text as people write it: Unicode NFC, trimmed, of a known length. Parsed once at the edge and trusted afterwards.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// A text of `MIN` to `MAX` Unicode scalar values, in NFC, without white space at its ends and without control
/// characters other than newline and tab.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text<const MIN: usize, const MAX: usize>(String);

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    /// Normalizes and checks what a client sent.
    ///
    /// # Errors
    /// The [`Fault`] that it has.
    pub fn parse(raw: &str) -> Result<Self, Fault> {
        let text: String = raw.trim().nfc().collect();
        if text.chars().any(|it| it.is_control() && it != '\n' && it != '\t') {
            return Err(Fault::ControlCharacter);
        }
        match text.chars().count() {
            0 if MIN > 0 => Err(Fault::Required),
            length if length < MIN => Err(Fault::TooShort { min: MIN }),
            length if length > MAX => Err(Fault::TooLong { max: MAX }),
            _ => Ok(Self(text)),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MIN: usize, const MAX: usize> From<Text<MIN, MAX>> for String {
    fn from(text: Text<MIN, MAX>) -> Self {
        text.0
    }
}

// Texts are personal more often than not, so that none reaches a log line by way of `{:?}`.
impl<const MIN: usize, const MAX: usize> fmt::Debug for Text<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text(…{})", self.0.chars().count())
    }
}

/// What two spellings have in common: NFC, Unicode case folding, one space for every run of white space.
#[must_use]
pub fn fold(text: &str) -> String {
    let composed: String = text.nfc().collect();
    let folded = caseless::default_case_fold_str(&composed);
    folded.split_whitespace().collect::<Vec<_>>().join(" ").nfc().collect()
}

/// What is wrong with one value of a call.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    /// It is absent or empty.
    #[error("is required")]
    Required,
    /// It has fewer characters than it must.
    #[error("must have at least {min} characters")]
    TooShort {
        /// Fewest characters.
        min: usize,
    },
    /// It has more characters than it may.
    #[error("must have at most {max} characters")]
    TooLong {
        /// Most characters.
        max: usize,
    },
    /// It has a control character other than newline and tab.
    #[error("must not contain control characters")]
    ControlCharacter,
    /// It has not the form of such a value.
    #[error("must be {0}")]
    Malformed(&'static str),
    /// A number outside its range.
    #[error("must be from {min} to {max}")]
    OutOfRange {
        /// Least value.
        min: f64,
        /// Greatest value.
        max: f64,
    },
    /// A list with fewer entries than it must have.
    #[error("must have at least {min} entries")]
    TooFew {
        /// Fewest entries.
        min: usize,
    },
    /// A list with more entries than it may have.
    #[error("must have at most {max} entries")]
    TooMany {
        /// Most entries.
        max: usize,
    },
    /// A value that is none of a closed set.
    #[error("must be one of {0}")]
    NotAllowed(&'static str),
    /// The value of another type.
    #[error("must be {0}")]
    WrongType(&'static str),
    /// A field that does not exist.
    #[error("is not a known field")]
    Unknown,
}

impl Fault {
    /// Stable code of a faulty field.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Required => "REQUIRED",
            Self::TooShort { .. } | Self::TooFew { .. } => "TOO_SHORT",
            Self::TooLong { .. } | Self::TooMany { .. } => "TOO_LONG",
            Self::ControlCharacter | Self::Malformed(_) | Self::NotAllowed(_) => "INVALID",
            Self::OutOfRange { .. } => "OUT_OF_RANGE",
            Self::WrongType(_) => "WRONG_TYPE",
            Self::Unknown => "UNKNOWN_FIELD",
        }
    }
}

/// A fault and the field that has it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field} {fault}")]
pub struct FieldFault {
    /// Path in the body, as in `payload.origin.lat` or `roles[0].roleName`.
    pub field: String,
    /// What is wrong.
    pub fault: Fault,
}

impl FieldFault {
    /// The fault of a field.
    #[must_use]
    pub fn new(field: impl Into<String>, fault: Fault) -> Self {
        Self { field: field.into(), fault }
    }

    /// The same fault of a field that lies below another; an empty path is that other itself.
    #[must_use]
    pub fn below(self, parent: &str) -> Self {
        let joint = if self.field.is_empty() { "" } else { "." };
        Self { field: format!("{parent}{joint}{}", self.field), ..self }
    }
}
