//! The run of `dev` before this one: taken up with all that gateway and sandbox knew, or thrown away.

use std::{fs, io, path::Path};

use super::{failure::CommandFailure, memory_file::MemoryFile};
use crate::{config::local::DevConfig, sandbox::SandboxMemory};

/// The database of the gateway, and what SQLite has beside it.
const DATABASE: [&str; 3] = ["gateway.db", "gateway.db-wal", "gateway.db-shm"];
/// The memory of the sandbox.
const MEMORY: &str = "sandbox-memory.json";
/// The name of Corefy's API that gateway and sandbox have spoken.
const API: &str = "corefy-api";

/// The rest of the run before.
pub(super) struct KeptRun {
    /// The memory of the sandbox, beside a database that knows the same payments; `None`: both begin anew.
    pub memory: Option<SandboxMemory>,
    /// Where the memory is kept from now on, if it is.
    pub file: Option<MemoryFile>,
}

impl KeptRun {
    /// Opens the directory: as it was left, where that is wanted and whole; else everything in it is removed. Fails when its
    /// payments were made with another of Corefy's APIs.
    pub(super) fn open(dev: &DevConfig) -> Result<Self, CommandFailure> {
        if !dev.keep {
            clean(&dev.dir)?;
            return Ok(Self { memory: None, file: None });
        }
        let file = MemoryFile::take(dev.dir.join(MEMORY))?;
        let (has_database, memory) = (dev.dir.join(DATABASE[0]).try_exists()?, file.read()?);
        if has_database && memory.is_some() {
            require_api(dev)?;
            return Ok(Self { memory, file: Some(file) });
        }
        if let Some((left, lost)) = half(has_database, memory.is_some()) {
            tracing::warn!("{left} was kept without {lost}: both begin anew");
        }
        clean(&dev.dir)?;
        fs::write(dev.dir.join(API), dev.api_name())?;
        Ok(Self { memory: None, file: Some(file) })
    }
}

/// The half that is there, and the one that is not.
fn half(has_database: bool, has_memory: bool) -> Option<(&'static str, &'static str)> {
    let halves = ("the gateway's database", "the sandbox's memory");
    match (has_database, has_memory) {
        (true, false) => Some(halves),
        (false, true) => Some((halves.1, halves.0)),
        _ => None,
    }
}

/// Refuses payments of another API, which the gateway would ask for in vain and take for ones that never were.
fn require_api(dev: &DevConfig) -> Result<(), CommandFailure> {
    let kept = fs::read_to_string(dev.dir.join(API)).unwrap_or_default();
    let (kept, api, dir) = (kept.trim(), dev.api_name(), dev.dir.display());
    if kept == api {
        return Ok(());
    }
    Err(CommandFailure::Failed(format!(
        "COREFY_API: what is kept in {dir} was made with {kept:?}, not {api:?}; set that, or another GATEWAY_DEV_DIR, or begin \
         anew without GATEWAY_DEV_KEEP"
    )))
}

/// Removes what gateway and sandbox knew.
fn clean(dir: &Path) -> io::Result<()> {
    for name in DATABASE.into_iter().chain([MEMORY, API]) {
        match fs::remove_file(dir.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
