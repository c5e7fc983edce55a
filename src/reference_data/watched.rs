//! Files that are read again when they change.

use std::{
    fmt,
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::SystemTime,
};

/// Bytes of a file at most.
const MOST_BYTES: u64 = 64 << 20;

/// A file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {}: {problem}", file.display())]
pub struct FileFault {
    variable: &'static str,
    file: PathBuf,
    problem: String,
}

/// Files that cannot be used, at least one, each on a line of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFaults(pub(super) Vec<FileFault>);

impl FileFaults {
    /// The faults, one by one.
    pub fn each(&self) -> impl Iterator<Item = &FileFault> {
        self.0.iter()
    }
}

impl std::error::Error for FileFaults {}

impl fmt::Display for FileFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// The state of a file: when it was changed, and its size in bytes. `None`: it does not exist.
type Mark = Option<(SystemTime, u64)>;

/// A reader of a file's content. The error says what is wrong with it, and where.
type ReadContent<T> = fn(Vec<u8>) -> Result<T, String>;

/// The content of a file when it was read last.
pub(super) struct Watched<T> {
    variable: &'static str,
    file: PathBuf,
    read: ReadContent<T>,
    seen: Mutex<Mark>,
    current: RwLock<Arc<T>>,
}

impl<T> Watched<T> {
    /// Reads the file that the setting `variable` names.
    pub(super) fn load(variable: &'static str, file: PathBuf, read: ReadContent<T>) -> Result<Self, FileFault> {
        // Looked at before it is read, so that no change is missed.
        let seen = Mutex::new(mark(&file));
        let current = RwLock::new(Arc::new(read_file(variable, &file, read)?));
        Ok(Self { variable, file, read, seen, current })
    }

    pub(super) fn current(&self) -> Arc<T> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the file again if it has changed.
    pub(super) fn look(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mark = mark(&self.file);
        if *seen == mark {
            return;
        }
        *seen = mark;
        match read_file(self.variable, &self.file, self.read) {
            Ok(content) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(content);
                tracing::info!(file = %self.file.display(), "reference data of risk was read again");
            }
            Err(fault) => {
                tracing::error!(%fault, "changed reference data of risk cannot be used; what was read before stays")
            }
        }
    }
}

impl<T> fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("file", &self.file).finish_non_exhaustive()
    }
}

fn mark(file: &Path) -> Mark {
    fs::metadata(file).and_then(|data| Ok((data.modified()?, data.len()))).ok()
}

fn read_file<T>(variable: &'static str, file: &Path, read: ReadContent<T>) -> Result<T, FileFault> {
    let fault = |problem: String| FileFault { variable, file: file.to_owned(), problem };
    let mut content = Vec::new();
    let opened = File::open(file).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut content));
    opened.map_err(|cause| fault(cause.to_string()))?;
    if content.len() as u64 > MOST_BYTES {
        return Err(fault(format!("is larger than {} MiB", MOST_BYTES >> 20)));
    }
    read(content).map_err(fault)
}
