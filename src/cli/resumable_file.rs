//! Output to a file that can be taken up again: what is written goes to `FILE.part`, and `FILE.part.cursor` says how much of
//! that is whole and where to go on. `FILE` appears when all of it is there.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, BufReader, BufWriter, Seek as _, SeekFrom, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::failure::CommandFailure;

/// Standard output, which cannot be taken up again, or a file that can.
pub(super) struct ResumableFile {
    to: Output,
    written: u64,
    rows: u64,
}

enum Output {
    Stdout(BufWriter<io::Stdout>),
    File { part: BufWriter<File>, paths: Paths, fingerprint: String },
}

/// The three files: the whole one, the one being written, and how far that is.
struct Paths {
    whole: PathBuf,
    part: PathBuf,
    cursor: PathBuf,
}

/// How much of a part is whole, and where to go on.
#[derive(Serialize, Deserialize)]
struct Checkpoint {
    /// The arguments of the command that wrote it.
    fingerprint: String,
    /// Bytes of the part that are whole.
    bytes: u64,
    /// Rows in those.
    rows: u64,
    /// Where to go on, in the words of the command.
    cursor: String,
}

impl ResumableFile {
    /// Begins the file at `path`, or goes on with its part where a command with the same `fingerprint` left it: then with the
    /// cursor of the last checkpoint. `-` is standard output.
    pub(super) fn open(path: &Path, fingerprint: &str) -> Result<(Self, Option<String>), CommandFailure> {
        if path == Path::new("-") {
            let to = Output::Stdout(BufWriter::new(io::stdout()));
            return Ok((Self { to, written: 0, rows: 0 }, None));
        }
        let paths = Paths::of(path);
        paths.refuse_whole()?;
        let part = paths.open_part()?;
        let checkpoint = paths.checkpoint(&part, fingerprint)?;
        if checkpoint.is_none() {
            // A cursor that a finished file may have left behind must not be taken for this one's.
            paths.forget().map_err(|error| failed(&paths.cursor, &error))?;
        }
        let (bytes, rows) = checkpoint.as_ref().map_or((0, 0), |at| (at.bytes, at.rows));
        let part = truncated(part, bytes).map_err(|error| failed(&paths.part, &error))?;
        let to = Output::File { part: BufWriter::new(part), paths, fingerprint: fingerprint.to_owned() };
        Ok((Self { to, written: bytes, rows }, checkpoint.map(|at| at.cursor)))
    }

    /// Rows up to the last checkpoint, those of earlier runs among them.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Makes what was written durable, `rows` more rows, and notes that the command is to go on from `cursor`.
    pub(super) fn checkpoint(&mut self, rows: u64, cursor: &str) -> Result<(), CommandFailure> {
        self.rows += rows;
        self.flush()?;
        let Output::File { part, paths, fingerprint } = &self.to else { return Ok(()) };
        let at = Checkpoint {
            fingerprint: fingerprint.clone(),
            bytes: self.written,
            rows: self.rows,
            cursor: cursor.to_owned(),
        };
        part.get_ref().sync_data().map_err(|error| failed(&paths.part, &error))?;
        paths.note(&at).map_err(|error| failed(&paths.cursor, &error))
    }

    /// Ends the file: another that `convert` makes of all that was written gets the name. That begins anew when it was stopped.
    pub(super) fn finish_as(
        mut self,
        convert: impl FnOnce(BufReader<File>, &File) -> io::Result<()>,
    ) -> Result<(), CommandFailure> {
        self.flush()?;
        let Output::File { paths, .. } = self.to else {
            return Err(CommandFailure::Failed("this format needs a file".to_owned()));
        };
        let made = paths.part.with_extension("part.made");
        let make = || {
            let file = private(OpenOptions::new().write(true).create(true).truncate(true), &made)?;
            convert(BufReader::new(File::open(&paths.part)?), &file)?;
            file.sync_all()
        };
        make().map_err(|error| failed(&made, &error))?;
        paths.refuse_whole()?;
        paths.forget().map_err(|error| failed(&paths.cursor, &error))?;
        fs::rename(&made, &paths.whole).map_err(|error| failed(&paths.whole, &error))?;
        fs::remove_file(&paths.part).map_err(|error| failed(&paths.part, &error))?;
        paths.sync_directory().map_err(|error| failed(&paths.whole, &error))
    }

    /// Ends the file: now it has its name.
    pub(super) fn finish(mut self) -> Result<(), CommandFailure> {
        self.flush()?;
        let Output::File { part, paths, .. } = self.to else { return Ok(()) };
        part.get_ref().sync_all().map_err(|error| failed(&paths.part, &error))?;
        paths.refuse_whole()?;
        fs::rename(&paths.part, &paths.whole).map_err(|error| failed(&paths.whole, &error))?;
        paths.forget().map_err(|error| failed(&paths.cursor, &error))
    }
}

impl Write for ResumableFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = match &mut self.to {
            Output::Stdout(to) => to.write(bytes),
            Output::File { part, .. } => part.write(bytes),
        }?;
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            Output::Stdout(to) => to.flush(),
            Output::File { part, .. } => part.flush(),
        }
    }
}

impl Paths {
    fn of(whole: &Path) -> Self {
        let with = |ending: &str| {
            let mut path = OsString::from(whole);
            path.push(ending);
            PathBuf::from(path)
        };
        Self { whole: whole.to_owned(), part: with(".part"), cursor: with(".part.cursor") }
    }

    /// Fails where there is a whole file already.
    fn refuse_whole(&self) -> Result<(), CommandFailure> {
        match self.whole.try_exists()? {
            true => Err(refused(&self.whole, "exists already: remove it, or write to another file")),
            false => Ok(()),
        }
    }

    /// The part, which its owner alone can read and one command at a time writes.
    fn open_part(&self) -> Result<File, CommandFailure> {
        let part = private(OpenOptions::new().read(true).write(true).create(true), &self.part)
            .map_err(|error| failed(&self.part, &error))?;
        match part.try_lock() {
            Ok(()) => Ok(part),
            Err(TryLockError::WouldBlock) => Err(refused(&self.part, "is being written by another command")),
            Err(TryLockError::Error(error)) => Err(failed(&self.part, &error)),
        }
    }

    /// How far the part is; `None` where it has nothing yet.
    fn checkpoint(&self, part: &File, fingerprint: &str) -> Result<Option<Checkpoint>, CommandFailure> {
        let length = part.metadata()?.len();
        let text = match fs::read_to_string(&self.cursor) {
            Ok(text) if length > 0 => text,
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(&self.cursor, &error)),
        };
        let remove = "to begin anew, remove it and the file beside it whose name ends in .cursor";
        let Ok(at) = serde_json::from_str::<Checkpoint>(&text) else {
            return Err(refused(&self.part, &format!("cannot be taken up, for its cursor cannot be read: {remove}")));
        };
        if at.fingerprint != fingerprint {
            let arguments = &at.fingerprint;
            return Err(refused(&self.part, &format!("was begun with other arguments ({arguments}): {remove}")));
        }
        if at.bytes > length {
            return Err(refused(&self.part, &format!("is shorter than it was: {remove}")));
        }
        Ok(Some(at))
    }

    /// Writes the cursor, so that it is the old one or the new one whatever happens.
    fn note(&self, at: &Checkpoint) -> io::Result<()> {
        let new = self.cursor.with_extension("cursor.new");
        let mut file = private(OpenOptions::new().write(true).create(true).truncate(true), &new)?;
        file.write_all(&serde_json::to_vec(at)?)?;
        file.sync_data()?;
        fs::rename(&new, &self.cursor)?;
        self.sync_directory()
    }

    /// Removes the cursor, and makes what happened to the names of the files durable.
    fn forget(&self) -> io::Result<()> {
        fs::remove_file(&self.cursor).or_else(unless_missing)?;
        self.sync_directory()
    }

    fn sync_directory(&self) -> io::Result<()> {
        let directory = self.whole.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    }
}

fn private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.open(path)
}

fn truncated(mut file: File, bytes: u64) -> io::Result<File> {
    file.set_len(bytes)?;
    file.seek(SeekFrom::End(0))?;
    Ok(file)
}

fn unless_missing(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn refused(path: &Path, why: &str) -> CommandFailure {
    CommandFailure::Failed(format!("{}: {why}", path.display()))
}

fn failed(path: &Path, error: &io::Error) -> CommandFailure {
    refused(path, &error.to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn open(path: &Path, fingerprint: &str) -> Result<(ResumableFile, Option<String>), String> {
        ResumableFile::open(path, fingerprint).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_file_goes_on_from_its_last_checkpoint() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows.csv");
        let (mut file, cursor) = open(&path, "a").unwrap();
        assert_eq!((cursor, file.rows()), (None, 0));
        file.write_all(b"one\ntwo\n").unwrap();
        file.checkpoint(2, "after two").ok().unwrap();
        file.write_all(b"half a r").unwrap();
        file.flush().unwrap();
        assert!(open(&path, "a").err().unwrap().ends_with("is being written by another command"));
        drop(file);
        assert!(!path.exists());

        let (mut file, cursor) = open(&path, "a").unwrap();
        assert_eq!((cursor.as_deref(), file.rows()), (Some("after two"), 2));
        file.write_all(b"three\n").unwrap();
        file.finish().ok().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\nthree\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left");
        assert!(open(&path, "a").err().unwrap().contains("rows.csv: exists already"));
    }

    #[test]
    fn another_file_that_is_made_of_the_rows_gets_the_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows.bin");
        let (mut file, _) = open(&path, "a").unwrap();
        file.write_all(b"one\n").unwrap();
        file.checkpoint(1, "the end").ok().unwrap();
        let stopped = file.finish_as(|_, _| Err(io::Error::other("the disk is full")));
        assert!(stopped.err().unwrap().to_string().ends_with("the disk is full"));
        assert!(!path.exists());

        let (file, cursor) = open(&path, "a").unwrap();
        assert_eq!(cursor.as_deref(), Some("the end"));
        let twice = |mut rows: BufReader<File>, mut to: &File| {
            let mut text = String::new();
            io::Read::read_to_string(&mut rows, &mut text)?;
            to.write_all(text.repeat(2).as_bytes())
        };
        file.finish_as(twice).ok().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\none\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn a_part_without_a_checkpoint_begins_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows.csv");
        let (mut file, _) = open(&path, "a").unwrap();
        file.write_all(b"half a r").unwrap();
        drop(file);
        let (file, cursor) = open(&path, "b").unwrap();
        assert_eq!(cursor, None);
        file.finish().ok().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn a_part_of_other_arguments_and_a_damaged_one_are_refused_and_left_as_they_are() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows.csv");
        let (mut file, _) = open(&path, "payments").unwrap();
        file.write_all(b"one\n").unwrap();
        file.checkpoint(1, "after one").ok().unwrap();
        drop(file);
        let part = directory.path().join("rows.csv.part");
        assert!(open(&path, "refunds").err().unwrap().contains("was begun with other arguments (payments)"));
        assert_eq!(fs::read(&part).unwrap(), b"one\n");
        fs::write(&part, b"on").unwrap();
        assert!(open(&path, "payments").err().unwrap().contains("is shorter than it was"));
        fs::write(directory.path().join("rows.csv.part.cursor"), "{").unwrap();
        assert!(open(&path, "payments").err().unwrap().contains("its cursor cannot be read"));
    }
}
