//! What a community answers, in sentences.
