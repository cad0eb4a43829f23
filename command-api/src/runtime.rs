//! The runtime of connections and of whatever goes on beside them; the writer has its own.
//!
//! What a call waits for is woken in two ways: its bytes by the sockets' driver, onto the queue of the worker that asks the
//! driver, and its answer by the writer's thread, onto the queue of all workers. Under overload both are full, and tokio's
//! defaults do badly then.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// Every second task comes from the queue of all workers, which tokio looks into rarely: else answers would wait behind all
/// the calls that are to be refused. Were it every task, a worker's own queue would stand still while answers keep coming.
/// A call wakes its connection itself when it reads its body, which puts it there; its answer then finds it woken already,
/// and it would go out when the overload ends.
const QUEUE_OF_ALL: u32 = 2;

/// Most sockets that an idle worker takes up at once. What goes beyond a worker's own queue, 256 tasks, falls into the queue
/// of all; with room in it, whoever is yet to be read waits in the kernel instead, where no answer is behind them.
const SOCKETS_WHEN_IDLE: usize = 64;

/// The same for a worker that has tasks. It asks every 61 tasks, and a call that comes with a body wakes its connection twice:
/// of sixteen sockets it has done all that they bring before it takes more.
const SOCKETS_WHEN_BUSY: usize = 16;

/// Starts it.
///
/// # Errors
/// When the machine gives no thread.
pub fn runtime() -> io::Result<Runtime> {
    builder().build()
}

fn builder() -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder
        .enable_all()
        .global_queue_interval(QUEUE_OF_ALL)
        .max_io_events_per_tick(SOCKETS_WHEN_IDLE)
        .max_io_events_per_busy_tick(SOCKETS_WHEN_BUSY);
    builder
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, mpsc};
    use std::task::{Poll, Waker};
    use std::thread;

    use tokio::sync::oneshot;

    use super::builder;

    /// Turns after which a task in the worker's own queue must have had one.
    const TURNS: usize = 100;

    /// Two tasks of which each has the other woken by another thread before it waits, so that the queue of all is never empty. True
    /// if a task of the worker's own queue had its turn meanwhile.
    async fn has_a_turn_beside_answers() -> bool {
        let has_run = Arc::new(AtomicBool::new(false));
        let own = Arc::clone(&has_run);
        // Whoever is woken last is run next, whatever stands in the queues; here that is the second of the two.
        tokio::spawn(async move { own.store(true, Ordering::Relaxed) });
        let (there, back) = (mpsc::channel::<Waker>(), mpsc::channel::<Waker>());
        let play = |mine: mpsc::Sender<Waker>, other: mpsc::Receiver<Waker>| {
            let mut turns = 0;
            poll_fn(move |context| {
                turns += 1;
                drop(mine.send(context.waker().clone()));
                if let Ok(other) = other.try_recv() {
                    thread::spawn(move || other.wake()).join().unwrap();
                }
                if turns < TURNS { Poll::Pending } else { Poll::Ready(()) }
            })
        };
        tokio::spawn(play(back.0, there.1));
        play(there.0, back.1).await;
        has_run.load(Ordering::Relaxed)
    }

    #[test]
    fn neither_queue_waits_for_the_other_to_be_empty() {
        let runtime = builder().worker_threads(1).build().unwrap();
        let (told, tells) = oneshot::channel();
        runtime.spawn(async move { told.send(has_a_turn_beside_answers().await) });
        assert!(runtime.block_on(tells).unwrap());
    }
}
