//! Threads for the writer alone.
//!
//! On a thread that it shares with thousands of connections the actor waits behind all of them whenever it yields, and
//! under overload the service would be busy refusing instead of committing. The machine's scheduler is fairer. Takeovers
//! have threads of their own for the same reason: what is served already must not stand still while a million commands
//! of another partition are read.

use std::io;
use std::thread::available_parallelism;

use event_log::LogError;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Handle, Parts, WriterConfig};

/// Runs a writer; it ends with this value.
#[derive(Debug)]
pub struct WriterThread(Option<Runtimes>);

#[derive(Debug)]
struct Runtimes {
    writer: Runtime,
    takeovers: Runtime,
}

impl WriterThread {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the machine gives no thread.
    pub fn start() -> io::Result<Self> {
        let runtime = |name, threads| {
            Builder::new_multi_thread().worker_threads(threads).thread_name(name).enable_all().build()
        };
        let writer = runtime("writer", 1)?;
        let takeovers = runtime("takeover", available_parallelism()?.get())?;
        Ok(Self(Some(Runtimes { writer, takeovers })))
    }

    /// Starts a writer on them; see [`super::start`].
    ///
    /// # Errors
    /// When the owners' topic cannot be read.
    pub async fn writer(
        &self,
        config: WriterConfig,
        parts: Parts,
        stop: CancellationToken,
    ) -> Result<(Handle, JoinHandle<()>), LogError> {
        let gone = |why: &dyn std::fmt::Display| LogError::Unavailable(format!("the writer's thread: {why}"));
        let Some(Runtimes { writer, takeovers }) = &self.0 else { return Err(gone(&"it has ended")) };
        let takeovers = takeovers.handle().clone();
        writer.spawn(super::start_on(takeovers, config, parts, stop)).await.map_err(|it| gone(&it))?
    }
}

impl Drop for WriterThread {
    fn drop(&mut self) {
        // Not by dropping them: a runtime must not be waited for where others run.
        if let Some(Runtimes { writer, takeovers }) = self.0.take() {
            writer.shutdown_background();
            takeovers.shutdown_background();
        }
    }
}
