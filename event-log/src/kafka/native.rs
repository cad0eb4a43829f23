//! The calls of librdkafka that rdkafka does not offer in the form an exact writer needs.
//!
//! rdkafka flushes in polls of 100 ms, also inside its commit; librdkafka itself wakes up with the last delivery. And
//! rdkafka keeps the generation inside its group metadata to itself, while a generation of -1, which a member has
//! between two memberships, is checked by no coordinator and must never be presented.
#![expect(unsafe_code, reason = "five calls of the C library, each with its reason beside it; nowhere else")]

use std::ffi::CStr;
use std::ptr::NonNull;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::bindings::{
    rd_kafka_commit_transaction, rd_kafka_consumer_group_metadata, rd_kafka_consumer_group_metadata_destroy,
    rd_kafka_consumer_group_metadata_generation_id, rd_kafka_consumer_group_metadata_member_id,
    rd_kafka_error_code, rd_kafka_error_destroy, rd_kafka_error_is_fatal, rd_kafka_error_string,
    rd_kafka_error_t, rd_kafka_flush, rd_kafka_send_offsets_to_transaction,
};
use rdkafka::consumer::{Consumer, ConsumerContext};
use rdkafka::producer::{Producer, ProducerContext};
use rdkafka::types::{RDKafkaConsumerGroupMetadata, RDKafkaErrorCode, RDKafkaRespErr};

/// What librdkafka says of a transactional call that failed.
#[derive(Debug)]
pub(super) struct Failure {
    /// The reason.
    pub(super) code: RDKafkaErrorCode,
    /// The producer cannot be used any more.
    pub(super) fatal: bool,
    /// The reason in words.
    pub(super) text: String,
}

/// Sends what is queued without waiting for the linger time, and waits until all of it is delivered or has failed.
/// Answers false when that took longer than `patience`. Delivery reports must be served by another thread.
pub(super) fn flush<C: ProducerContext>(producer: &impl Producer<C>, patience: Duration) -> bool {
    let native = producer.client().native_ptr();
    // SAFETY: the pointer lives as long as the borrowed producer, and the call is thread-safe.
    let result = unsafe { rd_kafka_flush(native, millis(patience)) };
    result == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR
}

/// Adds consumed offsets to the open transaction, under the generation that the group's coordinator checks.
pub(super) fn send_offsets<C: ProducerContext>(
    producer: &impl Producer<C>,
    offsets: &TopicPartitionList,
    generation: &Generation,
    patience: Duration,
) -> Result<(), Failure> {
    let native = producer.client().native_ptr();
    // SAFETY: all three pointers live as long as their borrows, and the call takes none of them over.
    failure(unsafe {
        rd_kafka_send_offsets_to_transaction(
            native,
            offsets.ptr(),
            generation.0.as_ptr().cast_const(),
            millis(patience),
        )
    })
}

/// Commits the open transaction; everything in it must have been delivered.
pub(super) fn commit<C: ProducerContext>(
    producer: &impl Producer<C>,
    patience: Duration,
) -> Result<(), Failure> {
    let native = producer.client().native_ptr();
    // SAFETY: the pointer lives as long as the borrowed producer, and the call is thread-safe.
    failure(unsafe { rd_kafka_commit_transaction(native, millis(patience)) })
}

/// A consumer's membership at one moment: what a coordinator compares with the group's present generation.
#[derive(Debug)]
pub(super) struct Generation(NonNull<RDKafkaConsumerGroupMetadata>);

impl Generation {
    /// The present membership of this consumer; none when it is closing.
    pub(super) fn of<C: ConsumerContext>(consumer: &impl Consumer<C>) -> Option<Self> {
        let native = consumer.client().native_ptr();
        // SAFETY: the pointer lives as long as the borrowed consumer; the answer is ours to destroy.
        NonNull::new(unsafe { rd_kafka_consumer_group_metadata(native) }).map(Self)
    }

    /// Number of the generation; negative between two memberships.
    pub(super) fn number(&self) -> i32 {
        // SAFETY: the pointer is valid until drop.
        unsafe { rd_kafka_consumer_group_metadata_generation_id(self.0.as_ptr()) }
    }

    /// The id that the coordinator gave this member; empty between two memberships.
    pub(super) fn member(&self) -> String {
        // SAFETY: the pointer is valid until drop, and so is the string in it, which is never null.
        let member = unsafe { CStr::from_ptr(rd_kafka_consumer_group_metadata_member_id(self.0.as_ptr())) };
        member.to_string_lossy().into_owned()
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        // SAFETY: created by `of`, destroyed only here.
        unsafe { rd_kafka_consumer_group_metadata_destroy(self.0.as_ptr()) }
    }
}

/// Takes over an error that librdkafka returned; null is success.
fn failure(error: *mut rd_kafka_error_t) -> Result<(), Failure> {
    let Some(error) = NonNull::new(error) else { return Ok(()) };
    // SAFETY: a non-null error is valid until it is destroyed, which happens last and only here.
    let failure = unsafe {
        let failure = Failure {
            code: rd_kafka_error_code(error.as_ptr()).into(),
            fatal: rd_kafka_error_is_fatal(error.as_ptr()) != 0,
            text: CStr::from_ptr(rd_kafka_error_string(error.as_ptr())).to_string_lossy().into_owned(),
        };
        rd_kafka_error_destroy(error.as_ptr());
        failure
    };
    Err(failure)
}

/// Whole milliseconds as the C library counts them.
fn millis(span: Duration) -> i32 {
    i32::try_from(span.as_millis()).unwrap_or(i32::MAX)
}
