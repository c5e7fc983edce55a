//! A port that listens: takes connections in, encrypted or plain, and bounds how many there are. Serves gRPC and HTTP
//! alike. `tokio_rustls` is used here and nowhere else.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

mod certificates;
mod connection;

pub use certificates::{CertificateError, CertificateFiles, Certificates};
pub use connection::Connection;

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
}

impl Port {
    /// A port with at most `max_connections` open at one time: those that come then wait until others have ended.
    pub fn new(listener: TcpListener, certificates: Option<Certificates>, max_connections: u32) -> Self {
        let places = usize::try_from(max_connections).unwrap_or(Semaphore::MAX_PERMITS).min(Semaphore::MAX_PERMITS);
        let places = Arc::new(Semaphore::new(places));
        Self { listener, certificates, places, handshakes: JoinSet::new() }
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
                    let Some(certificates) = &self.certificates else { return Connection::plain(stream, peer, place) };
                    self.handshakes.spawn(handshake(certificates.acceptor(), stream, peer, place));
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

async fn handshake(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    peer: SocketAddr,
    place: OwnedSemaphorePermit,
) -> Option<Connection> {
    match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some(Connection::encrypted(stream, peer, place)),
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
