//! Sentences about it.
