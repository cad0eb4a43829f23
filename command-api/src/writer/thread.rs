//! A thread for the writer alone.
//!
//! On a thread that it shares with thousands of connections the actor waits behind all of them whenever it yields, and
//! under overload the service would be busy refusing instead of committing. The machine's scheduler is fairer.

use std::io;

use event_log::LogError;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Handle, Parts, WriterConfig};

/// Runs a writer; it ends with this value.
#[derive(Debug)]
pub struct WriterThread(Option<Runtime>);

impl WriterThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the machine gives no thread.
    pub fn start() -> io::Result<Self> {
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("writer").enable_all().build()?;
        Ok(Self(Some(runtime)))
    }

    /// Starts a writer on it; see [`super::start`].
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
        let Some(runtime) = &self.0 else { return Err(gone(&"it has ended")) };
        runtime.spawn(super::start(config, parts, stop)).await.map_err(|it| gone(&it))?
    }
}

impl Drop for WriterThread {
    fn drop(&mut self) {
        // Not by dropping it: a runtime must not be waited for where others run.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
