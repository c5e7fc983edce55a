//! Webhooks beside the calls: what genuine ones, many a second, do to confirmations.

use std::{
    error::Error,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::{task::JoinSet, time::interval};

use crate::{contender::Contender, load::Target, measure::median, work::Work};

/// The key that signs them.
pub const SECRET: &str = "the-webhook-secret-of-the-benchmark";
/// Connections they come over.
const CONNECTIONS: u32 = 16;
/// Callers at one time beside them.
const CALLERS: usize = 16;

/// Measures confirmations of a gateway with and without `rate` webhooks a second, in turn, and prints both.
pub async fn measure(contender: &Contender, rate: u32, rounds: usize, length: Duration) -> Result<(), Box<dyn Error>> {
    let paid = contender.target.caller(0).paid().await?;
    let (mut quiet, mut flooded, mut taken) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        quiet.push(p99(&contender.target, length).await?);
        let (began, accepted) = (Instant::now(), Arc::new(AtomicU64::new(0)));
        let flood = flood(contender.http, &paid, rate, &accepted);
        flooded.push(p99(&contender.target, length).await?);
        drop(flood);
        taken.push(accepted.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64());
    }
    let (quiet, flooded, taken) = (median(quiet), median(flooded), median(taken));
    anstream::println!(
        "{}: p99 of create + confirm, {CALLERS} in flight: {:.1} ms; beside {taken:.0} webhooks a second {:.1} ms, {:.2} times",
        contender.name,
        quiet * 1000.0,
        flooded * 1000.0,
        flooded / quiet,
    );
    Ok(())
}

async fn p99(target: &Target, length: Duration) -> Result<f64, Box<dyn Error>> {
    let callers = target.prepare(Work::CreateAndConfirm, CALLERS).await?;
    Ok(target.run(Work::CreateAndConfirm, callers, length).await?.p99.as_secs_f64())
}

/// Sends webhooks about a payment whose success is known, as most are, until it is dropped.
fn flood(http: SocketAddr, paid: &str, rate: u32, accepted: &Arc<AtomicU64>) -> JoinSet<()> {
    let mut senders = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (url, paid, accepted) = (format!("http://{http}/webhooks/corefy"), paid.to_owned(), accepted.clone());
        senders.spawn(async move {
            let client = reqwest::Client::builder().no_proxy().build().expect("it has no settings that could be wrong");
            let mut turns = interval(Duration::from_secs(1) * CONNECTIONS / rate);
            loop {
                turns.tick().await;
                let event = uuid::Uuid::now_v7();
                let body = format!(
                    r#"{{"event_type":"payment.succeeded","event_id":"{event}","reference_id":"{paid}","status":"succeeded"}}"#
                );
                let sent = client.post(&url).header("x-signature", sign(&body)).body(body).send().await;
                if sent.is_ok_and(|answer| answer.status().is_success()) {
                    accepted.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    senders
}

fn sign(body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body.as_bytes());
    base16ct::lower::encode_string(&mac.finalize().into_bytes())
}
