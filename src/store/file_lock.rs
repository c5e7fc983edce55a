//! The lock on an SQLite file. SQLite itself would let several gateways write to one file, which then would share neither
//! their flushes nor their news of events nor the rate limit of calls to Corefy; so a gateway holds this lock as long as it
//! runs. The operating system releases it with the process, however that ends. Commands take none: they work beside a
//! gateway.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    path::Path,
};

use super::{
    Dialect, Error,
    address::{beside, file_error},
};

/// The suffix of the lock's file, after the name of the database's.
const SUFFIX: &str = ".lock";

/// The lock, until it is dropped.
#[derive(Debug)]
pub struct FileLock(File);

impl FileLock {
    /// Takes the lock on the file of the database at `url`. `None`: the database is a server, which any number of gateways
    /// share.
    pub fn take(url: &str) -> Result<Option<Self>, Error> {
        let Some(path) = Dialect::file(url) else { return Ok(None) };
        let lock = beside(&path, SUFFIX).map_err(|error| file_error(&path, &error))?;
        let mut file = open(&lock).map_err(|error| file_error(&lock, &error))?;
        match file.try_lock() {
            Ok(()) => {
                // Only for the sentence below.
                let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
                Ok(Some(Self(file)))
            }
            Err(TryLockError::WouldBlock) => Err(in_use(&path, &mut file)),
            Err(TryLockError::Error(error)) => Err(file_error(&lock, &error)),
        }
    }
}

impl Drop for FileLock {
    /// Releases it, also where a process that is just being started still has the open file.
    fn drop(&mut self) {
        // A lock that cannot be released now is released when the process ends.
        let _ = self.0.unlock();
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn in_use(path: &Path, file: &mut File) -> Error {
    let mut holder = String::new();
    let _ = file.read_to_string(&mut holder);
    let process = holder.parse::<u32>().map(|id| format!(", process {id}")).unwrap_or_default();
    Error::Unreachable(format!(
        "the file {} is in use by another gateway{process}; SQLite has room for one: stop that one, name another file, or use \
         PostgreSQL",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_locked_once_however_it_is_named_until_the_lock_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a b.db");
        let url = format!("sqlite://{}", path.display());
        let lock = FileLock::take(&url).unwrap().unwrap();
        fs::write(&path, "").unwrap();
        std::os::unix::fs::symlink(&path, directory.path().join("link.db")).unwrap();
        let names = [url.clone(), url.replace(' ', "%20"), format!("sqlite://{}/link.db", directory.path().display())];
        for name in &names {
            let error = FileLock::take(name).unwrap_err().to_string();
            assert!(error.contains("is in use by another gateway, process"), "{error}");
        }
        drop(lock);
        assert!(FileLock::take(&names[1]).unwrap().is_some());
    }

    #[test]
    fn a_server_needs_no_lock() {
        assert!(FileLock::take("postgres://host/name").unwrap().is_none());
    }
}
