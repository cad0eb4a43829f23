//! All chance of a run, drawn from its seed: what the simulation decides, and what the code under test asks of the
//! operating system.
//!
//! The standard library keys its hash maps, and the log its sealed fields, with what `getrandom` returns. Here the
//! program brings its own `getrandom`, so on a thread with a seed even the iteration order of a map is the seed's.

use std::cell::Cell;
use std::fs::File;
use std::io::Read;
use std::time::Duration;

use uuid::{Builder, Uuid};

thread_local! {
    /// State of the generator of decisions.
    static DECISIONS: Cell<u64> = const { Cell::new(0) };
    /// State of the generator behind `getrandom`; none on threads without a seed.
    static SYSTEM: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Seeds this thread. To be called before anything on it has drawn from the operating system.
pub(crate) fn seed(seed: u64) {
    DECISIONS.set(mixed(seed));
    SYSTEM.set(Some(mixed(!seed)));
}

/// A number below `end`; 0 when that is 0.
pub(crate) fn below(end: u64) -> u64 {
    if end == 0 { 0 } else { next() % end }
}

/// True once in so many times; never for 0.
pub(crate) fn one_in(times: u64) -> bool {
    times > 0 && below(times) == 0
}

/// One of these; none when there is none.
pub(crate) fn pick<T>(of: &[T]) -> Option<&T> {
    of.get(usize::try_from(below(of.len() as u64)).unwrap_or_default())
}

/// A span from one to the other.
pub(crate) fn between(least: Duration, most: Duration) -> Duration {
    least + Duration::from_micros(below(u64::try_from((most - least).as_micros()).unwrap_or(u64::MAX)))
}

/// A fresh id, made at this time in milliseconds.
pub(crate) fn id(millis: u64) -> Uuid {
    let (high, low) = (next().to_be_bytes(), next().to_be_bytes());
    let [a, b, ..] = low;
    let [c, d, e, f, g, h, i, j] = high;
    Builder::from_unix_timestamp_millis(millis, &[a, b, c, d, e, f, g, h, i, j]).into_uuid()
}

fn next() -> u64 {
    let state = DECISIONS.get().wrapping_add(STEP);
    DECISIONS.set(state);
    mixed(state)
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Splitmix64 of Sebastiano Vigna.
fn mixed(state: u64) -> u64 {
    let it = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    it ^ (it >> 31)
}

/// What the standard library and `getrandom` the crate call in place of the C library's.
///
/// # Safety
/// As `getrandom(2)`: `buffer` must be valid for writes of `length` bytes.
#[expect(unsafe_code, reason = "a symbol of the C library is replaced, whose contract has a bare pointer")]
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, _flags: u32) -> isize {
    if buffer.is_null() || length == 0 {
        return 0;
    }
    // SAFETY: the caller promises so.
    let buffer = unsafe { std::slice::from_raw_parts_mut(buffer, length) };
    let Some(state) = SYSTEM.get() else {
        let read = File::open("/dev/urandom").and_then(|mut it| it.read_exact(buffer));
        return if read.is_ok() { isize::try_from(length).unwrap_or(-1) } else { -1 };
    };
    let mut state = state;
    for chunk in buffer.chunks_mut(8) {
        state = state.wrapping_add(STEP);
        chunk.copy_from_slice(&mixed(state).to_be_bytes()[..chunk.len()]);
    }
    SYSTEM.set(Some(state));
    isize::try_from(length).unwrap_or(-1)
}
