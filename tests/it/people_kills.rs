//! A gateway, as a process of its own, is killed again and again while it erases a person and forgets payers whose time is over.

use std::{collections::BTreeSet, time::Duration};

use corefy_gateway::{
    app::audit::AuditLog,
    domain::{
        audit::{AuditAction, AuditFilter},
        environment::Environment,
    },
    pb,
    sandbox::Sandbox,
};

use crate::support::{
    app::{start_sandbox, until, until_within},
    client::{APPROVED, Client},
    database::TestDatabase,
    person::{customer, intent_of, opened, places},
    process::{GatewayProcess, create_key},
};

crate::on_both!(what_is_erased_and_forgotten_under_kills_is_gone_and_nothing_open_is_touched);

const ERASED: &str = "erased-bird";
const FORGOTTEN: &str = "forgotten-bird";
const OPEN: &str = "open-bird";
/// A card whose payment stays under way.
const UNDER_WAY: &str = "4000000000000077";
/// More than two steps of each go through.
const PAYMENTS: usize = 45;
/// How often the process is killed.
const KILLS: usize = 3;
/// How long a busy machine may take for the steps that are left.
const ALL_STEPS: Duration = Duration::from_secs(90);
/// All that it logs.
const SETTINGS: [(&str, &str); 2] = [("GATEWAY_LOG", "corefy_gateway=debug,info"), ("COREFY_TIMEOUT_SECONDS", "2")];
/// Ends what a dead gateway has claimed, as time does in a minute.
const END_CLAIMS: [&str; 2] = ["UPDATE erasures SET due_at = 0", "UPDATE payer_data_walks SET claimed_until = 0"];

/// Starts a gateway that gets no webhooks: one that came late would make a payment young again.
async fn start(database: &TestDatabase, sandbox: &Sandbox) -> GatewayProcess {
    GatewayProcess::start(database, sandbox, &SETTINGS).await
}

/// Makes payments of guests, and lets all that were made by then be 600 days old.
async fn age(database: &TestDatabase, client: &Client) {
    const AGE: i64 = 600 * 24 * 3600 * 1_000_000;
    let open = client.created(intent_of("", OPEN)).await;
    client.confirm(&open.id, UNDER_WAY).await.unwrap();
    for _ in 0..PAYMENTS {
        client.created(intent_of("", FORGOTTEN)).await;
    }
    let paid = client.created(intent_of("", FORGOTTEN)).await;
    client.confirm(&paid.id, APPROVED).await.unwrap();
    client.refund(&paid.id, "1.00").await.unwrap();
    for table in ["payment_intents", "refunds"] {
        let older = format!("UPDATE {table} SET created_at = created_at - {AGE}, updated_at = updated_at - {AGE}");
        database.execute(&older).await;
    }
}

/// Where a text is in the database.
async fn left(database: &TestDatabase, text: &str) -> BTreeSet<String> {
    places(&opened(database).await, text).into_iter().map(str::to_owned).collect()
}

/// How many payments are empty.
async fn emptied(client: &Client) -> usize {
    let (mut count, mut page_token) = (0, String::new());
    loop {
        let request = pb::ListPaymentIntentsRequest { page_size: 100, page_token, ..Default::default() };
        let page = client.list_payment_intents(request).await.unwrap().into_inner();
        count += page.payment_intents.iter().filter(|intent| intent.erased_at.is_some()).count();
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return count;
        }
    }
}

async fn what_is_erased_and_forgotten_under_kills_is_gone_and_nothing_open_is_touched(database: TestDatabase) {
    let (sandbox, _stop) = start_sandbox(&Environment::system()).await;
    let key = create_key(&database).await;
    let mut gateway = start(&database, &sandbox).await;
    let mut client = gateway.client(&key);
    let customer = customer(&client, ERASED).await;
    age(&database, &client).await;
    for _ in 0..PAYMENTS {
        client.created(intent_of(&customer.id, ERASED)).await;
    }
    let open = left(&database, OPEN).await;
    let request = pb::EraseCustomerRequest { id: customer.id.clone() };
    let erasure = client.erase_customer(request).await.unwrap().into_inner().erasure.unwrap();
    let mut logged = String::new();
    for kill in 1..=KILLS {
        let before = emptied(&client).await;
        until("a payment is emptied", async || {
            for sql in END_CLAIMS {
                database.execute(sql).await;
            }
            emptied(&client).await > before || emptied(&client).await > 2 * PAYMENTS
        })
        .await;
        gateway.program.kill().await;
        logged += &gateway.program.said();
        for sql in END_CLAIMS {
            database.execute(sql).await;
        }
        gateway = start(&database, &sandbox).await;
        client = gateway.client(&key);
        client.test_connection(pb::TestConnectionRequest {}).await.unwrap();
        println!("killed {kill} times");
    }
    until_within(ALL_STEPS, "everything is done", async || {
        // The second stage would wait until no call can be under way.
        for sql in END_CLAIMS {
            database.execute(sql).await;
        }
        let request = pb::GetErasureRequest { id: erasure.id.clone() };
        let erasure = client.get_erasure(request).await.unwrap().into_inner().erasure.unwrap();
        erasure.state() == pb::ErasureState::Done && emptied(&client).await == 2 * PAYMENTS + 1
    })
    .await;
    gateway.program.terminate();
    assert_eq!(gateway.program.exit_code().await, Some(0));
    logged += &gateway.program.said();

    assert_eq!(left(&database, ERASED).await, BTreeSet::new());
    assert_eq!(left(&database, FORGOTTEN).await, BTreeSet::new());
    assert!(open.is_subset(&left(&database, OPEN).await), "what is open was touched");
    for text in [ERASED, FORGOTTEN, OPEN] {
        assert!(!logged.contains(text), "the log has {text}");
    }
    let audit = AuditLog::new(database.store().await, Environment::system());
    let verified = audit.verify(None, |fault| panic!("{fault}")).await.unwrap();
    assert_eq!(verified.faults, 0);
    let filter = AuditFilter { actions: vec![AuditAction::PersonalDataErase], ..AuditFilter::default() };
    assert_eq!(audit.list(&filter, 9).await.unwrap().len(), 1, "it ended once");
}
