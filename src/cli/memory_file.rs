//! The file in which the memory of a sandbox is kept, and the one that it begins with.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::failure::CommandFailure;
use crate::sandbox::{MAX_MEMORY, Sandbox, SandboxMemory};

/// A file in which one process at a time keeps the memory of its sandbox. Its owner alone can read it.
pub(super) struct MemoryFile {
    path: PathBuf,
    /// Held as long as the process runs.
    _lock: File,
}

impl MemoryFile {
    /// Takes the file, which need not exist. Fails when another process has it.
    pub(super) fn take(path: PathBuf) -> Result<Self, CommandFailure> {
        let lock = beside(&path, ".lock");
        let file = private(OpenOptions::new().write(true).create(true).truncate(false), &lock)
            .map_err(|error| failed(&lock, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path, _lock: file }),
            Err(TryLockError::WouldBlock) => Err(failed(&path, "another sandbox keeps its memory here")),
            Err(TryLockError::Error(error)) => Err(failed(&lock, error)),
        }
    }

    /// The memory that is kept; `None` while there is none.
    pub(super) fn read(&self) -> Result<Option<SandboxMemory>, CommandFailure> {
        match self.path.try_exists().map_err(|error| failed(&self.path, error))? {
            true => read(&self.path).map(Some),
            false => Ok(None),
        }
    }

    /// Writes the memory of a sandbox, so that the file has the old one or the new one whatever happens.
    pub(super) fn write(&self, sandbox: &Sandbox) -> Result<(), CommandFailure> {
        let memory = sandbox.memory().map_err(|error| failed(&self.path, error))?;
        let document = memory.write().map_err(|error| failed(&self.path, error))?;
        self.replace(&document).map_err(|error| failed(&self.path, error))
    }

    fn replace(&self, document: &[u8]) -> io::Result<()> {
        let new = beside(&self.path, ".new");
        let mut file = private(OpenOptions::new().write(true).create(true).truncate(true), &new)?;
        file.write_all(document)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    }
}

/// Reads the memory in a file. The failure names the file, and what is wrong with it.
pub(super) fn read(path: &Path) -> Result<SandboxMemory, CommandFailure> {
    let length = fs::metadata(path).map_err(|error| failed(path, error))?.len();
    if length > MAX_MEMORY as u64 {
        return Err(failed(path, format!("it has more than {MAX_MEMORY} bytes")));
    }
    let document = fs::read(path).map_err(|error| failed(path, error))?;
    SandboxMemory::read(&document).map_err(|problem| failed(path, format!("not the memory of a sandbox: {problem}")))
}

/// Has a sandbox begin with what is kept, or else with the seed. Answers with whether it begins with either.
pub(super) async fn begin(
    sandbox: &Sandbox,
    kept: Option<SandboxMemory>,
    seed: Option<&Path>,
) -> Result<bool, CommandFailure> {
    // Also one that is not needed: its absence would be noticed when it is.
    let seed = seed.map(read).transpose()?;
    let Some(memory) = kept.or(seed) else { return Ok(false) };
    let loaded = sandbox.load(memory).await;
    loaded.map_err(|error| CommandFailure::Failed(format!("the memory of the sandbox cannot be loaded: {error}")))?;
    Ok(true)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

fn private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.open(path)
}

fn failed(path: &Path, why: impl std::fmt::Display) -> CommandFailure {
    CommandFailure::Failed(format!("{}: {why}", path.display()))
}
