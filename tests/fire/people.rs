//! The load: neighbours who want something all the time, ask until they are told, and know what they were told.

mod asking;
mod board;
mod client;
mod reading;
mod wish;

use board::Board;
pub(crate) use client::Crowd;
