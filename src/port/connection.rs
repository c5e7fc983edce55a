//! One connection: its bytes, encrypted or not, and its peer.

use std::{
    io::{self, IoSlice},
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use super::{
    idle::{IdleTimeouts, IdleTimer},
    permits::{Permit, Standing},
};

/// The bytes of a connection, plain or decrypted.
type Bytes = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// An accepted connection. It holds its permit until it is dropped. Reading and writing fail when it was idle for too
/// long, did not prove itself in time, or had to make room for another.
pub struct Connection {
    stream: Bytes,
    /// The address that is connected, and the one that it is connected for.
    peer: (SocketAddr, Option<IpAddr>),
    idle: IdleTimer,
    permit: Permit,
}

/// The far end of a connection, for the services on it.
#[derive(Clone)]
pub struct Peer {
    /// The address that is connected.
    pub address: SocketAddr,
    /// The address that opened the connection, by the PROXY protocol where a trusted proxy speaks it; `None`: it did not say.
    pub sender: Option<IpAddr>,
    /// Whether it has proved itself.
    pub standing: Standing,
}

impl Connection {
    pub(super) fn plain(
        stream: TcpStream,
        peer: (SocketAddr, Option<IpAddr>),
        permit: Permit,
        timeouts: IdleTimeouts,
    ) -> Self {
        Self { stream: Either::Left(stream), peer, idle: IdleTimer::new(timeouts), permit }
    }

    pub(super) fn encrypted(
        stream: TlsStream<TcpStream>,
        peer: (SocketAddr, Option<IpAddr>),
        permit: Permit,
        timeouts: IdleTimeouts,
    ) -> Self {
        Self { stream: Either::Right(Box::new(stream)), peer, idle: IdleTimer::new(timeouts), permit }
    }

    /// The peer of the connection.
    pub fn peer(&self) -> Peer {
        let (address, sender) = self.peer;
        Peer { address, sender, standing: self.permit.standing().clone() }
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut Bytes> {
        Pin::new(&mut self.get_mut().stream)
    }

    /// Passes on what came of moving bytes; while nothing moves, the error with which the connection has to end.
    fn or_end<T>(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            return polled;
        }
        if self.permit.poll_end(context).is_ready() {
            let why = "the connection had to make room for another";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, why)));
        }
        let has_proved = self.permit.standing().has_proved();
        self.idle.poll_end(context, has_proved).map(Err)
    }

    /// The same for bytes that go out.
    fn written(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(_)) = polled {
            self.idle.sent();
        }
        self.or_end(context, polled)
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = self.as_mut().stream().poll_read(context, into);
        let polled = ready!(self.or_end(context, polled));
        self.idle.received();
        Poll::Ready(polled)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = self.as_mut().stream().poll_write(context, bytes);
        self.written(context, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = self.as_mut().stream().poll_write_vectored(context, parts);
        self.written(context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = self.as_mut().stream().poll_flush(context);
        self.or_end(context, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = self.as_mut().stream().poll_shutdown(context);
        self.or_end(context, polled)
    }
}
