//! The clock of one gateway, put forward and back while it works, by libfaketime.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

/// Where Debian has the library, below a directory for each kind of machine.
const LIBRARIES: &str = "/usr/lib";
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

/// A clock that is a file.
pub struct FalseClock {
    directory: TempDir,
    library: PathBuf,
}

impl FalseClock {
    /// A clock that is right. `None`: the machine has no libfaketime.
    pub fn new() -> Option<Self> {
        let clock = Self { directory: tempfile::tempdir().unwrap(), library: library()? };
        clock.put_by(0);
        Some(clock)
    }

    /// Puts it to so many seconds before or after the right time.
    pub fn put_by(&self, seconds: i64) {
        fs::write(self.file(), format!("{seconds:+}\n")).unwrap();
    }

    /// The variables of a program that goes by it. What it measures by the monotonic clock stays right, as where a machine's
    /// clock is put.
    pub fn variables(&self) -> [(String, String); 5] {
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        [
            ("LD_PRELOAD", path(&self.library)),
            ("FAKETIME_TIMESTAMP_FILE", path(&self.file())),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("FAKETIME_CACHE_DURATION", "1".to_owned()),
            ("FAKETIME_DISABLE_SHM", "1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("offset")
    }
}

fn library() -> Option<PathBuf> {
    let directories = fs::read_dir(LIBRARIES).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    directories.map(|directory| directory.join(LIBRARY)).find(|library| library.exists())
}
