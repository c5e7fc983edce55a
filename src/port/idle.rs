//! Closes connections that are idle for too long, or that take too long to prove themselves, so that none holds a
//! permit for nothing.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// How long a connection may take for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdleTimeouts {
    /// Its silence before the first byte comes in.
    pub first: Duration,
    /// Its silence later: while nothing comes in and nothing goes out.
    pub idle: Duration,
    /// The time until it has proved itself, whatever it says meanwhile. `None`: it need not.
    pub trial: Option<Duration>,
}

/// Measures the idle time and the trial of one connection. Traffic only notes the time; the timer is set again when it
/// expires, so that busy connections do not pay for it.
pub(super) struct IdleTimer {
    limit: Duration,
    /// The limit after the first byte, until that comes.
    later: Option<Duration>,
    since: Instant,
    /// The end of the trial.
    trial: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl IdleTimer {
    pub(super) fn new(timeouts: IdleTimeouts) -> Self {
        let IdleTimeouts { first, idle, trial } = timeouts;
        let since = Instant::now();
        let trial = trial.map(|trial| since + trial);
        let mut idle =
            Self { limit: first, later: Some(idle), since, trial, timer: Box::pin(sleep_until(since + first)) };
        idle.set_timer();
        idle
    }

    /// Notes that bytes have come in.
    pub(super) fn received(&mut self) {
        self.since = Instant::now();
        if let Some(later) = self.later.take() {
            self.limit = later;
            self.set_timer();
        }
    }

    /// Notes that bytes have gone out.
    pub(super) fn sent(&mut self) {
        self.since = Instant::now();
    }

    /// Ready when it was idle for too long, or has not proved itself in time. Wakes the task that polls.
    pub(super) fn poll_end(&mut self, context: &mut Context<'_>, has_proved: bool) -> Poll<io::Error> {
        if has_proved {
            self.trial = None;
        }
        while self.timer.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            if self.since + self.limit <= now {
                return Poll::Ready(timed_out("the connection was silent for too long"));
            }
            if self.trial.is_some_and(|end| end <= now) {
                return Poll::Ready(timed_out("the connection made no call that was let in"));
            }
            self.set_timer();
        }
        Poll::Pending
    }

    fn set_timer(&mut self) {
        let idle = self.since + self.limit;
        self.timer.as_mut().reset(self.trial.map_or(idle, |trial| idle.min(trial)));
    }
}

fn timed_out(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, why)
}
