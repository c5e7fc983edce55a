//! Lock step: for a simulation, in which the database must answer within the poll that asks it. SQLite works in a thread of its
//! own, whose answers would otherwise come between the tasks of the gateway whenever that thread happens to run.

use std::{
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use sqlx::{
    Any, AnyConnection, Either, Error, Execute, Executor, SqlStr,
    any::{AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo},
};
use tokio_stream::Stream;

/// The pace of the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pace {
    /// A task waits for its answer while others go on.
    #[default]
    Free,
    /// Everything waits for the answer.
    LockStep,
}

impl Pace {
    /// Does what is asked of the database, which must wait for nothing else.
    pub(super) async fn keep<T>(self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        std::future::poll_fn(|context| match self {
            Self::Free => work.as_mut().poll(context),
            Self::LockStep => Poll::Ready(block(|context| work.as_mut().poll(context))),
        })
        .await
    }

    /// Of as many connections as there may be, how many are opened at once and kept: in lock step nothing is opened later, for
    /// that takes a moment in which others go on.
    pub(super) fn kept_open(self, most: u32) -> u32 {
        match self {
            Self::Free => 0,
            Self::LockStep => most,
        }
    }

    /// Does it here and now, where nobody can wait.
    pub(super) fn keep_now<T>(work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        block(|context| work.as_mut().poll(context))
    }
}

/// Polls until it is ready, and lets this thread wait in between.
fn block<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    let alarm = Arc::new(Alarm { thread: thread::current(), has_rung: AtomicBool::new(false) });
    let waker = Waker::from(alarm.clone());
    loop {
        if let Poll::Ready(done) = poll(&mut Context::from_waker(&waker)) {
            return done;
        }
        while !alarm.has_rung.swap(false, Ordering::SeqCst) {
            thread::park();
        }
    }
}

/// Lets a thread go on. One thread may wait within a wait: each has an alarm of its own.
struct Alarm {
    thread: Thread,
    has_rung: AtomicBool,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.has_rung.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

/// A connection at its pace.
#[derive(Debug)]
pub(super) struct PacedConnection<'c> {
    pub(super) on: &'c mut AnyConnection,
    pub(super) pace: Pace,
}

/// A future and rows, as the driver has them.
pub(super) type Boxed<'e, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'e>>;
pub(super) type Rows<'e> = Pin<Box<dyn Stream<Item = Result<Either<AnyQueryResult, AnyRow>, Error>> + Send + 'e>>;

impl<'c> Executor<'c> for PacedConnection<'c> {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> Rows<'e>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let rows = self.on.fetch_many(query);
        match self.pace {
            Pace::Free => rows,
            Pace::LockStep => Box::pin(InStep(rows)),
        }
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> Boxed<'e, Option<AnyRow>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let row = self.on.fetch_optional(query);
        match self.pace {
            Pace::Free => row,
            Pace::LockStep => Box::pin(self.pace.keep(row)),
        }
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [AnyTypeInfo]) -> Boxed<'e, AnyStatement>
    where
        'c: 'e,
    {
        Box::pin(self.pace.keep(self.on.prepare_with(sql, parameters)))
    }
}

/// Rows of which each is there when it is asked for.
struct InStep<'e>(Rows<'e>);

impl Stream for InStep<'_> {
    type Item = Result<Either<AnyQueryResult, AnyRow>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(block(|context| self.0.as_mut().poll_next(context)))
    }
}
