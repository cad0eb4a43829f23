//! The write side of karmyq: commands in, events out.

pub mod writer;
