//! The daily walk through the subjects of risk, which expire by the day: there is no index of their expiries, which every attempt to
//! pay would have to write.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::clock::Timestamp;

/// In seconds.
const DAY: u64 = 24 * 60 * 60;

/// How far the walk has come. A gateway that is started begins anew.
#[derive(Default)]
pub(super) struct SubjectWalk(Mutex<Walk>);

#[derive(Default)]
struct Walk {
    /// The id that it has come to.
    after: String,
    /// The day of the last walk that was finished, in days since 1970.
    finished_on: Option<u64>,
}

impl SubjectWalk {
    /// The id after which it goes on; `None` when the walk of today is finished.
    pub fn next(&self, now: Timestamp) -> Option<String> {
        let walk = self.lock();
        (walk.finished_on != Some(day(now))).then(|| walk.after.clone())
    }

    /// Notes the id that it has come to; `None`: the end.
    pub fn reached(&self, id: Option<String>, now: Timestamp) {
        *self.lock() = match id {
            Some(after) => Walk { after, finished_on: None },
            None => Walk { after: String::new(), finished_on: Some(day(now)) },
        };
    }

    fn lock(&self) -> MutexGuard<'_, Walk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn day(now: Timestamp) -> u64 {
    now.since(Timestamp::default()).as_secs() / DAY
}
