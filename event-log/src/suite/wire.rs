//! Requests to a broker that no client of ours would send.

use bytes::{Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::messages::{ProducerId, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use kafka_protocol::records::{Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::NewRecord;

/// Sends a request of this version over a connection of its own.
pub(super) async fn call<R: Request>(address: &str, request: &R, version: i16) -> R::Response {
    let header = RequestHeader::default().with_request_api_key(R::KEY).with_request_api_version(version);
    let mut sent = BytesMut::new();
    header.encode(&mut sent, R::header_version(version)).expect("the header has this version");
    request.encode(&mut sent, version).expect("the request has this version");
    let mut broker = TcpStream::connect(address).await.expect("the broker is reached");
    broker.write_i32(i32::try_from(sent.len()).expect("short")).await.expect("the request is sent");
    broker.write_all(&sent).await.expect("the request is sent");

    let length = broker.read_i32().await.expect("an answer comes");
    let mut answer = vec![0; usize::try_from(length).expect("a length")];
    broker.read_exact(&mut answer).await.expect("an answer comes");
    let mut answer = Bytes::from(answer);
    ResponseHeader::decode(&mut answer, R::Response::header_version(version)).expect("a header");
    R::Response::decode(&mut answer, version).expect("an answer of this version")
}

/// Records of a transaction of this producer and epoch, numbered from here on.
pub(super) fn batch(
    (producer_id, producer_epoch): (ProducerId, i16),
    first: i32,
    records: &[NewRecord],
) -> Bytes {
    let numbered = records.iter().zip(0..).map(|(record, index)| Record {
        transactional: true,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: producer_id.0,
        producer_epoch,
        timestamp_type: TimestampType::Creation,
        offset: index.into(),
        sequence: first + index,
        timestamp: record.timestamp_ms,
        key: Some(record.key.clone().into()),
        value: record.value.clone().map(Bytes::from),
        headers: IndexMap::default(),
    });
    let numbered = numbered.collect::<Vec<_>>();
    let mut batch = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut batch, &numbered, &options).expect("they are of one batch");
    batch.freeze()
}

/// A name of the protocol: a topic's, a group's, a transactional id.
pub(super) fn name<T: From<StrBytes>>(of: &str) -> T {
    text(of).into()
}

/// A text of the protocol.
pub(super) fn text(of: &str) -> StrBytes {
    StrBytes::from_string(of.to_owned())
}
