//! Bodies that are too large, and keys that nobody has: what a stranger may send to either port.

use std::{net::SocketAddr, sync::atomic::Ordering, time::Duration};

use corefy_gateway::pb;
use reqwest::StatusCode;
use tokio::time::{interval, sleep};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::stage::{Attacker, Stage, Strikes, many};
use crate::support::{
    app::http_client,
    client::{Client, new_intent},
    database::{Backend, TestDatabase},
    process::create_key,
};

/// Attackers at one time.
const ATTACKERS: usize = 4;
/// A body, ten times as large as any that is taken.
const TEN_MEGABYTES: usize = 10_000_000;
/// The pause of an attacker that sends them.
const PAUSE: Duration = Duration::from_millis(20);
/// Wrong keys a second, of all attackers together.
const WRONG_KEYS: u32 = 1000;
/// Entries of metadata, nearly as many as a request has room for, when twenty are taken.
const ENTRIES: usize = 100_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_of_ten_megabytes_are_refused_before_they_are_read() {
    let (stage, strikes) = (Stage::start(&[]).await, Strikes::default());
    let attackers = many(ATTACKERS, stage.gateway.http, &strikes, send_large_webhooks);
    stage.withstands("webhooks of 10 MB", attackers, &strikes).await;
}

async fn send_large_webhooks(http: SocketAddr, strikes: Strikes) {
    let client = http_client();
    loop {
        let request = client.post(format!("http://{http}/webhooks/corefy")).header("x-signature", "0".repeat(64));
        // The gateway answers and closes the connection while the body is under way, which may be all that the sender hears.
        if let Ok(answer) = request.body(vec![b'['; TEN_MEGABYTES]).send().await {
            assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
        }
        strikes.fetch_add(1, Ordering::Relaxed);
        sleep(PAUSE).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_wrong_keys_a_second_do_not_keep_others_from_their_calls() {
    let (stage, strikes) = (Stage::start(&[]).await, Strikes::default());
    // It has the form of a key, and is one elsewhere.
    let key = create_key(&TestDatabase::new(Backend::Sqlite).await.unwrap()).await;
    let guessers = (0..ATTACKERS).map(|_| Box::pin(guess(stage.gateway.client(&key), strikes.clone())) as Attacker);
    stage.withstands("wrong keys", guessers.collect::<Vec<_>>(), &strikes).await;
}

async fn guess(client: Client, strikes: Strikes) {
    let mut pause = interval(Duration::from_secs(1) / WRONG_KEYS * u32::try_from(ATTACKERS).unwrap());
    loop {
        pause.tick().await;
        let refusal = client.create_payment_intent(new_intent("50.00")).await.unwrap_err();
        assert!(matches!(refusal.code(), Code::Unauthenticated | Code::ResourceExhausted), "{refusal:?}");
        strikes.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_of_a_hundred_thousand_entries_is_refused_by_its_name() {
    let (stage, strikes) = (Stage::start(&[]).await, Strikes::default());
    let client = stage.client.clone();
    let attackers = many(1, stage.gateway.grpc, &strikes, |_, strikes| send_much_metadata(client.clone(), strikes));
    stage.withstands("metadata of 100,000 entries", attackers, &strikes).await;
}

async fn send_much_metadata(client: Client, strikes: Strikes) {
    let metadata = (0..ENTRIES).map(|number| (format!("{number:x}"), String::new())).collect();
    let request = pb::CreatePaymentIntentRequest { metadata, ..new_intent("50.00") };
    loop {
        let refusal = client.create_payment_intent(request.clone()).await.unwrap_err();
        let fields = refusal.get_details_bad_request().unwrap().field_violations;
        assert_eq!(fields.iter().map(|field| field.field.as_str()).collect::<Vec<_>>(), ["metadata"]);
        strikes.fetch_add(1, Ordering::Relaxed);
        sleep(PAUSE).await;
    }
}
