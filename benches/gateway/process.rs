//! Processes under measurement: started with settings by variable, watched through `/proc`, killed when dropped.

use std::{
    fs, io, iter,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How long a process may take to listen.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Between two looks whether it does.
const START_LOOK: Duration = Duration::from_millis(1);
/// Clock ticks a second in `/proc/<pid>/stat`: what Linux reports on every architecture.
const TICKS_PER_SECOND: u64 = 100;

/// A running process that listens on loopback.
pub struct Process {
    child: Child,
    /// From the start of the program until it took a connection.
    pub start_up: Duration,
}

impl Process {
    /// Starts `command`, which will listen on `addr`; what it logs goes to `log`.
    pub fn start(mut command: Command, addr: SocketAddr, log: PathBuf) -> io::Result<Self> {
        let log = fs::File::create(log)?;
        let began = Instant::now();
        let child = command.stdout(log.try_clone()?).stderr(log).stdin(Stdio::null()).spawn()?;
        let mut process = Self { child, start_up: Duration::ZERO };
        while std::net::TcpStream::connect(addr).is_err() {
            if began.elapsed() > START_LIMIT || process.child.try_wait()?.is_some() {
                return Err(io::Error::other(format!("{command:?} does not listen on {addr}")));
            }
            std::thread::sleep(START_LOOK);
        }
        process.start_up = began.elapsed();
        Ok(process)
    }

    /// The CPU it has used.
    pub fn cpu(&self) -> Duration {
        cpu_of(self.child.id())
    }

    /// The most memory it has had, in bytes.
    pub fn peak_memory(&self) -> u64 {
        self.memory_by("VmHWM:")
    }

    /// The memory that it has now, in bytes.
    pub fn memory(&self) -> u64 {
        self.memory_by("VmRSS:")
    }

    fn memory_by(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() * 1024
    }

    /// How many files and connections it has open.
    pub fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).map_or(0, Iterator::count)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A loopback address whose port is free: one of those that the kernel gives to nobody who asks for any.
pub fn free_addr() -> io::Result<SocketAddr> {
    let mut ports = iter::repeat_with(|| SocketAddr::from((Ipv4Addr::LOCALHOST, fastrand::u16(20_000..32_768))));
    ports
        .by_ref()
        .take(100)
        .find(|port| TcpListener::bind(port).is_ok())
        .ok_or_else(|| io::Error::other("no port is free"))
}

/// The CPU that the process `pid` has used, in user and kernel mode.
pub fn cpu_of(pid: u32) -> Duration {
    // The second field is the program's name in parentheses, which may have blanks of its own.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
    Duration::from_millis((ticks(11) + ticks(12)) * 1000 / TICKS_PER_SECOND)
}

/// The CPU that all processes named `name` have used, those that ended not counted.
pub fn cpu_of_all(name: &str) -> Duration {
    let Ok(entries) = fs::read_dir("/proc") else { return Duration::ZERO };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let is_named = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == name);
    pids.filter(is_named).map(cpu_of).sum()
}
