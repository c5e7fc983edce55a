//! One connection: its bytes, encrypted on the way or not, and whom it is with.

use std::{
    io::{self, IoSlice},
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
};
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use super::idle::{Patience, Silence};

/// The bytes of a connection, plain or decrypted.
type Bytes = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// A connection that was taken in. It keeps its place at the port until it is dropped. Reading fails when it was silent for
/// too long.
pub struct Connection {
    stream: Bytes,
    peer: SocketAddr,
    silence: Silence,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    pub(super) fn plain(stream: TcpStream, peer: SocketAddr, place: OwnedSemaphorePermit, patience: Patience) -> Self {
        Self { stream: Either::Left(stream), peer, silence: Silence::new(patience), _place: place }
    }

    pub(super) fn encrypted(
        stream: TlsStream<TcpStream>,
        peer: SocketAddr,
        place: OwnedSemaphorePermit,
        patience: Patience,
    ) -> Self {
        Self { stream: Either::Right(Box::new(stream)), peer, silence: Silence::new(patience), _place: place }
    }

    /// Whom it is with.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut Bytes> {
        Pin::new(&mut self.get_mut().stream)
    }

    /// Notes that bytes went out.
    fn written(&mut self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(_)) = polled {
            self.silence.spoke();
        }
        polled
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = self.as_mut().stream().poll_read(context, into);
        match polled {
            Poll::Ready(_) => self.silence.heard(),
            Poll::Pending => return self.silence.poll_end(context).map(Err),
        }
        polled
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = self.as_mut().stream().poll_write(context, bytes);
        self.written(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = self.as_mut().stream().poll_write_vectored(context, parts);
        self.written(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }
}
