//! The memory of a process that cards pass through: nothing of it is written to disk.

use std::io;

use rustix::process::{Resource, Rlimit, setrlimit};

/// Has the system write no core file of this process, and let no process of the same user read its memory.
pub(super) fn keep_private() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}
