//! The queues in front of payments, and of the subjects of risk: within a gateway one decision about each is made at a time, so
//! that none is made in vain. Across gateways the versions of the rows decide.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Mutex as Queue, OwnedMutexGuard};

/// A queue for each payment that is decided about. There are as many as calls and lookups under way, which are bounded.
#[derive(Clone, Default)]
pub(super) struct PaymentQueues(Arc<Mutex<HashMap<String, Arc<Queue<()>>>>>);

/// The right to decide about a payment, until it is dropped.
pub(super) struct PaymentTurn {
    queues: PaymentQueues,
    id: String,
    guard: Option<OwnedMutexGuard<()>>,
}

impl PaymentQueues {
    /// Waits for the turn to decide about the payment, or another object, of this id.
    pub async fn wait(&self, id: &str) -> PaymentTurn {
        let queue = self.lock().entry(id.to_owned()).or_default().clone();
        let mut turn = PaymentTurn { queues: self.clone(), id: id.to_owned(), guard: None };
        turn.guard = Some(queue.lock_owned().await);
        turn
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Queue<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PaymentTurn {
    /// Removes a queue in which nobody waits.
    fn drop(&mut self) {
        self.guard = None;
        let mut queues = self.queues.lock();
        if queues.get(&self.id).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            queues.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::poll_fn,
        pin::{Pin, pin},
        task::Poll,
    };

    use super::*;

    /// Whether a future is not ready when it is polled once.
    async fn waits<F: Future>(future: &mut Pin<&mut F>) -> bool {
        poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
    }

    #[tokio::test]
    async fn one_decision_about_a_payment_is_made_at_a_time_and_queues_go_when_nobody_waits() {
        let queues = PaymentQueues::default();
        let first = queues.wait("pi_1").await;
        drop(queues.wait("pi_2").await);
        let mut second = pin!(queues.wait("pi_1"));
        assert!(waits(&mut second).await);
        drop(first);
        drop(second.await);
        assert!(queues.lock().is_empty());
    }

    #[tokio::test]
    async fn a_caller_that_stops_waiting_leaves_no_queue_behind() {
        let queues = PaymentQueues::default();
        let first = queues.wait("pi_1").await;
        {
            let mut second = pin!(queues.wait("pi_1"));
            assert!(waits(&mut second).await);
        }
        drop(first);
        assert!(queues.lock().is_empty());
    }
}
