//! The exports under way of each key, of which there is a bounded number.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::error::{Error, Reason};

/// Exports of one key at one time on one gateway.
const PER_KEY: usize = 2;
/// When a key that has all of its exports may ask again.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// The exports under way.
#[derive(Clone, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<String, usize>>>);

/// One export under way; it has ended when this is dropped.
pub(super) struct Turn {
    turns: Turns,
    key_id: String,
}

impl Turns {
    /// Begins an export, unless the key has as many as it may.
    pub(super) fn take(&self, key_id: &str) -> Result<Turn, Error> {
        let mut counts = self.lock();
        let count = counts.entry(key_id.to_owned()).or_default();
        if *count >= PER_KEY {
            let message =
                format!("the key has {PER_KEY} exports under way, as many as it may; wait until one has ended");
            return Err(Error::new(Reason::ExportsLimited, message).retry_after(ASK_AGAIN));
        }
        *count += 1;
        Ok(Turn { turns: self.clone(), key_id: key_id.to_owned() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut counts = self.turns.lock();
        let left = counts.get(&self.key_id).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            counts.remove(&self.key_id);
        } else {
            counts.insert(self.key_id.clone(), left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_a_bounded_number_of_exports_and_leaves_those_of_others_alone() {
        let turns = Turns::default();
        let (first, _second) = (turns.take("pk_a").unwrap(), turns.take("pk_a").unwrap());
        let refusal = turns.take("pk_a").err().unwrap();
        assert_eq!((refusal.reason, refusal.retry_after), (Reason::ExportsLimited, Some(ASK_AGAIN)));
        assert!(turns.take("pk_b").is_ok());
        drop(first);
        assert!(turns.take("pk_a").is_ok());
        assert_eq!(turns.lock().len(), 1, "keys without exports take no room");
    }
}
