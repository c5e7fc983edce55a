//! Lock step: for a simulation, in which the database must answer within the poll that asks it. SQLite works in a thread of its
//! own, whose answers would otherwise come between the tasks of the gateway whenever that thread happens to run.

use std::{
    fmt::Debug,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker, ready},
    thread::{self, Thread},
};

use async_trait::async_trait;
use sqlx::{
    Any, AnyConnection, Either, Error, Execute, Executor, SqlStr,
    any::{AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo},
};
use tokio_stream::Stream;

/// Stands between a simulated gateway and its database, and is passed before the database works and again before its answer is
/// seen: where it does not let go, the gateway is frozen, and if it never does, dead.
#[async_trait]
pub trait StoreGate: Debug + Send + Sync {
    /// Passes it.
    async fn pass(&self);
}

/// The pace of the database.
#[derive(Clone, Debug, Default)]
pub(super) enum Pace {
    /// A task waits for its answer while others go on.
    #[default]
    Free,
    /// Everything waits for the answer, but for the gate.
    LockStep(Option<Arc<dyn StoreGate>>),
}

impl Pace {
    /// Does what is asked of the database, which must wait for nothing else.
    pub(super) async fn keep<T>(&self, work: impl Future<Output = T>) -> T {
        self.pass_gate().await;
        let mut work = pin!(work);
        let done = std::future::poll_fn(|context| match self {
            Self::Free => work.as_mut().poll(context),
            Self::LockStep(_) => Poll::Ready(block(|context| work.as_mut().poll(context))),
        });
        let done = done.await;
        self.pass_gate().await;
        done
    }

    async fn pass_gate(&self) {
        if let Self::LockStep(Some(gate)) = self {
            gate.pass().await;
        }
    }

    /// Opens or closes a connection, or gives one back: in lock step at once, and past the gate. It must not wait for other tasks.
    pub(super) async fn in_step<T>(&self, work: impl Future<Output = T>) -> T {
        match self {
            Self::Free => work.await,
            // It makes more steps in one poll than a task of the runtime may.
            Self::LockStep(_) => Self::keep_now(tokio::task::unconstrained(work)),
        }
    }

    /// Whether everything waits.
    pub(super) fn is_lock_step(&self) -> bool {
        matches!(self, Self::LockStep(_))
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
            Pace::LockStep(_) => Box::pin(InStep { rows, passing: Some(passing(self.pace)) }),
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
            Pace::LockStep(_) => Box::pin(async move { self.pace.keep(row).await }),
        }
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [AnyTypeInfo]) -> Boxed<'e, AnyStatement>
    where
        'c: 'e,
    {
        let Self { on, pace } = self;
        Box::pin(async move { pace.keep(on.prepare_with(sql, parameters)).await })
    }
}

type Passing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The way through the gate, ahead of a read: what is read changes nothing, so that the way back is none of its own.
fn passing(pace: Pace) -> Passing {
    Box::pin(async move { pace.pass_gate().await })
}

/// Rows of which each is there when it is asked for, once the gate is passed.
struct InStep<'e> {
    rows: Rows<'e>,
    passing: Option<Passing>,
}

impl Stream for InStep<'_> {
    type Item = Result<Either<AnyQueryResult, AnyRow>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(passing) = &mut self.passing {
            ready!(passing.as_mut().poll(context));
            self.passing = None;
        }
        Poll::Ready(block(|context| self.rows.as_mut().poll_next(context)))
    }
}
