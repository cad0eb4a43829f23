//! What an inbox answers, in sentences.
