//! What a user's account answers, in sentences.
