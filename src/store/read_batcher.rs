//! Batched reads: lookups that arrive at the same time are read by one statement. A lone lookup is not delayed.

use std::{collections::HashMap, sync::Arc};

use sqlx::{AnyConnection, AssertSqlSafe, any::AnyRow};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::{Dialect, Error, columns::get, lost, pinned_connection::PinnedConnection};
use crate::task;

/// How many may wait. It is never reached: each is of a call under way, which `rpc/` bounds.
const QUEUE: usize = 1024;
/// How many keys are looked up together at most: the four subjects of risk of as many calls as are written together.
const TOGETHER: usize = 512;

/// A query that finds rows by a key.
pub(super) struct Lookup {
    /// `{keys}` stands for the keys.
    pub(super) sql: &'static str,
    /// The column that has the key.
    pub(super) key: &'static str,
}

/// The rows of one key, shared by all lookups of the batch.
pub(super) type SharedRows = Vec<Arc<AnyRow>>;

/// Where rows are asked for.
#[derive(Clone)]
pub(super) struct ReadBatcher(mpsc::Sender<QueuedRead>);

type Response = oneshot::Receiver<Result<SharedRows, Error>>;

struct QueuedRead {
    lookup: &'static Lookup,
    key: String,
    reply: oneshot::Sender<Result<SharedRows, Error>>,
}

struct BatchReader {
    dialect: Dialect,
    connection: PinnedConnection,
}

impl ReadBatcher {
    /// Begins to read; ends when the last clone of this is gone.
    pub(super) fn start(dialect: Dialect, connection: PinnedConnection) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        task::spawn("read batcher", BatchReader { dialect, connection }.work(receiver));
        Self(sender)
    }

    /// The rows that `lookup` finds under `key`, as they are committed.
    pub(super) async fn rows(&self, lookup: &'static Lookup, key: &str) -> Result<SharedRows, Error> {
        self.ask(lookup, key).await?.await.map_err(|_| Error::gone())?
    }

    /// The rows under each of several keys, in their order. All are asked for at once.
    pub(super) async fn rows_of(
        &self,
        lookup: &'static Lookup,
        keys: impl IntoIterator<Item = &str>,
    ) -> Result<Vec<SharedRows>, Error> {
        let mut responses = Vec::new();
        for key in keys {
            responses.push(self.ask(lookup, key).await?);
        }
        let mut found = Vec::with_capacity(responses.len());
        for response in responses {
            found.push(response.await.map_err(|_| Error::gone())??);
        }
        Ok(found)
    }

    async fn ask(&self, lookup: &'static Lookup, key: &str) -> Result<Response, Error> {
        let (reply, response) = oneshot::channel();
        self.0.send(QueuedRead { lookup, key: key.to_owned(), reply }).await.map_err(|_| Error::gone())?;
        Ok(response)
    }
}

impl BatchReader {
    async fn work(self, mut receiver: mpsc::Receiver<QueuedRead>) {
        let mut questions = Vec::new();
        while receiver.recv_many(&mut questions, TOGETHER).await > 0 {
            while let Some(first) = questions.first() {
                let lookup = first.lookup;
                let same = questions.extract_if(.., |question| std::ptr::eq(question.lookup, lookup)).collect();
                self.answer(lookup, same).await;
            }
        }
    }

    async fn answer(&self, lookup: &Lookup, questions: Vec<QueuedRead>) {
        let keys: Vec<_> = questions.iter().map(|question| question.key.as_str()).collect();
        let found = self.read(lookup, &keys).await.map_err(Error::share);
        for QueuedRead { key, reply, .. } in questions {
            let rows = found.as_ref().map(|rows| rows.get(&key).cloned().unwrap_or_default());
            // Nobody listens when the caller has hung up.
            let _ = reply.send(rows.map_err(|same| same()));
        }
    }

    async fn read(&self, lookup: &Lookup, keys: &[&str]) -> Result<HashMap<String, SharedRows>, Error> {
        let keys = serde_json::to_string(keys).unwrap_or_default();
        let began = Instant::now();
        let rows = match self.ask(lookup, keys.clone()).await {
            // The connection was what failed, and the next is another: to read twice does no harm.
            Err(Error::Uncertain(_)) => self.ask(lookup, keys).await?,
            Err(Error::Unavailable(_)) if lost::is_after(began) => self.ask(lookup, keys).await?,
            rows => rows?,
        };
        let mut found: HashMap<String, SharedRows> = HashMap::new();
        for row in rows {
            found.entry(get(&row, lookup.key)?).or_default().push(Arc::new(row));
        }
        Ok(found)
    }

    async fn ask(&self, lookup: &Lookup, keys: String) -> Result<Vec<AnyRow>, Error> {
        let sql = AssertSqlSafe(lookup.sql.replace("{keys}", self.dialect.elements()));
        let read = async |on: &mut AnyConnection| Ok(sqlx::query(sql).bind(keys).fetch_all(on).await?);
        self.connection.use_for(read).await
    }
}
