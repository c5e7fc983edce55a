//! The gateway as a service of systemd, which is told when it serves and while it lives.

use std::{os::unix::net::UnixDatagram, path::Path, time::Duration};

use tokio::task::spawn_blocking;

use crate::support::program::Program;

/// How long systemd may have to wait for a word.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// The end of systemd.
struct Manager(UnixDatagram);

impl Manager {
    fn listen(socket: &Path) -> Self {
        let socket = UnixDatagram::bind(socket).unwrap();
        socket.set_read_timeout(Some(TIME_LIMIT)).unwrap();
        Self(socket)
    }

    /// Takes words in until `word` comes: all of them, signs of life left out.
    async fn until(&self, word: &'static str) -> Vec<String> {
        let socket = self.0.try_clone().unwrap();
        let listening = move || {
            let (mut heard, mut buffer) = (Vec::new(), [0; 1024]);
            loop {
                let length = socket.recv(&mut buffer).unwrap();
                let told = str::from_utf8(&buffer[..length]).unwrap();
                let told = told.lines().find(|line| !line.starts_with("MONOTONIC_USEC=")).unwrap().to_owned();
                if told != "WATCHDOG=1" || word == told {
                    heard.push(told);
                }
                if heard.last().is_some_and(|last| last == word) {
                    return heard;
                }
            }
        };
        spawn_blocking(listening).await.unwrap()
    }
}

/// The settings of a gateway that calls nobody.
const SETTINGS: [(&str, &str); 6] = [
    ("COREFY_API_KEY", "corefy-api-key"),
    ("COREFY_SECRET_KEY", "corefy-secret-key-0123456789"),
    ("COREFY_CLIENT_KEY", "corefy-client-key"),
    ("GATEWAY_MASTER_KEY", "the-master-key-of-the-service-manager"),
    ("GATEWAY_GRPC_ADDR", "127.0.0.1:0"),
    ("GATEWAY_HTTP_ADDR", "127.0.0.1:0"),
];

#[tokio::test]
async fn systemd_is_told_when_the_gateway_serves_lives_reloads_and_stops() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("notify");
    let manager = Manager::listen(&socket);
    let of_manager = [("NOTIFY_SOCKET", socket.to_str().unwrap()), ("WATCHDOG_USEC", "300000")];
    let mut gateway = Program::start(directory.path(), &["serve"], &[&SETTINGS[..], &of_manager].concat());
    assert_eq!(manager.until("READY=1").await, ["READY=1"], "it says that it is ready first");
    assert!(gateway.said().contains("serving"), "it said so before it served");
    for _ in 0..3 {
        manager.until("WATCHDOG=1").await;
    }
    gateway.hang_up();
    assert_eq!(manager.until("READY=1").await, ["RELOADING=1", "READY=1"]);
    gateway.terminate();
    assert_eq!(manager.until("STOPPING=1").await, ["STOPPING=1"]);
    assert_eq!(gateway.exit_code().await, Some(0), "{}", gateway.said());
}

#[tokio::test]
async fn a_manager_that_does_not_listen_keeps_nobody_from_serving() {
    let directory = tempfile::tempdir().unwrap();
    let variables = [&SETTINGS[..], &[("NOTIFY_SOCKET", "/nowhere/at/all")]].concat();
    let mut gateway = Program::start(directory.path(), &["serve"], &variables);
    gateway.word_after("systemd cannot be told of the state of the service").await;
    gateway.terminate();
    assert_eq!(gateway.exit_code().await, Some(0), "{}", gateway.said());
}
