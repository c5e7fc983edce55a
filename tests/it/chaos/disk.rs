//! A disk that gets full: a small file system in memory where this user may mount one, else a limit to the size of files.

use std::{fs, path::Path, process::Command};

use rustix::{
    fs::statvfs,
    process::{Pid, Resource, Rlimit, prlimit},
};
use tempfile::TempDir;

use crate::support::program::Program;

/// The size of the file system, as mount(8) has it: more than a run needs, and none of it is taken before it is used.
const SIZE: &str = "4g";
/// How often the disk is measured again when more was written between the measuring and the mounting.
const MEASURINGS: usize = 50;

/// The disk; unmounted when dropped.
pub struct SmallDisk {
    directory: TempDir,
    is_mounted: bool,
}

impl SmallDisk {
    /// An empty disk. Says so where none can be mounted.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let is_mounted = mount(directory.path(), &format!("size={SIZE}"));
        if !is_mounted {
            println!("nothing can be mounted here: the size of files is limited instead");
        }
        Self { directory, is_mounted }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The command that starts a program on it, which has to live on when it may write no more.
    pub fn launcher(&self) -> &'static [&'static str] {
        if self.is_mounted { &[] } else { &["env", "--ignore-signal=XFSZ"] }
    }

    /// Leaves it `left` bytes of room for what `program` writes.
    pub fn fill(&self, program: &Program, left: u64) {
        if !self.is_mounted {
            let longest = fs::read_dir(self.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).max();
            return limit(program, Some(longest.unwrap_or_default() + left));
        }
        let is_full = (0..MEASURINGS).any(|_| {
            let disk = statvfs(self.path()).unwrap();
            let used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize;
            mount(self.path(), &format!("remount,size={}", used + left))
        });
        assert!(is_full, "the disk cannot be made smaller");
    }

    /// Gives it room again.
    pub fn free(&self, program: &Program) {
        if self.is_mounted {
            assert!(mount(self.path(), &format!("remount,size={SIZE}")), "the disk cannot be made larger");
        } else {
            limit(program, None);
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if self.is_mounted {
            // Lazily: a program that was just killed may still be closing its files.
            Command::new("umount").arg("--lazy").arg(self.path()).status().ok();
        }
    }
}

fn mount(directory: &Path, options: &str) -> bool {
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(directory).output();
    mount.is_ok_and(|output| output.status.success())
}

fn limit(program: &Program, size: Option<u64>) {
    let id = Pid::from_raw(program.id().cast_signed());
    // A program that has just ended has no limits.
    prlimit(id, Resource::Fsize, Rlimit { current: size, maximum: None }).ok();
}
