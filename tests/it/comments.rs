//! The English of comments: each opens with the noun or the verb that it is about.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The folders whose comments are read.
const FOLDERS: [&str; 6] = ["src", "tests", "benches", "build", "proto", "fuzz/laws"];
/// The words that a comment does not open with: a reader learns from them only later what it is about.
const OPENINGS: [&str; 7] = ["What", "Who", "Whom", "Whose", "Whoever", "Those", "So many"];

/// The lines of a file that are comments and open with one of [`OPENINGS`], by number.
fn badly_opened(text: &str) -> Vec<(usize, &str)> {
    let comment =
        |line: &str| Some(line.trim_start().strip_prefix("//")?.trim_start_matches(['/', '!']).trim_start().to_owned());
    let opens = |comment: &str, word: &str| {
        comment.strip_prefix(word).is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric()))
    };
    let is_bad = |line: &str| comment(line).is_some_and(|comment| OPENINGS.iter().any(|word| opens(&comment, word)));
    text.lines().enumerate().filter(|(_, line)| is_bad(line)).map(|(place, line)| (place + 1, line.trim())).collect()
}

/// The files of Rust and of the protos below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let read = files.into_iter().filter(|file| file.extension().is_some_and(|kind| kind == "rs" || kind == "proto"));
    read.chain(folders.iter().flat_map(|folder| self::files(folder))).collect()
}

#[test]
fn a_comment_opens_with_what_it_is_about() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut problems = Vec::new();
    for folder in FOLDERS {
        let files = files(&root.join(folder));
        assert!(!files.is_empty(), "{folder} has no files");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let name = file.strip_prefix(root).unwrap().display();
            problems.extend(badly_opened(&text).iter().map(|(line, comment)| format!("{name}:{line}: {comment}")));
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn a_comment_that_opens_badly_is_found() {
    let bad = ["/// What it is.", "//! Who calls.", "    // Those that wait.", "// So many calls at a time."];
    for line in bad {
        assert_eq!(badly_opened(&format!("fn f() {{\n{line}\n}}\n")), [(2, line.trim())]);
    }
    for line in ["/// Whatever it is.", "/// The amount.", "let text = \"// What\";", "/// Whole numbers."] {
        assert!(badly_opened(line).is_empty(), "{line}");
    }
}
