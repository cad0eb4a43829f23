//! How many records a second one core encodes and decodes: `cargo bench -p event-schemas`.
#![expect(clippy::print_stdout, reason = "the figures are what it is run for")]

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use event_schemas::{Codec, Event, entries};

/// Types of small, medium and large records.
const TYPES: [&str; 3] = ["UserJoinedCommunity", "MatchCompleted", "RequestCreated"];
const SPAN: Duration = Duration::from_secs(2);

fn main() {
    let codec = Codec::local();
    for (id, entry) in (1_u32..).zip(entries()).filter(|(_, entry)| TYPES.contains(&entry.name)) {
        let file = format!("samples/{}/{}.v1.bin", entry.domain.name(), entry.name);
        let sample = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("a sample");
        let value = [&[0], &id.to_be_bytes()[..], &sample].concat();
        let record = codec.decode::<Event>(&value).expect("decodes");
        let encoded = per_second(|| drop(black_box(codec.encode(black_box(&record)))));
        let decoded = per_second(|| drop(black_box(codec.decode::<Event>(black_box(&value)))));
        println!("{:20} {:4} bytes  encode {encoded:8.0}/s  decode {decoded:8.0}/s", entry.name, value.len());
    }
}

/// Calls a second.
fn per_second(call: impl Fn()) -> f64 {
    let begun = Instant::now();
    let mut calls = 0_u32;
    while begun.elapsed() < SPAN {
        (0..1_000).for_each(|_| call());
        calls += 1_000;
    }
    f64::from(calls) / begun.elapsed().as_secs_f64()
}
