//! The wall clock of one service, which can be set wrong: `clock.c`, loaded before the C library, reads it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The wall clock of one service.
#[derive(Debug)]
pub(crate) struct WallClock {
    path: PathBuf,
    file: File,
}

impl WallClock {
    /// A clock that is right.
    ///
    /// # Errors
    /// When its file cannot be written.
    pub(crate) fn right(path: PathBuf) -> Result<Self> {
        let file = File::options().create(true).truncate(true).write(true).open(&path);
        let file = file.with_context(|| path.display().to_string())?;
        let clock = Self { path, file };
        clock.set(0).with_context(|| clock.path.display().to_string())?;
        Ok(clock)
    }

    /// Sets it so many seconds ahead of the others; behind, when negative.
    ///
    /// # Panics
    /// When its file cannot be written.
    pub(crate) fn set_ahead(&self, seconds: i64) {
        self.set(seconds * 1_000_000).expect("the file of a clock is open");
    }

    /// In place and at once: processes have the file in their memory.
    fn set(&self, micros: i64) -> std::io::Result<()> {
        self.file.write_all_at(&micros.to_ne_bytes(), 0)
    }

    /// Makes a process use it.
    pub(crate) fn variables(&self, library: &Path) -> [(String, String); 2] {
        let text = |path: &Path| path.display().to_string();
        [("LD_PRELOAD".to_owned(), text(library)), ("FIRE_CLOCK".to_owned(), text(&self.path))]
    }
}
