//! The opening of a connection: a proxy's header about the caller, then the TLS handshake.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsAcceptor;

use super::{
    connection::Connection,
    idle::IdleTimeouts,
    permits::Permit,
    proxy_header::{self, Sender},
};

/// How long each part of it may take.
const LIMIT: Duration = Duration::from_secs(5);

/// A connection that came, and what is to happen before it is served.
pub(super) struct Opening {
    pub stream: TcpStream,
    pub peer: SocketAddr,
    pub permit: Permit,
    pub timeouts: IdleTimeouts,
    /// It comes from a proxy that first names the caller.
    pub is_proxied: bool,
    /// `None`: it stays plain.
    pub acceptor: Option<TlsAcceptor>,
}

impl Opening {
    /// Whether there is nothing to wait for.
    pub(super) fn is_immediate(&self) -> bool {
        !self.is_proxied && self.acceptor.is_none()
    }

    /// The connection as it came.
    pub(super) fn into_plain(self) -> Connection {
        Connection::plain(self.stream, (self.peer, Some(self.peer.ip())), self.permit, self.timeouts)
    }

    /// Does both, unless the permit has to be given up meanwhile.
    pub(super) async fn run(self) -> Option<Connection> {
        let Self { mut stream, peer, mut permit, timeouts, is_proxied, acceptor } = self;
        let parts = async {
            let sender = if is_proxied { sender(&mut stream, peer).await? } else { Some(peer.ip()) };
            let stream = match acceptor {
                Some(acceptor) => Ok(in_time(peer, acceptor.accept(stream)).await?),
                None => Err(stream),
            };
            Some((stream, sender))
        };
        let (stream, sender) = tokio::select! {
            opened = parts => opened?,
            () = permit.end() => return None,
        };
        Some(match stream {
            Ok(encrypted) => Connection::encrypted(encrypted, (peer, sender), permit, timeouts),
            Err(plain) => Connection::plain(plain, (peer, sender), permit, timeouts),
        })
    }
}

/// The address that a proxy has a connection from; within, `None` when it does not say.
async fn sender(stream: &mut TcpStream, peer: SocketAddr) -> Option<Option<IpAddr>> {
    Some(match in_time(peer, proxy_header::read(stream)).await? {
        Sender::Proxy => Some(peer.ip()),
        Sender::Address(address) => Some(address),
        Sender::Unknown => None,
    })
}

/// The result of a part; failures are logged at debug only, for every port scanner causes them.
async fn in_time<T>(peer: SocketAddr, part: impl Future<Output = io::Result<T>>) -> Option<T> {
    match timeout(LIMIT, part).await {
        Ok(Ok(done)) => Some(done),
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "a connection was not opened");
            None
        }
        Err(_) => {
            tracing::debug!(%peer, "a connection took too long to open");
            None
        }
    }
}
