//! Prompting the client through rebalances, which it takes in its own time (librdkafka 2.12).
//!
//! It looks whether a heartbeat is due whenever its main thread has something to do, else every half second, however short
//! the interval is that it was given (`rd_kafka_thread_main`). Asked for its generation it has something to do.
//!
//! It joins once a second at most, unless metadata have come since (`rd_kafka_cgrp_join_state_serve`,
//! `rd_kafka_parse_Metadata`). When partitions move to a newcomer, a cooperative group joins twice in a row, and nobody has
//! those partitions in between. So metadata are asked for, as long as a second join may follow a first.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};

use super::native::Generation;

/// How long the client waits from one join to the next.
const JOINS: Duration = Duration::from_secs(1);
/// How often it is prompted for that long.
const BETWEEN_JOINS: Duration = Duration::from_millis(50);
/// How long metadata may take; the thread that asks has other things to do.
const METADATA: Duration = Duration::from_millis(200);

/// When a member was prompted last, and what it was in then.
#[derive(Debug)]
pub(super) struct Prompter {
    heartbeat: Duration,
    /// Whose metadata are asked for; without a topic there is nothing that could move.
    topic: Option<String>,
    prompted: Instant,
    generation: Option<i32>,
    /// When it was first seen in this generation.
    since: Instant,
}

impl Prompter {
    pub(super) fn new(heartbeat: Duration, topic: Option<String>) -> Self {
        let now = Instant::now();
        Self { heartbeat, topic, prompted: now, generation: None, since: now }
    }

    /// Prompts the client if it is time; to be called again and again.
    pub(super) fn turn<C: ConsumerContext>(&mut self, consumer: &BaseConsumer<C>) {
        let joins = self.since.elapsed() < JOINS;
        if self.prompted.elapsed() < if joins { BETWEEN_JOINS } else { self.heartbeat } {
            return;
        }
        let generation = Generation::of(consumer).map(|it| it.number());
        if generation != self.generation {
            (self.generation, self.since) = (generation, Instant::now());
        }
        if let (true, Some(topic)) = (joins, &self.topic)
            && let Err(error) = consumer.fetch_metadata(Some(topic), METADATA)
        {
            tracing::debug!(%error, "the client waits with its next join as long as it likes");
        }
        self.prompted = Instant::now();
    }
}
