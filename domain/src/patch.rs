//! What a call says about an optional field: nothing, that it becomes null, or its new value.

/// A change of one optional field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Absent from the call: stays as it is.
    #[default]
    Keep,
    /// Explicit null: becomes empty.
    Clear,
    /// The new value.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether the call names the field.
    #[must_use]
    pub const fn is_named(&self) -> bool {
        !matches!(self, Self::Keep)
    }

    /// The new value, when there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// The same change of a field of another type.
    pub fn map<U>(self, into: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(into(value)),
        }
    }

    /// The field after the change.
    pub fn applied_to(&self, before: &Option<T>) -> Option<T>
    where
        T: Clone,
    {
        match self {
            Self::Keep => before.clone(),
            Self::Clear => None,
            Self::Set(value) => Some(value.clone()),
        }
    }
}
