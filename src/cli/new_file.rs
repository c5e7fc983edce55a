//! The files that commands write.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::Path,
};

use super::failure::CommandFailure;

/// Standard output for `-`, else a new file that its owner alone can read.
pub(super) fn output(path: &Path) -> Result<Box<dyn Write + Send>, CommandFailure> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdout()));
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(|error| CommandFailure::Failed(format!("{}: {error}", path.display())))?;
    Ok(Box::new(io::BufWriter::new(file)))
}
