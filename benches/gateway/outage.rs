//! After an outage of Corefy: every call that was refused is made again, and no payment is lost or doubled.

use std::{
    collections::HashSet,
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::Semaphore, task::JoinSet};
use tonic::Status;

use crate::{calls::persist, contender::Contender, load::all};

/// Calls at a time.
const CALLERS: usize = 16;

/// Makes the calls of these idempotency keys again until each is answered, and returns after how long the first was. Fails
/// unless each made one payment.
pub async fn repeat(contender: &Contender, keys: &[String]) -> Result<Duration, Box<dyn Error>> {
    let (began, places) = (Instant::now(), Arc::new(Semaphore::new(CALLERS)));
    let mut tasks = JoinSet::new();
    for (number, key) in keys.iter().cloned().enumerate() {
        let (caller, places) = (contender.target.caller(number), places.clone());
        tasks.spawn(async move {
            let _place = places.acquire().await;
            let id = persist(|| caller.create_with(&key)).await?;
            Ok::<_, Status>((id, began.elapsed()))
        });
    }
    let answers = all(tasks).await?;
    let ids: HashSet<&String> = answers.iter().map(|(id, _)| id).collect();
    let made = contender.sandbox.payment_count().await?;
    if (ids.len(), made) != (keys.len(), keys.len()) {
        let calls = keys.len();
        return Err(format!("{calls} calls after an outage had {} answers and made {made} payments", ids.len()).into());
    }
    Ok(answers.iter().map(|(_, after)| *after).min().unwrap_or_default())
}
