//! A port that listens: takes connections in, encrypted or plain, and bounds how many there are and how long they are silent. Serves gRPC and HTTP
//! alike. `tokio_rustls` is used here and nowhere else.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::domain::proxies::Proxies;

mod certificates;
mod connection;
mod idle;
mod opening;
mod permits;
pub mod probe;
pub mod proxy_header;

pub use certificates::{CertificateError, CertificateFiles, Certificates};
pub use connection::{Connection, Peer};
pub use idle::IdleTimeouts;
pub use permits::{CountedAs, Standing};

use opening::Opening;
use permits::{Permit, Permits};

/// How long nothing is accepted after the operating system refused a connection for want of something, such as files.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// How often the log says, at most, that an address wants more than its share.
const WARN_INTERVAL: Duration = Duration::from_secs(60);

/// The bounds of a port.
#[derive(Clone)]
pub struct Bounds {
    /// Connections at one time.
    pub most: u32,
    /// The number of them that are always on trial: a newcomer may replace them.
    pub always_on_trial: u32,
    /// By which address a connection counts, for the share of each.
    pub counted_as: CountedAs,
    /// The proxies whose connections begin with the header of the PROXY protocol, version 2. No others may send it.
    pub proxied_by: Proxies,
    /// How long a connection may take for what.
    pub timeouts: IdleTimeouts,
}

/// Takes connections in. Dropping it closes the port; the connections that were taken stay open.
pub struct Port {
    listener: TcpListener,
    /// Without them connections are plain.
    certificates: Option<Certificates>,
    permits: Permits<TcpStream>,
    proxied_by: Proxies,
    /// A handshake under way holds a permit like any other connection on trial, and can be replaced like one.
    handshakes: JoinSet<Option<Connection>>,
    timeouts: IdleTimeouts,
    warned_at: Option<Instant>,
}

impl Port {
    /// A port within these bounds. When every permit is held by a connection that has proved itself, new connections
    /// wait until one ends.
    pub fn new(listener: TcpListener, certificates: Option<Certificates>, bounds: Bounds) -> Self {
        let Bounds { most, always_on_trial, counted_as, proxied_by, timeouts } = bounds;
        let permits = Permits::new(most, always_on_trial, counted_as);
        let (handshakes, warned_at) = (JoinSet::new(), None);
        Self { listener, certificates, permits, proxied_by, handshakes, timeouts, warned_at }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The next connection, its handshake done. Nothing is lost when the future is dropped.
    pub async fn accept(&mut self) -> Connection {
        loop {
            let (stream, peer, permit) = tokio::select! {
                Some(ended) = self.handshakes.join_next() => match ended {
                    Ok(Some(connection)) => return connection,
                    _ => continue,
                },
                arrived = self.permits.next(accepted(&self.listener)) => arrived,
            };
            let Some(permit) = permit else {
                self.warn(peer);
                continue;
            };
            let opening = self.opening(stream, peer, permit);
            if opening.is_immediate() {
                return opening.into_plain();
            }
            self.handshakes.spawn(opening.run());
        }
    }

    fn opening(&self, stream: TcpStream, peer: SocketAddr, permit: Permit) -> Opening {
        let is_proxied = self.proxied_by.include(peer.ip());
        let acceptor = self.certificates.as_ref().map(Certificates::acceptor);
        Opening { stream, peer, permit, timeouts: self.timeouts, is_proxied, acceptor }
    }

    fn warn(&mut self, peer: SocketAddr) {
        if self.warned_at.is_some_and(|last| last.elapsed() < WARN_INTERVAL) {
            return;
        }
        self.warned_at = Some(Instant::now());
        tracing::warn!(%peer, "an address has its share of the connections; further ones are closed");
    }
}

async fn accepted(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Small answers must not wait for more; without the option they are only slower.
                let _ = stream.set_nodelay(true);
                return (stream, peer);
            }
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, sync::Arc};

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        time::timeout,
    };

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);
    const IDLE: Duration = Duration::from_secs(1);

    fn port(listener: TcpListener, timeouts: IdleTimeouts) -> Port {
        Port::new(
            listener,
            None,
            Bounds {
                most: 8,
                always_on_trial: 0,
                counted_as: Arc::new(Some),
                proxied_by: Proxies::default(),
                timeouts,
            },
        )
    }

    /// A connection that was taken in, and its other end.
    async fn connection(timeouts: IdleTimeouts) -> (Connection, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut port = port(listener, timeouts);
        let other_end = TcpStream::connect(port.local_addr().unwrap()).await.unwrap();
        (port.accept().await, other_end)
    }

    /// Reads until the connection has been silent for too long; answers when that was, counted from the beginning.
    async fn idle(connection: &mut Connection) -> Duration {
        let began = Instant::now();
        loop {
            match connection.read(&mut [0]).await {
                Ok(read) => assert_eq!(read, 1, "the other end is there"),
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
                    return began.elapsed();
                }
            }
        }
    }

    #[tokio::test]
    async fn a_connection_without_a_first_byte_ends() {
        let first = Duration::from_millis(50);
        let (mut connection, _silent) = connection(IdleTimeouts { first, idle: LONG, trial: None }).await;
        let ended = idle(&mut connection).await;
        assert!(ended >= first, "{ended:?}");
    }

    #[tokio::test]
    async fn the_idle_time_counts_from_the_last_byte() {
        let (mut connection, mut other_end) = connection(IdleTimeouts { first: LONG, idle: IDLE, trial: None }).await;
        let talking = tokio::spawn(async move {
            for _ in 0..4 {
                other_end.write_all(&[7]).await.unwrap();
                sleep(IDLE / 4).await;
            }
            other_end
        });
        let ended = idle(&mut connection).await;
        assert!(ended >= IDLE + IDLE / 4 * 3, "{ended:?}");
        drop(talking);
    }

    #[tokio::test]
    async fn what_is_said_to_a_silent_one_counts_too() {
        let (connection, mut other_end) = connection(IdleTimeouts { first: LONG, idle: IDLE, trial: None }).await;
        other_end.write_all(&[7]).await.unwrap();
        let (mut reading, mut writing) = tokio::io::split(connection);
        let talking = tokio::spawn(async move {
            for _ in 0..4 {
                sleep(IDLE / 4).await;
                writing.write_all(&[7]).await.unwrap();
            }
        });
        let began = Instant::now();
        reading.read_exact(&mut [0]).await.unwrap();
        reading.read_exact(&mut [0]).await.unwrap_err();
        assert!(began.elapsed() >= IDLE * 2, "{:?}", began.elapsed());
        talking.await.unwrap();
    }

    /// Says a byte now and then until the other end has closed; answers when that was, counted from the beginning.
    async fn drip(mut other_end: TcpStream) -> Duration {
        let began = Instant::now();
        while other_end.write_all(&[7]).await.is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
        began.elapsed()
    }

    #[tokio::test]
    async fn a_connection_that_talks_and_proves_nothing_ends_with_its_trial() {
        let trial = Duration::from_millis(300);
        let (mut connection, other_end) =
            connection(IdleTimeouts { first: LONG, idle: LONG, trial: Some(trial) }).await;
        let dripping = tokio::spawn(drip(other_end));
        let ended = idle(&mut connection).await;
        assert!(ended >= trial - Duration::from_millis(50), "{ended:?}");
        drop(connection);
        dripping.await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_that_has_proved_itself_may_stay() {
        let timeouts = IdleTimeouts { first: LONG, idle: IDLE, trial: Some(Duration::from_millis(50)) };
        let (mut connection, _other_end) = connection(timeouts).await;
        connection.peer().standing.prove();
        let until_silence = tokio::spawn(async move { idle(&mut connection).await });
        sleep(Duration::from_millis(200)).await;
        assert!(!until_silence.is_finished());
        until_silence.abort();
    }

    #[tokio::test]
    async fn a_connection_whose_bytes_are_not_taken_ends_when_it_is_silent() {
        let (mut connection, mut other_end) = connection(IdleTimeouts { first: LONG, idle: IDLE, trial: None }).await;
        other_end.write_all(&[7]).await.unwrap();
        connection.read_exact(&mut [0]).await.unwrap();
        let error = loop {
            if let Err(error) = connection.write_all(&[7; 64 * 1024]).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(other_end);
    }

    #[tokio::test]
    async fn a_connection_that_makes_room_for_another_ends() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut port = port(listener, IdleTimeouts { first: LONG, idle: LONG, trial: None });
        let address = port.local_addr().unwrap();
        let (mut taken, mut other_ends) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            other_ends.push(TcpStream::connect(address).await.unwrap());
            taken.push(port.accept().await);
        }
        let error = taken[0].read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    }

    #[tokio::test]
    async fn a_connection_that_comes_when_all_places_are_proved_waits_and_is_not_closed() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let timeouts = IdleTimeouts { first: LONG, idle: LONG, trial: None };
        let bounds = Bounds {
            most: 1,
            always_on_trial: 0,
            counted_as: Arc::new(|_| None),
            proxied_by: Proxies::default(),
            timeouts,
        };
        let mut port = Port::new(listener, None, bounds);
        let address = port.local_addr().unwrap();
        let _first_end = TcpStream::connect(address).await.unwrap();
        let first = port.accept().await;
        let waiting = tokio::spawn(async move { port.accept().await });
        tokio::task::yield_now().await;
        first.peer().standing.prove();
        let mut second_end = TcpStream::connect(address).await.unwrap();
        let closed = timeout(Duration::from_millis(100), second_end.read(&mut [0])).await;
        assert!(closed.is_err() && !waiting.is_finished(), "{closed:?}");
        drop(first);
        waiting.await.unwrap();
    }
}
