//! How long a connection may be silent, so that nobody keeps a place at the port by doing nothing.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

/// How long a connection may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Before the first byte comes in.
    pub first: Duration,
    /// Later: while nothing comes in and nothing goes out.
    pub idle: Duration,
}

/// Measures the silence of one connection. What moves only notes the time; the timer is set again when it ends, so that
/// busy connections do not pay for it.
pub(super) struct Silence {
    limit: Duration,
    /// The limit after the first byte, until that comes.
    later: Option<Duration>,
    since: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Silence {
    pub(super) fn new(patience: Patience) -> Self {
        let Patience { first, idle } = patience;
        Self { limit: first, later: Some(idle), since: Instant::now(), timer: Box::pin(sleep(first)) }
    }

    /// Notes that bytes have come in.
    pub(super) fn heard(&mut self) {
        self.since = Instant::now();
        if let Some(later) = self.later.take() {
            self.limit = later;
            self.timer.as_mut().reset(self.since + later);
        }
    }

    /// Notes that bytes have gone out.
    pub(super) fn spoke(&mut self) {
        self.since = Instant::now();
    }

    /// Ends when it has been silent for too long. Wakes whoever asked.
    pub(super) fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        while self.timer.as_mut().poll(context).is_ready() {
            let end = self.since + self.limit;
            if end <= Instant::now() {
                return Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "the connection was silent for too long"));
            }
            self.timer.as_mut().reset(end);
        }
        Poll::Pending
    }
}
