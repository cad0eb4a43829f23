//! Who holds a partition's last stable offset back: Kafka's `DescribeProducers`, which librdkafka does not speak.
//!
//! One request on a connection of its own to the partition's leader, in the plain text that all our connections are in.
//! Version 0 of the message is the only one so far; its form is in Kafka's `DescribeProducersRequest.json`.

use std::io;
use std::sync::Arc;

use bytes_of::{Reading, Writing};
use rdkafka::consumer::Consumer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::client::{self, PlainConsumer};
use super::{ANSWER, blocking};
use crate::{LogError, OpenTransaction, TopicPartition};

const DESCRIBE_PRODUCERS: i16 = 61;
const VERSION: i16 = 0;

/// More than any broker answers about one partition.
const LARGEST_ANSWER: usize = 16 << 20;

/// The transactions that are open in the partition, the one that began first in front.
pub(super) async fn open(
    asker: &Arc<PlainConsumer>,
    of: &TopicPartition,
) -> Result<Vec<OpenTransaction>, LogError> {
    let leader = leader(asker, of).await?;
    let failed = |error: io::Error| {
        LogError::Unavailable(format!("{leader} does not tell who writes to {of}: {error}"))
    };
    let told = timeout(ANSWER, ask(&leader, of)).await;
    let answer = told.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(failed)?;
    let mut open = read(&answer).map_err(failed)?;
    open.sort_by_key(|it| it.start_offset);
    Ok(open)
}

/// Address of the broker that leads the partition.
async fn leader(asker: &Arc<PlainConsumer>, of: &TopicPartition) -> Result<String, LogError> {
    let (asker, of) = (Arc::clone(asker), of.clone());
    blocking(move || {
        let refused = |error| client::log_error(&format!("cannot find the leader of {of}"), &error);
        let metadata = asker.fetch_metadata(Some(&of.topic), ANSWER).map_err(refused)?;
        let mut partitions = metadata.topics().iter().flat_map(|it| it.partitions());
        let leader = partitions.find(|it| it.id() == of.partition).map(|it| it.leader());
        let broker = metadata.brokers().iter().find(|it| Some(it.id()) == leader);
        let broker = broker.ok_or_else(|| LogError::Unavailable(format!("{of} has no leader")))?;
        Ok(format!("{}:{}", broker.host(), broker.port()))
    })
    .await
}

async fn ask(leader: &str, of: &TopicPartition) -> io::Result<Vec<u8>> {
    let mut connection = TcpStream::connect(leader).await?;
    connection.write_all(&request(of)).await?;
    let length = usize::try_from(connection.read_u32().await?).unwrap_or(usize::MAX);
    if length > LARGEST_ANSWER {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut answer = vec![0; length];
    connection.read_exact(&mut answer).await?;
    Ok(answer)
}

fn request(of: &TopicPartition) -> Vec<u8> {
    let mut body = Writing::default();
    // Header, version 2: key, version, correlation, client.
    body.i16(DESCRIBE_PRODUCERS).i16(VERSION).i32(1).i16(-1).no_tags();
    body.length(1).text(&of.topic).length(1).i32(of.partition).no_tags().no_tags();
    body.framed()
}

/// The open transactions in an answer about one partition.
fn read(answer: &[u8]) -> io::Result<Vec<OpenTransaction>> {
    let mut answer = Reading(answer);
    // Header, version 1: correlation. Then the time that the broker held the answer back.
    answer.i32()?;
    answer.tags()?;
    answer.i32()?;
    let mut open = Vec::new();
    for _ in 0..answer.length()? {
        answer.text()?;
        for _ in 0..answer.length()? {
            answer.i32()?;
            let (code, message) = (answer.i16()?, answer.text()?);
            if code != 0 {
                return Err(io::Error::other(format!("error {code} {}", message.unwrap_or_default())));
            }
            for _ in 0..answer.length()? {
                open.extend(producer(&mut answer)?);
            }
            answer.tags()?;
        }
        answer.tags()?;
    }
    Ok(open)
}

/// A producer, if it has a transaction open.
fn producer(answer: &mut Reading<'_>) -> io::Result<Option<OpenTransaction>> {
    let (producer_id, producer_epoch) = (answer.i64()?, answer.i32()?);
    let _last_sequence = answer.i32()?;
    let last_timestamp_ms = answer.i64()?;
    let _coordinator_epoch = answer.i32()?;
    let start_offset = answer.i64()?;
    answer.tags()?;
    let transaction = OpenTransaction { producer_id, producer_epoch, start_offset, last_timestamp_ms };
    Ok((start_offset >= 0).then_some(transaction))
}

/// The primitive types of Kafka's protocol, in the form of flexible versions.
mod bytes_of {
    use std::io;

    /// A message on its way out.
    #[derive(Default)]
    pub(super) struct Writing(Vec<u8>);

    impl Writing {
        pub(super) fn i16(&mut self, value: i16) -> &mut Self {
            self.0.extend_from_slice(&value.to_be_bytes());
            self
        }

        pub(super) fn i32(&mut self, value: i32) -> &mut Self {
            self.0.extend_from_slice(&value.to_be_bytes());
            self
        }

        /// Of an array or a text: an unsigned varint of one more than it.
        pub(super) fn length(&mut self, length: usize) -> &mut Self {
            let mut rest = length + 1;
            while rest >= 0x80 {
                self.0.push((rest & 0x7f) as u8 | 0x80);
                rest >>= 7;
            }
            self.0.push(rest as u8);
            self
        }

        pub(super) fn text(&mut self, text: &str) -> &mut Self {
            self.length(text.len()).0.extend_from_slice(text.as_bytes());
            self
        }

        pub(super) fn no_tags(&mut self) -> &mut Self {
            self.0.push(0);
            self
        }

        /// The message behind its length.
        pub(super) fn framed(&self) -> Vec<u8> {
            // A request about one partition is some hundred bytes long.
            let mut framed = (self.0.len() as u32).to_be_bytes().to_vec();
            framed.extend_from_slice(&self.0);
            framed
        }
    }

    /// What is left of a message that came in.
    pub(super) struct Reading<'a>(pub(super) &'a [u8]);

    impl Reading<'_> {
        fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
            let (taken, rest) = self.0.split_first_chunk().ok_or(io::ErrorKind::UnexpectedEof)?;
            self.0 = rest;
            Ok(*taken)
        }

        pub(super) fn i16(&mut self) -> io::Result<i16> {
            self.take().map(i16::from_be_bytes)
        }

        pub(super) fn i32(&mut self) -> io::Result<i32> {
            self.take().map(i32::from_be_bytes)
        }

        pub(super) fn i64(&mut self) -> io::Result<i64> {
            self.take().map(i64::from_be_bytes)
        }

        fn varint(&mut self) -> io::Result<usize> {
            let mut value = 0;
            for shift in (0..32).step_by(7) {
                let [byte] = self.take()?;
                value |= usize::from(byte & 0x7f) << shift;
                if byte < 0x80 {
                    return Ok(value);
                }
            }
            Err(io::ErrorKind::InvalidData.into())
        }

        /// Of an array; 0 where there is none.
        pub(super) fn length(&mut self) -> io::Result<usize> {
            Ok(self.varint()?.saturating_sub(1))
        }

        pub(super) fn text(&mut self) -> io::Result<Option<String>> {
            let Some(length) = self.varint()?.checked_sub(1) else { return Ok(None) };
            let (text, rest) = self.0.split_at_checked(length).ok_or(io::ErrorKind::UnexpectedEof)?;
            self.0 = rest;
            Ok(Some(String::from_utf8_lossy(text).into_owned()))
        }

        pub(super) fn tags(&mut self) -> io::Result<()> {
            for _ in 0..self.varint()? {
                let (_tag, length) = (self.varint()?, self.varint()?);
                self.0 = self.0.get(length..).ok_or(io::ErrorKind::UnexpectedEof)?;
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{OpenTransaction, read, request};
    use crate::TopicPartition;

    #[test]
    fn a_request_has_the_form_of_the_protocol() {
        let bytes = request(&TopicPartition::new("ab", 7));
        let expected = [
            &[0, 0, 0, 22, 0, 61, 0, 0, 0, 0, 0, 1, 255, 255, 0][..],
            &[2, 3, b'a', b'b', 2, 0, 0, 0, 7, 0, 0],
        ];
        assert_eq!(bytes, expected.concat());
    }

    #[test]
    fn only_producers_with_an_open_transaction_are_told() {
        let producer = |id: i64, start: i64| {
            let mut bytes = id.to_be_bytes().to_vec();
            bytes.extend_from_slice(&3_i32.to_be_bytes());
            bytes.extend_from_slice(&9_i32.to_be_bytes());
            bytes.extend_from_slice(&1_700_i64.to_be_bytes());
            bytes.extend_from_slice(&0_i32.to_be_bytes());
            bytes.extend_from_slice(&start.to_be_bytes());
            bytes.push(0);
            bytes
        };
        let head = [0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 3, b'a', b'b', 2, 0, 0, 0, 7, 0, 0, 0, 3];
        let answer = [&head[..], &producer(11, -1), &producer(12, 40), &[0, 0, 0]].concat();
        let open = OpenTransaction {
            producer_id: 12,
            producer_epoch: 3,
            start_offset: 40,
            last_timestamp_ms: 1_700,
        };
        assert_eq!(read(&answer).expect("it is readable"), [open]);
        for length in 0..answer.len() - 3 {
            assert!(read(&answer[..length]).is_err(), "cut at {length}");
        }
    }
}
