//! Neighbours in a caller's way: another partner that wants everything, and a Corefy that is away for long.

use std::{sync::atomic::Ordering, time::Duration};

use corefy_gateway::{pb::PaymentIntentState as State, sandbox::faults::Fault};
use tonic::Code;

use super::stage::{Stage, Strikes, many};
use crate::support::{
    app::TestApp,
    client::{APPROVED, Client, new_intent, reason},
    database::TestDatabase,
    money::{CONFIRM, CREATE, READ, REFUND},
    process::create_key_of,
};

crate::on_both!(what_was_under_way_when_corefy_went_away_for_ten_minutes_ends_when_it_is_back);

/// Calls to Corefy a minute, of which a partner alone has all and two have half each.
const FEW: &str = "1200";
/// Callers of the noisy partner at one time: a hundred calls for each that its share allows.
const NOISY: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_that_makes_a_hundred_times_its_calls_leaves_another_its_share() {
    let (stage, strikes) = (Stage::start(&[("COREFY_RATE_LIMIT_PER_MINUTE", FEW)]).await, Strikes::default());
    let noisy = stage.gateway.client(&create_key_of("Noisy", &stage.database).await);
    let attack = |_, strikes| want_everything(noisy.clone(), strikes);
    let attackers = many(NOISY, stage.gateway.grpc, &strikes, attack);
    stage.withstands("a noisy partner", attackers, &strikes).await;
}

async fn want_everything(client: Client, strikes: Strikes) {
    loop {
        if let Err(refusal) = client.create_payment_intent(new_intent("50.00")).await {
            assert!(matches!(refusal.code(), Code::ResourceExhausted | Code::Unavailable), "{refusal:?}");
        }
        strikes.fetch_add(1, Ordering::Relaxed);
    }
}

/// Confirmations under way when Corefy goes away: every other one was carried out. What its breaker stops was not sent.
const UNDER_WAY: usize = 6;
/// How often recovery looks while Corefy is away, a minute apart.
const LOOKS_AWAY: u32 = 10;
const MINUTE: Duration = Duration::from_secs(60);
/// Between two looks, when Corefy is back; it has room for one of ten, and answers 503 to the others.
const LOOK: Duration = Duration::from_secs(15);
const ROOM_FOR_ONE_OF: usize = 10;
/// Looks until all must be known.
const MOST_LOOKS: usize = 240;

async fn what_was_under_way_when_corefy_went_away_for_ten_minutes_ends_when_it_is_back(database: TestDatabase) {
    // A repetition would wait by the time of day.
    let app = TestApp::start_with(database, None, |config| config.upstream.retry_count = 0).await;
    let client = app.client().await;
    let (mut carried_out, mut lost, mut not_sent) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..UNDER_WAY {
        let intent = client.intent("50.00").await.id;
        app.sandbox.faults().clear();
        let is_carried_out = number % 2 == 0;
        let fault = if is_carried_out { Fault::DropAfterExecute } else { Fault::DropBefore };
        app.sandbox.faults().fail_next(1, CONFIRM.0, CONFIRM.1, fault);
        app.sandbox.faults().fail_next(u32::MAX, READ.0, READ.1, Fault::DropBefore);
        match client.confirm(&intent, APPROVED).await {
            Ok(confirmed) => {
                assert_eq!(confirmed.state(), State::Processing);
                if is_carried_out { carried_out.push(intent) } else { lost.push(intent) }
            }
            Err(refusal) => {
                assert_eq!(reason(&refusal), "UPSTREAM_UNAVAILABLE", "{refusal:?}");
                not_sent.push(intent);
            }
        }
        app.clock.advance(LOOK);
    }
    assert!(!carried_out.is_empty() && !lost.is_empty(), "nothing is in doubt");

    for (method, template) in [CREATE, CONFIRM, READ, REFUND] {
        app.sandbox.faults().fail_next(u32::MAX, method, template, Fault::DropBefore);
    }
    for _ in 0..LOOKS_AWAY {
        app.recover_after(MINUTE).await;
    }
    for intent in carried_out.iter().chain(&lost) {
        assert_eq!(client.get(intent).await.state(), State::Processing, "nothing is guessed while Corefy is away");
    }
    assert_eq!(client.create_payment_intent(new_intent("50.00")).await.unwrap_err().code(), Code::Unavailable);

    let mut looks = 0;
    while !all_are_known(&client, carried_out.iter().chain(&lost)).await {
        app.sandbox.faults().clear();
        looks += 1;
        if looks % ROOM_FOR_ONE_OF != 0 {
            app.sandbox.faults().fail_next(u32::MAX, READ.0, READ.1, Fault::Http(503));
        }
        app.recover_after(LOOK).await;
        assert!(looks < MOST_LOOKS, "something is in doubt for ever");
    }
    app.sandbox.faults().clear();
    for intent in &not_sent {
        assert_eq!(client.confirm(intent, APPROVED).await.unwrap().state(), State::Succeeded);
    }
    for intent in carried_out.iter().chain(&not_sent) {
        assert_eq!(app.assert_books_agree(&client, intent).await.state(), State::Succeeded);
    }
    for intent in &lost {
        assert_ne!(app.assert_books_agree(&client, intent).await.state(), State::Succeeded);
    }
}

async fn all_are_known(client: &Client, intents: impl Iterator<Item = &String>) -> bool {
    for intent in intents {
        if client.get(intent).await.state() == State::Processing {
            return false;
        }
    }
    true
}
