//! An operator who decides while everything breaks, so that the audit log grows at all gateways at once.

use std::{sync::Arc, time::Duration};

use corefy_gateway::pb::{self, RiskListKind};
use fastrand::Rng;
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    between,
    world::{Doors, World},
};

/// A list that no rule asks.
const LIST: &str = "strangers";
/// Its entries: a decision names one of them.
const ENTRIES: usize = 100;
/// How long a decision may take.
const TRY: Duration = Duration::from_secs(4);

/// The operator at work.
pub struct BusyOperator {
    stop: CancellationToken,
    task: JoinHandle<usize>,
}

impl BusyOperator {
    /// Has the operator decide something a few times a second.
    pub fn start(world: &World, random: &mut Rng) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(decide(world.doors.clone(), random.fork(), stop.clone()));
        Self { stop, task }
    }

    /// Stops, and answers how many decisions were acknowledged.
    pub async fn stop(self) -> usize {
        self.stop.cancel();
        self.task.await.unwrap()
    }
}

async fn decide(doors: Arc<Doors>, mut random: Rng, stop: CancellationToken) -> usize {
    let mut decisions = 0;
    while !stop.is_cancelled() {
        let client = doors.any(&mut random);
        let value = format!("stranger-{}@example.com", random.usize(..ENTRIES));
        let entries = vec![pb::NewRiskListEntry { value, expires_at: None }];
        let reason = "a test".to_owned();
        let request = pb::AddListEntriesRequest { list: LIST.to_owned(), entries, reason: reason.clone() };
        match timeout(TRY, client.add_list_entries(request)).await {
            Ok(Ok(_)) => decisions += 1,
            // The list is not there yet, or the gateway is not.
            Ok(Err(_)) | Err(_) => {
                let kind = RiskListKind::Email.into();
                let list = pb::CreateListRequest { name: LIST.to_owned(), kind, reason };
                timeout(TRY, client.create_list(list)).await.ok();
            }
        }
        sleep(between(&mut random, 100..300)).await;
    }
    decisions
}
