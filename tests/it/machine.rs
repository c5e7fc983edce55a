//! A machine that lacks a program, or has one that is too old, learns what it needs in one sentence.

use std::{
    env, fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

const CHECKOUT: &str = env!("CARGO_MANIFEST_DIR");
/// The programs of any machine that the check itself uses.
const ORDINARY: [&str; 6] = ["bash", "grep", "head", "make", "sed", "sort"];
/// The oldest Rust that Cargo.toml admits, and one before it.
const RUST: &str = "cargo 1.94.0 (abc 2026-02-03)";
const OLD_RUST: &str = "cargo 1.93.1 (abc 2026-01-01)";

/// A machine with ordinary programs and those that a test adds.
struct Machine {
    programs: TempDir,
}

impl Machine {
    fn new() -> Self {
        let programs = tempfile::tempdir().unwrap();
        let path = env::var_os("PATH").unwrap();
        let find = |name| env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.exists());
        for name in ORDINARY {
            let file: PathBuf = find(name).unwrap_or_else(|| panic!("these tests use {name}"));
            symlink(file, programs.path().join(name)).unwrap();
        }
        Self { programs }
    }

    /// Adds a program that only reports its version.
    fn with(self, name: &str, version: &str) -> Self {
        let file = self.programs.path().join(name);
        fs::write(&file, format!("#!/bin/sh\nprintf '{version}\\n'\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn run(&self, program: &str, arguments: &[&str], directory: &Path) -> Output {
        let mut command = Command::new(self.programs.path().join(program));
        command.args(arguments).current_dir(directory).env("PATH", self.programs.path()).output().unwrap()
    }

    fn make(&self) -> Output {
        self.run("make", &["--silent", "machine"], Path::new(CHECKOUT))
    }

    /// Asks elsewhere than in the checkout, for what the tests have installed there comes before the machine's.
    fn has_version(&self, name: &str, minimum: &str) -> bool {
        let line = format!("source {CHECKOUT}/.ci/machine.sh && has_version {name} {minimum}");
        self.run("bash", &["-c", &line], self.programs.path()).status.success()
    }

    /// The output of `make dev` when it does not start.
    fn refusal(&self) -> String {
        let output = self.make();
        assert!(!output.status.success());
        let said = String::from_utf8(output.stderr).unwrap();
        said.lines().find(|line| !line.starts_with("make")).unwrap_or_default().to_owned()
    }
}

#[test]
fn a_program_that_is_missing_or_too_old_does_not_count() {
    let cases = [
        ("go", "go version go1.26.8 linux/amd64", "1.25", true),
        ("go", "go version go1.25 linux/amd64", "1.25", true),
        ("go", "go version go1.19.8 linux/amd64", "1.25", false),
        ("go", "go version go1.9 linux/amd64", "1.25", false),
        ("javac", "javac 21", "17", true),
        ("javac", "javac 1.8.0_402", "17", false),
        ("node", "v20.20.2", "20", true),
        ("mvn", "\\033[1mApache Maven 3.8.7\\033[m", "3.6.3", true),
        ("mvn", "\\033[1mApache Maven 3.6.0\\033[m", "3.6.3", false),
        ("ruby", "ruby 3.1.2p20 (2022-04-12 revision 4491bb740a) [x86_64-linux-gnu]", "3.1", true),
        ("python3", "Python 3.9.2", "3.10", false),
        ("python3", "no version here", "3.10", false),
    ];
    for (name, version, minimum, expected) in cases {
        let machine = Machine::new().with(name, version);
        assert_eq!(machine.has_version(name, minimum), expected, "{version} for {name} {minimum}");
    }
    assert!(!Machine::new().has_version("go", "1.25"), "there is none");
}

#[test]
fn make_dev_says_in_one_sentence_that_rust_or_a_compiler_is_missing() {
    let needed = "Rust 1.94 or newer is needed, and this machine has";
    assert_eq!(Machine::new().refusal(), format!("{needed} none: see https://rustup.rs"));
    let old = Machine::new().with("cargo", OLD_RUST);
    assert_eq!(old.refusal(), format!("{needed} 1.93.1: see https://rustup.rs"));
    let with_docker = Machine::new().with("docker", "Docker version 28.3.3");
    let containers = "docker compose --env-file deploy/compose/dev.env --profile dev up --build";
    let sentence = format!("{needed} none: see https://rustup.rs, or run the gateway in containers: {containers}");
    assert_eq!(with_docker.refusal(), sentence);
    let without_compiler = Machine::new().with("cargo", RUST);
    let compiler = "a C compiler is needed, and this machine has none: on Debian, apt-get install build-essential";
    assert_eq!(without_compiler.refusal(), compiler);
    let whole = Machine::new().with("cargo", RUST).with("cc", "cc 12");
    assert!(whole.make().status.success());
}
