//! Every kind of fault, a line each: how often it is drawn among all, and what it does.
//!
//! A kind is a function that takes hold of its victims, or returns none while another fault has them; what it returns
//! strikes, waits, and puts everything back. Another kind is another function and another line here.

mod brokers;
mod clocks;
mod disks;
mod links;
mod operators;
mod processes;

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::chance::Chance;
use crate::world::World;

/// A fault that has its victims.
pub(crate) type Blow = BoxFuture<'static, ()>;

/// A kind of fault.
pub(crate) struct Kind {
    /// Its name in reports.
    pub(crate) name: &'static str,
    /// How often it is drawn.
    pub(crate) weight: u64,
    /// Takes hold of victims.
    pub(crate) strike: fn(&'static str, &Arc<World>, Chance) -> Option<Blow>,
}

/// Names kinds after their functions.
macro_rules! kinds {
    ($($weight:literal $module:ident::$name:ident,)*) => {
        &[$(Kind { name: stringify!($name), weight: $weight, strike: $module::$name }),*]
    };
}

/// All kinds.
pub(crate) const KINDS: &[Kind] = kinds![
    9 processes::kill_a_service,
    3 processes::kill_all_writers,
    8 processes::pause_a_service_past_its_session,
    4 processes::pause_a_service_briefly,
    5 processes::restart_a_service,
    3 processes::drain_a_writer,
    2 processes::restart_postgres,
    2 processes::kill_postgres,
    1 processes::pause_postgres,
    2 processes::kill_the_registry,
    5 brokers::kill_a_broker,
    3 brokers::restart_a_broker,
    4 brokers::pause_a_broker,
    2 brokers::lose_the_quorum,
    3 brokers::cut_a_broker_off,
    2 brokers::move_leaders_back,
    8 links::cut_silently,
    6 links::cut_with_a_reset,
    6 links::cut_one_way,
    6 links::slow_down,
    4 links::cut_a_service_off,
    3 links::reset_again_and_again,
    4 disks::fill_the_disk_of_a_broker,
    2 disks::fill_the_disk_of_postgres,
    6 clocks::jump_a_clock,
    3 clocks::jump_all_writers_clocks,
    6 operators::rebuild_a_model,
    3 operators::roll_a_model_back,
];
