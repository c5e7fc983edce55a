//! A port that listens: takes connections in, encrypted or plain, and bounds how many there are and how long they are silent. Serves gRPC and HTTP
//! alike. `tokio_rustls` is used here and nowhere else.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

mod certificates;
mod connection;
mod idle;

pub use certificates::{CertificateError, CertificateFiles, Certificates};
pub use connection::Connection;
pub use idle::Patience;

/// Handshakes at one time. Whoever comes while so many are under way waits in the queue of the operating system.
const MAX_HANDSHAKES: usize = 256;
/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long nothing is accepted after the operating system refused a connection for want of something, such as files.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Takes connections in. Dropping it closes the port; the connections that were taken stay open.
pub struct Port {
    listener: TcpListener,
    /// Without them connections are plain.
    certificates: Option<Certificates>,
    /// One for each connection that may still be opened.
    places: Arc<Semaphore>,
    handshakes: JoinSet<Option<Connection>>,
    patience: Patience,
}

impl Port {
    /// A port with at most `max_connections` open at one time: those that come then wait until others have ended.
    pub fn new(
        listener: TcpListener,
        certificates: Option<Certificates>,
        max_connections: u32,
        patience: Patience,
    ) -> Self {
        let places = usize::try_from(max_connections).unwrap_or(Semaphore::MAX_PERMITS).min(Semaphore::MAX_PERMITS);
        let places = Arc::new(Semaphore::new(places));
        Self { listener, certificates, places, handshakes: JoinSet::new(), patience }
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
            tokio::select! {
                Some(ended) = self.handshakes.join_next() => if let Ok(Some(connection)) = ended {
                    return connection;
                },
                (stream, peer, place) = arrival(&self.listener, &self.places),
                    if self.handshakes.len() < MAX_HANDSHAKES =>
                {
                    let Some(certificates) = &self.certificates else {
                        return Connection::plain(stream, peer, place, self.patience);
                    };
                    let (acceptor, patience) = (certificates.acceptor(), self.patience);
                    self.handshakes.spawn(async move {
                        let stream = handshake(acceptor, stream, peer).await?;
                        Some(Connection::encrypted(stream, peer, place, patience))
                    });
                },
            }
        }
    }
}

/// The next connection, as soon as there is a place for it.
async fn arrival(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Small answers must not wait for more; without the option they are only slower.
                let _ = stream.set_nodelay(true);
                return (stream, peer, place);
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

async fn handshake(acceptor: TlsAcceptor, stream: TcpStream, peer: SocketAddr) -> Option<TlsStream<TcpStream>> {
    match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some(stream),
        // Not worth more than debug: every scanner of ports causes it.
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "a TLS handshake failed");
            None
        }
        Err(_) => {
            tracing::debug!(%peer, "a TLS handshake took too long");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        time::Instant,
    };

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);
    const IDLE: Duration = Duration::from_secs(1);

    /// A connection that was taken in, and its other end.
    async fn connection(patience: Patience) -> (Connection, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut port = Port::new(listener, None, 1, patience);
        let other_end = TcpStream::connect(port.local_addr().unwrap()).await.unwrap();
        (port.accept().await, other_end)
    }

    /// Reads until the connection has been silent for too long; answers when that was, counted from the beginning.
    async fn silence(connection: &mut Connection) -> Duration {
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
    async fn who_says_nothing_is_not_waited_for() {
        let first = Duration::from_millis(50);
        let (mut connection, _silent) = connection(Patience { first, idle: LONG }).await;
        let ended = silence(&mut connection).await;
        assert!(ended >= first, "{ended:?}");
    }

    #[tokio::test]
    async fn who_falls_silent_is_waited_for_from_the_last_byte_on() {
        let (mut connection, mut other_end) = connection(Patience { first: LONG, idle: IDLE }).await;
        let talking = tokio::spawn(async move {
            for _ in 0..4 {
                other_end.write_all(&[7]).await.unwrap();
                sleep(IDLE / 4).await;
            }
            other_end
        });
        let ended = silence(&mut connection).await;
        assert!(ended >= IDLE + IDLE / 4 * 3, "{ended:?}");
        drop(talking);
    }

    #[tokio::test]
    async fn what_is_said_to_a_silent_one_counts_too() {
        let (connection, mut other_end) = connection(Patience { first: LONG, idle: IDLE }).await;
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
}
