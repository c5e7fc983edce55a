//! The program itself, as a process of its own: what it says, and how it ends.

use std::{
    env,
    ffi::OsString,
    io::{BufRead as _, BufReader, Read},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// The program's variables, by name.
pub type Variables<'a> = [(&'a str, &'a str)];

/// Names another build of the program than the tests' own.
const BINARY: &str = "TEST_BINARY";
/// How long the program may take to say or do what a test waits for.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// How often a test looks whether it has.
const LOOK: Duration = Duration::from_millis(20);

/// Runs the program to its end in `directory`, with these variables and no others.
pub fn output(directory: &Path, args: &[&str], variables: &Variables<'_>) -> Output {
    output_by(&[], directory, args, variables)
}

/// The same by a launcher, which becomes the program.
pub fn output_by(launcher: &[&str], directory: &Path, args: &[&str], variables: &Variables<'_>) -> Output {
    command(launcher, directory, args, variables).output().unwrap()
}

fn command(launcher: &[&str], directory: &Path, args: &[&str], variables: &Variables<'_>) -> Command {
    let mut command = match launcher {
        [] => Command::new(binary()),
        [launcher, own @ ..] => {
            let mut command = Command::new(launcher);
            command.args(own).arg(binary());
            command
        }
    };
    command.args(args).current_dir(directory).env_clear().envs(variables.iter().copied());
    command
}

fn binary() -> OsString {
    env::var_os(BINARY).unwrap_or_else(|| env!("CARGO_BIN_EXE_corefy-gateway").into())
}

/// The program while it runs; killed when dropped.
pub struct Program {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Program {
    /// Starts it in `directory`, with these variables and no others.
    pub fn start(directory: &Path, args: &[&str], variables: &Variables<'_>) -> Self {
        Self::start_by(&[], directory, args, variables)
    }

    /// The same by a launcher, which becomes the program.
    pub fn start_by(launcher: &[&str], directory: &Path, args: &[&str], variables: &Variables<'_>) -> Self {
        let mut command = command(launcher, directory, args, variables);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::default();
        listen(child.stdout.take().unwrap(), &said);
        listen(child.stderr.take().unwrap(), &said);
        Self { child, said }
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// All that it said until now, to standard output and standard error.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits until it has said `start`, and answers the word that follows it.
    pub async fn word_after(&mut self, start: &str) -> String {
        let deadline = Instant::now() + TIME_LIMIT;
        loop {
            let said = self.said();
            // Only whole lines: half a word is not the word.
            let lines = said.rsplit_once('\n').map_or("", |(lines, _)| lines);
            if let Some((_, rest)) = lines.split_once(start) {
                return rest.split_whitespace().next().unwrap_or_default().to_owned();
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "{start:?} was not said, ended: {ended:?}\n{said}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The memory it takes up now, in KiB.
    pub fn memory_kib(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Stops it, as a process manager does.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Has it read its files again, as a process manager does.
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// Stops it where it is, as an overloaded machine does, until [`Self::thaw`].
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Kills it, as a crash of its machine does: nothing in it can end what it is at.
    pub async fn kill(&mut self) {
        self.child.kill().unwrap();
        assert_eq!(self.exit_code().await, None, "{}", self.said());
    }

    /// Waits for its end, and answers its exit code; `None`: a signal ended it.
    pub async fn exit_code(&mut self) -> Option<i32> {
        let deadline = Instant::now() + TIME_LIMIT;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it did not end\n{}", self.said());
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn listen(pipe: impl Read + Send + 'static, said: &Arc<Mutex<String>>) {
    let said = said.clone();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            said.lock().unwrap().push_str(&(line + "\n"));
        }
    });
}
