//! A server of PostgreSQL as a process of the test's own. It listens on a socket in its own directory and on no port.

use std::{
    env,
    fs::{self, File},
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use tokio::{task::block_in_place, time::sleep};

use crate::support::proxy::ServerAddress;

/// Where Debian has PostgreSQL's programs, below a directory for each version.
const PROGRAMS: &str = "/usr/lib/postgresql";
/// The user and the group `nobody`: PostgreSQL refuses to run as root.
const NOBODY: u32 = 65534;
/// How long it may take to start, to stop, or to recover after a crash.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// How often a test looks whether it has.
const LOOK: Duration = Duration::from_millis(50);
/// Its settings.
const SETTINGS: [&str; 5] = [
    "listen_addresses=",
    "max_connections=200",
    "shared_buffers=32MB",
    "wal_retrieve_retry_interval=100ms",
    "log_min_messages=warning",
];

/// The server; stopped when dropped, and its files are gone.
pub struct PostgresServer {
    programs: PathBuf,
    home: TempDir,
    process: Option<Child>,
}

impl PostgresServer {
    /// An empty one that does not run yet. `None`: PostgreSQL is not installed, and this is not CI.
    pub fn new() -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(env::var_os("CI").is_none(), "{PROGRAMS} has no PostgreSQL");
            println!("skipped on PostgreSQL: {PROGRAMS} has none");
            return None;
        };
        let server = Self { programs, home: home(), process: None };
        let make = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
        server.run("initdb", &make, "-D");
        Some(server)
    }

    /// A copy of this one, to be started as its standby of this name.
    pub fn copy(&self, name: &str) -> Self {
        let standby = Self { programs: self.programs.clone(), home: home(), process: None };
        let from = self.home.path().to_str().unwrap();
        let copy = ["-h", from, "-U", "postgres", "--checkpoint=fast", "--no-sync", "--wal-method=stream"];
        standby.run("pg_basebackup", &copy, "-D");
        let primary = format!("primary_conninfo = 'host={from} user=postgres application_name={name}'\n");
        // Nothing else of the primary's: a standby that is promoted waits for none of its own.
        for (file, content) in [("postgresql.auto.conf", primary.as_str()), ("standby.signal", "")] {
            let file = standby.data().join(file);
            fs::write(&file, content).unwrap();
            give_away(&file);
        }
        standby
    }

    /// Where it listens.
    pub fn address(&self) -> ServerAddress {
        ServerAddress::Socket(self.home.path().join(".s.PGSQL.5432"))
    }

    /// Starts it, and waits until it answers.
    pub async fn start(&mut self) {
        let log = File::create(self.log()).unwrap();
        let mut command = self.command("postgres");
        let socket = format!("unix_socket_directories={}", self.home.path().display());
        let settings = SETTINGS.into_iter().chain([socket.as_str()]).flat_map(|setting| ["-c", setting]);
        command.arg("-D").arg(self.data()).args(settings);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.process = Some(command.spawn().unwrap());
        self.wait_until_it_answers().await;
    }

    /// Waits until it answers, as after a crash.
    pub async fn wait_until_it_answers(&self) {
        let begun = Instant::now();
        while self.number("SELECT 1::bigint").await.is_none() {
            assert!(begun.elapsed() < TIME_LIMIT, "the server does not answer: {}", self.said());
            sleep(LOOK).await;
        }
    }

    /// Stops it by a signal: `INT` ends what is under way and then itself, `QUIT` is as a crash.
    pub async fn stop(&mut self, signal: Signal) {
        let Some(mut process) = self.process.take() else { return };
        kill_process(Pid::from_child(&process), signal).unwrap();
        let begun = Instant::now();
        while process.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < TIME_LIMIT, "the server does not stop: {}", self.said());
            sleep(LOOK).await;
        }
    }

    /// Makes a standby the primary. By a command, for a statement may be canceled: what the standby has still to recover comes first.
    pub async fn promote(&self) {
        self.run("pg_ctl", &["promote", "-w", "-t", "60"], "-D");
        assert_eq!(self.number("SELECT pg_is_in_recovery()::int::bigint").await, Some(0), "{}", self.said());
    }

    /// The processes that serve its clients.
    pub async fn backends(&self) -> Vec<i64> {
        const BACKENDS: &str = "SELECT pid::bigint FROM pg_stat_activity
             WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY pid";
        let mut session = self.session().await.unwrap();
        sqlx::query_scalar(BACKENDS).fetch_all(&mut session).await.unwrap()
    }

    /// Sends a signal to one of its processes, which may have ended meanwhile.
    pub fn signal(process: i64, signal: Signal) {
        let id = i32::try_from(process).ok().and_then(Pid::from_raw).unwrap();
        kill_process(id, signal).ok();
    }

    /// Runs a statement.
    pub async fn execute(&self, sql: &str) -> Result<(), sqlx::Error> {
        let mut session = self.session().await?;
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut session).await.map(|_| ())
    }

    /// The number that a query answers; `None` where it answers none, or the server does not.
    pub async fn number(&self, sql: &str) -> Option<i64> {
        let mut session = self.session().await.ok()?;
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned())).fetch_optional(&mut session).await.ok()?
    }

    /// The end of its log.
    pub fn said(&self) -> String {
        let said = fs::read_to_string(self.log()).unwrap_or_default();
        said.lines().rev().take(20).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    async fn session(&self) -> Result<PgConnection, sqlx::Error> {
        let home = self.home.path().display();
        PgConnection::connect(&format!("postgres://postgres@localhost/postgres?host={home}")).await
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.home.path().join("server.log")
    }

    /// Runs a program to its end, with the directory of the data as its `option`.
    fn run(&self, program: &str, args: &[&str], option: &str) {
        let mut command = self.command(program);
        let output = block_in_place(|| command.args(args).arg(option).arg(self.data()).output()).unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.home.path());
        if geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        kill_process(Pid::from_child(&process), Signal::QUIT).ok();
        process.wait().ok();
    }
}

/// The newest PostgreSQL's programs.
fn programs() -> Option<PathBuf> {
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let versions = fs::read_dir(PROGRAMS).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let newest = versions.filter(|path| path.join("bin/initdb").exists()).max_by_key(version)?;
    Some(newest.join("bin"))
}

/// A directory for a server's data, its socket and its log.
fn home() -> TempDir {
    // The path of a socket has at most 107 bytes, and not everybody may enter the directories of this test's user.
    let home = tempfile::Builder::new().prefix("gateway-chaos.").tempdir_in("/tmp").unwrap();
    give_away(home.path());
    home
}

/// Makes the server the owner.
fn give_away(path: &Path) {
    if geteuid().is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}
