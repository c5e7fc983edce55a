//! Erasing a customer: what becomes unreadable, what stays, and how the work goes on whatever happens.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use corefy_gateway::{
    domain::{
        audit::{AuditAction, AuditFilter},
        ids::Ids,
        randomness::Randomness,
    },
    pb,
    pb::export_personal_data_request::Person as ExportedPerson,
    store::{Keyring, Store, Vacuumed},
};
use tonic::{Code, Status};

use crate::support::{
    app::{TestApp, until},
    client::{Client, keyed, new_intent},
    database::{Backend, TestDatabase, master_key},
    person::{Person, customer, intent_of, lives, opened, places},
    refusal::{refused, wrong_fields},
    requests::{card_to_save, confirmation_by},
};

crate::on_both!(
    nothing_of_an_erased_person_is_left_anywhere,
    the_note_of_a_review_goes_with_its_payer,
    postgres_is_asked_to_vacuum_what_was_erased_when_the_role_may,
    an_erasure_goes_on_where_a_dead_gateway_left_it,
    a_call_that_was_under_way_is_caught_by_the_second_look,
    a_customer_whose_payments_are_under_way_is_not_erased_yet,
    an_erased_customer_takes_nothing_new_and_refunds_go_on,
    a_payer_is_erased_by_email_with_a_customer_and_without,
    all_that_is_kept_of_a_person_is_exported_page_by_page,
);

const CANARY: &str = "canary-bird";
/// Of somebody who is not erased.
const BYSTANDER: &str = "other-bird";
/// A card whose payment stays under way.
const UNDER_WAY: &str = "4000000000000077";
/// Longer than any call may take.
const LONGEST_CALL: Duration = Duration::from_secs(300);

fn holds(raw: &[u8], part: &[u8]) -> bool {
    raw.windows(part.len()).any(|window| window == part)
}

async fn erased(client: &Client, customer: &str) -> Result<pb::Erasure, Status> {
    let request = pb::EraseCustomerRequest { id: customer.to_owned() };
    Ok(client.erase_customer(request).await?.into_inner().erasure.unwrap())
}

async fn shown(client: &Client, erasure: &pb::Erasure) -> pb::Erasure {
    let request = pb::GetErasureRequest { id: erasure.id.clone() };
    client.get_erasure(request).await.unwrap().into_inner().erasure.unwrap()
}

/// Takes the steps that are due; returns how many.
async fn steps(app: &TestApp) -> usize {
    let mut taken = 0;
    while app.server.app.payments.step_erasures().await.unwrap() > 0 {
        taken += 1;
    }
    taken
}

/// Takes all steps of an erasure to its end.
async fn finish(app: &TestApp, client: &Client, erasure: &pb::Erasure) -> pb::Erasure {
    steps(app).await;
    assert_eq!(shown(client, erasure).await.state(), pb::ErasureState::Running, "calls may be under way");
    app.clock.advance(LONGEST_CALL);
    assert!(steps(app).await > 0);
    shown(client, erasure).await
}

async fn nothing_of_an_erased_person_is_left_anywhere(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let person = lives(&app, &client, CANARY).await;
    let bystander = lives(&app, &client, BYSTANDER).await;
    let before = opened(&app.database).await;
    let everywhere = places(&before, CANARY);
    let expected = [
        "customers.details",
        "events.object",
        "operations.answer",
        "payment_intents.details",
        "payment_intents.progress",
        "payment_methods.card",
        "refunds.details",
        "risk_decisions.record",
    ];
    assert!(
        expected.iter().all(|place| everywhere.contains(place)),
        "the calls leave less than thought: {everywhere:?}"
    );

    let erasure = erased(&client, &person.customer.id).await.unwrap();
    assert_eq!((erasure.state(), &erasure.customer_id), (pb::ErasureState::Running, &person.customer.id));
    let shell = pb::GetCustomerRequest { id: person.customer.id.clone() };
    let shell = client.get_customer(shell).await.unwrap().into_inner().customer.unwrap();
    assert!(shell.erased_at.is_some() && !format!("{shell:?}").contains(CANARY), "the customer is unreadable at once");
    assert_eq!(shell.upstream_id, person.customer.upstream_id);
    let done = finish(&app, &client, &erasure).await;
    assert!(done.state() == pb::ErasureState::Done && done.finished_at.is_some() && done.emptied > 10);
    assert!(erased(&client, &person.customer.id).await.unwrap() == done, "asked again, it is told and not begun");

    let after = opened(&app.database).await;
    assert_eq!(places(&after, CANARY), BTreeSet::new());
    assert_eq!(places(&after, "203.0.113"), BTreeSet::new());
    assert_eq!(places(&after, BYSTANDER), everywhere, "somebody else has lost something");
    let raw = app.database.raw().await;
    assert!(!holds(&raw, CANARY.as_bytes()));
    if app.database.backend() == Backend::Sqlite {
        for value in before.iter().filter(|value| value.json.contains(CANARY)) {
            assert!(!holds(&raw, &value.bytes[..64]), "{} is still in the file, sealed", value.place);
        }
    }
    assert!(!app.server.app.diagnostics.metrics().contains(CANARY));
    check_shells(&client, &person).await;
    assert!(client.get(&bystander.paid.id).await == bystander.paid);
    let last = client.event_types(&person.customer.id).await.pop();
    assert_eq!(last.as_deref(), Some("customer.erased"));
}

/// The numbers of an erased person stay, and repeated calls are answered without the person.
async fn check_shells(client: &Client, person: &Person) {
    let was = &person.paid;
    let shell = client.get(&was.id).await;
    assert!(shell.erased_at.is_some() && !format!("{shell:?}").contains(CANARY));
    let numbers = |intent: &pb::PaymentIntent| {
        let amounts = (intent.amount.clone(), intent.amount_received.clone(), intent.amount_refunded.clone());
        (amounts, intent.state(), intent.payment_method_id.clone(), intent.created_at, intent.updated_at)
    };
    assert_eq!(numbers(&shell), numbers(was));
    assert!(shell.revision > was.revision);
    let refund = pb::GetRefundRequest { id: person.refund.id.clone() };
    let refund = client.get_refund(refund).await.unwrap().into_inner().refund.unwrap();
    assert!(refund.erased_at.is_some() && refund.amount == person.refund.amount && refund.reason.is_empty());
    let method = pb::GetPaymentMethodRequest { id: person.method.id.clone() };
    let method = client.get_payment_method(method).await.unwrap().into_inner().payment_method.unwrap();
    assert!(method.deleted_at.is_some() && method.card.is_none());
    let request = intent_of(&person.customer.id, CANARY);
    let again = client.create_payment_intent(keyed(&format!("intent-{CANARY}"), request)).await.unwrap();
    assert_eq!(again.metadata().get("idempotent-replayed").unwrap(), "true");
    let again = again.into_inner().payment_intent.unwrap();
    assert!(again.id == was.id && !format!("{again:?}").contains(CANARY));
}

async fn an_erasure_goes_on_where_a_dead_gateway_left_it(database: TestDatabase) {
    /// More than one step goes through.
    const PAYMENTS: usize = 25;
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = customer(&client, CANARY).await;
    for _ in 0..PAYMENTS {
        client.created(intent_of(&customer.id, CANARY)).await;
    }
    let erasure = erased(&client, &customer.id).await.unwrap();
    let payments = Arc::clone(&app.server.app.payments);
    let step = tokio::spawn(async move { payments.step_erasures().await });
    until("a payment is done", async || shown(&client, &erasure).await.emptied > 0).await;
    step.abort();
    let _ = step.await;
    let app = app.crash_and_restart().await;
    let client = app.client().await;
    let begun = shown(&client, &erasure).await;
    app.clock.advance(Duration::from_secs(61));
    let other = app.replica().await;
    assert_eq!(other.app.payments.step_erasures().await.unwrap(), 1, "another gateway goes on");
    assert!(shown(&client, &erasure).await.emptied > begun.emptied);
    let done = finish(&app, &client, &erasure).await;
    assert_eq!(done.state(), pb::ErasureState::Done);
    assert_eq!(places(&opened(&app.database).await, CANARY), BTreeSet::new());
    let ends = client.event_types(&customer.id).await.into_iter().filter(|event| event == "customer.erased");
    assert_eq!(ends.count(), 1);
}

async fn a_call_that_was_under_way_is_caught_by_the_second_look(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = customer(&client, CANARY).await;
    let late = client.created(intent_of(&customer.id, CANARY)).await;
    let erasure = erased(&client, &customer.id).await.unwrap();
    steps(&app).await;
    // As if the call had read the customer before, and written its payment after.
    let other = client.created(intent_of("", CANARY)).await;
    let sql = format!("UPDATE payment_intents SET customer_id = '{}' WHERE id = '{}'", customer.id, other.id);
    app.database.execute(&sql).await;
    assert!(!places(&opened(&app.database).await, CANARY).is_empty());
    app.clock.advance(LONGEST_CALL);
    steps(&app).await;
    assert_eq!(shown(&client, &erasure).await.state(), pb::ErasureState::Done);
    assert_eq!(places(&opened(&app.database).await, CANARY), BTreeSet::new());
    assert!(client.get(&late.id).await.erased_at.is_some() && client.get(&other.id).await.erased_at.is_some());
}

async fn a_customer_whose_payments_are_under_way_is_not_erased_yet(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = customer(&client, CANARY).await;
    let open = client.created(intent_of(&customer.id, CANARY)).await;
    client.confirm(&open.id, UNDER_WAY).await.unwrap();
    let refusal = refused(erased(&client, &customer.id).await);
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::FailedPrecondition, "PAYMENTS_UNDER_WAY"));
    assert_eq!(refusal.facts["resource_ids"], open.id);
    assert!(refusal.retry_after.is_some());
    let request = pb::GetCustomerRequest { id: customer.id.clone() };
    assert!(client.get_customer(request).await.unwrap().into_inner().customer.unwrap() == customer);
    assert_eq!(steps(&app).await, 0);

    assert_eq!(wrong_fields(erased(&client, &open.id).await), ["id"]);
    let other = app.client_of(|new| new.partner_name = "Umbrella".to_owned()).await;
    let refusal = refused(erased(&other, &customer.id).await);
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::NotFound, "RESOURCE_NOT_FOUND"));
    let bystander = erased(&client, &client.customer("jane@example.com").await).await.unwrap();
    let refusal = refused(other.get_erasure(pb::GetErasureRequest { id: bystander.id }).await);
    assert_eq!((refusal.code, refusal.facts["resource_type"].as_str()), (Code::NotFound, "erasure"));
}

async fn an_erased_customer_takes_nothing_new_and_refunds_go_on(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let person = lives(&app, &client, CANARY).await;
    let open = client.created(intent_of(&person.customer.id, CANARY)).await;
    let erasure = erased(&client, &person.customer.id).await.unwrap();
    let id = person.customer.id.clone();
    let new = pb::CreatePaymentIntentRequest { customer_id: id.clone(), ..new_intent("10.00") };
    let update = pb::UpdateCustomerRequest { id: id.clone(), name: CANARY.to_owned(), ..Default::default() };
    for refusal in [
        refused(client.create_payment_intent(new).await),
        refused(client.create_payment_method(card_to_save(&id)).await),
        refused(client.update_customer(update).await),
        refused(client.confirm_payment_intent(confirmation_by(&open.id, &person.method.id)).await),
    ] {
        assert_eq!((refusal.code, refusal.reason.as_str()), (Code::FailedPrecondition, "CUSTOMER_ERASED"));
    }
    finish(&app, &client, &erasure).await;
    let rest = client.refund(&person.paid.id, "").await.unwrap();
    assert_eq!((rest.amount.as_str(), rest.state()), ("60.00", pb::RefundState::Succeeded));
    app.sandbox.change_customer(&person.customer.upstream_id, "canary-bird@example.org", "canary-bird").unwrap();
    app.sandbox.save_card_elsewhere(&person.customer.upstream_id).unwrap();
    app.process_webhooks().await;
    assert_eq!(places(&opened(&app.database).await, CANARY), BTreeSet::new(), "Corefy goes on telling");
    let request = pb::ListPaymentMethodsRequest { customer_id: id, ..Default::default() };
    assert!(client.list_payment_methods(request).await.unwrap().into_inner().payment_methods.is_empty());
}

async fn a_payer_is_erased_by_email_with_a_customer_and_without(database: TestDatabase) {
    /// More than one step goes through.
    const PAYMENTS: usize = 22;
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let erase = async |email: &str| {
        let request = pb::ErasePayerRequest { email: email.to_owned() };
        Ok::<_, Status>(client.erase_payer(request).await?.into_inner().erasures)
    };
    let mut paid = client.created(intent_of("", CANARY)).await;
    client.confirm(&paid.id, UNDER_WAY).await.unwrap();
    let refusal = refused(erase(&format!("{CANARY}@example.com")).await);
    assert_eq!((refusal.reason.as_str(), &refusal.facts["resource_ids"]), ("PAYMENTS_UNDER_WAY", &paid.id));
    app.database.execute("UPDATE payment_intents SET state = 'succeeded', received = amount").await;
    app.database.execute("UPDATE operations SET state = 'done'").await;
    paid = client.get(&paid.id).await;
    for _ in 1..PAYMENTS {
        client.created(intent_of("", CANARY)).await;
    }
    let person = lives(&app, &client, CANARY).await;
    let bystander = lives(&app, &client, BYSTANDER).await;
    app.server.app.api_calls.write_api_calls().await.unwrap();

    let begun = erase(&format!("{}@EXAMPLE.com", CANARY.to_uppercase())).await.unwrap();
    let customers: Vec<_> = begun.iter().map(|erasure| erasure.customer_id.as_str()).collect();
    assert_eq!(customers, [person.customer.id.as_str(), ""]);
    let again = erase(&format!("{CANARY}@example.com")).await.unwrap();
    assert!(again == begun[1..], "the customer is found no more, and the payments are being erased");
    steps(&app).await;
    app.clock.advance(LONGEST_CALL);
    steps(&app).await;
    for erasure in &begun {
        assert_eq!(shown(&client, erasure).await.state(), pb::ErasureState::Done);
    }
    assert_eq!(places(&opened(&app.database).await, CANARY), BTreeSet::new());
    let shell = client.get(&paid.id).await;
    assert!(
        shell.erased_at.is_some() && shell.amount_received == paid.amount_received && shell.state() == paid.state()
    );
    assert!(client.get(&bystander.paid.id).await == bystander.paid);
    assert_eq!(client.event_types(&begun[1].id).await, ["payer.erased"]);
    assert_eq!(wrong_fields(erase("nobody").await), ["email"]);
}

/// The pages of an export, of so many payments each.
async fn exported(client: &Client, person: ExportedPerson, page_size: i32) -> Result<Vec<serde_json::Value>, Status> {
    let (mut pages, mut page_token) = (Vec::new(), String::new());
    loop {
        let request =
            pb::ExportPersonalDataRequest { person: Some(person.clone()), page_size, page_token: page_token.clone() };
        let answer = client.export_personal_data(request).await?.into_inner();
        pages.push(serde_json::from_str(&answer.document).unwrap());
        if answer.next_page_token.is_empty() {
            return Ok(pages);
        }
        page_token = answer.next_page_token;
    }
}

/// How many records of each kind pages have.
fn kinds(pages: &[serde_json::Value]) -> std::collections::BTreeMap<&str, usize> {
    let mut kinds = std::collections::BTreeMap::new();
    for record in pages.iter().flat_map(|page| page["records"].as_array().unwrap()) {
        assert!(record["since"].is_string() && record["until"].is_string() && record["id"].is_string());
        *kinds.entry(record["kept_in"].as_str().unwrap()).or_default() += 1;
    }
    kinds
}

async fn all_that_is_kept_of_a_person_is_exported_page_by_page(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let person = lives(&app, &client, CANARY).await;
    lives(&app, &client, BYSTANDER).await;
    let customer = ExportedPerson::CustomerId(person.customer.id.clone());
    let whole = exported(&client, customer.clone(), 20).await.unwrap();
    let pages = exported(&client, customer.clone(), 1).await.unwrap();
    assert_eq!((whole.len(), pages.len()), (1, 2), "there are two payments");
    let all = kinds(&whole);
    assert_eq!(kinds(&pages), all);
    let counts = ["customers", "payment_methods", "payment_intents", "refunds"].map(|kind| all[kind]);
    assert_eq!(counts, [1, 1, 2, 1]);
    assert!(["events", "operations", "api_calls", "risk_decisions"].iter().all(|kind| all[kind] > 1), "{all:?}");
    let text = whole[0].to_string();
    assert!(text.contains(CANARY) && !text.contains(BYSTANDER));
    let records = whole[0]["records"].as_array().unwrap();
    let until = |kind: &str| records.iter().find(|record| record["kept_in"] == kind).unwrap()["until"].clone();
    assert_eq!([until("customers"), until("payment_methods")], ["erasure", "erasure"]);
    for kind in ["payment_intents", "refunds", "api_calls", "events", "operations", "risk_decisions"] {
        assert!(until(kind).as_str().unwrap().starts_with("20"), "{kind} end by themselves");
    }

    let by_email = ExportedPerson::Email(format!("{}@example.com", CANARY.to_uppercase()));
    assert_eq!(kinds(&exported(&client, by_email, 20).await.unwrap()), all);
    let nobody = exported(&client, ExportedPerson::Email("nobody@example.com".to_owned()), 20).await.unwrap();
    assert!(kinds(&nobody).is_empty());
    let other = app.client_of(|new| new.partner_name = "Umbrella".to_owned()).await;
    assert_eq!(refused(exported(&other, customer.clone(), 20).await).reason, "RESOURCE_NOT_FOUND");
    let none = client.export_personal_data(pb::ExportPersonalDataRequest::default()).await;
    assert_eq!(wrong_fields(none.map(|_| ())), ["customer_id"]);

    let audited = async || {
        let filter = AuditFilter { actions: vec![AuditAction::PersonalDataExport], ..AuditFilter::default() };
        app.database.store().await.read().await.unwrap().audit_rows(&filter, 99).await.unwrap()
    };
    let asked: Vec<_> = audited().await.into_iter().map(|row| (row.object_kind, row.object)).collect();
    let (by_id, by_email) = (("customer".to_owned(), person.customer.id.clone()), ("payer".to_owned(), String::new()));
    assert_eq!(asked, [by_email.clone(), by_email, by_id.clone(), by_id], "the last first, and only what was answered");

    let erasure = erased(&client, &person.customer.id).await.unwrap();
    finish(&app, &client, &erasure).await;
    let text = exported(&client, customer, 20).await.unwrap()[0].to_string();
    assert!(text.contains("erased_at") && !text.contains(CANARY));
}

async fn the_note_of_a_review_goes_with_its_payer(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let (person, bystander) = (lives(&app, &client, CANARY).await, lives(&app, &client, BYSTANDER).await);
    for (number, (of, note)) in [(&person, CANARY), (&bystander, BYSTANDER)].into_iter().enumerate() {
        let payment = &of.paid.id;
        let review = format!(
            "INSERT INTO risk_reviews (id, partner_id, payment_intent_id, state, created_at, decided_by, note, refund)
             VALUES ('rd_01a207d921007000800000000000000{number}', 'acme', '{payment}', 'approved', 0, 'pk_acme_1', 'a call with {note}', 'none')"
        );
        app.database.execute(&review).await;
    }
    let saved = format!(
        "INSERT INTO risk_reviews (id, partner_id, state, created_at, decided_by, note, refund)
         SELECT id, 'acme', 'approved', 0, 'pk_acme_1', '{CANARY}', 'none' FROM risk_decisions
         WHERE payment_intent_id IS NULL AND customer_id = '{}'",
        person.customer.id
    );
    app.database.execute(&saved).await;
    let erasure = erased(&client, &person.customer.id).await.unwrap();
    finish(&app, &client, &erasure).await;
    let raw = app.database.raw().await;
    assert!(!holds(&raw, CANARY.as_bytes()) && holds(&raw, format!("a call with {BYSTANDER}").as_bytes()));
}

async fn postgres_is_asked_to_vacuum_what_was_erased_when_the_role_may(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let vacuum = async || app.server.app.payments.vacuum_erased().await.unwrap();
    let erase = async |text: &str| {
        let person = lives(&app, &client, text).await;
        let erasure = erased(&client, &person.customer.id).await.unwrap();
        finish(&app, &client, &erasure).await
    };
    assert_eq!(vacuum().await, 0, "nothing was erased");
    erase(CANARY).await;
    if app.database.backend() == Backend::Sqlite {
        assert_eq!(vacuum().await, 0, "SQLite overwrites what is deleted");
        return;
    }
    assert_eq!((vacuum().await, vacuum().await), (1, 0));
    let dead = "SELECT COUNT(*) FROM pg_stat_user_tables WHERE last_vacuum IS NOT NULL AND n_dead_tup = 0
         AND relname IN ('customers', 'payment_intents', 'refunds', 'events', 'operations', 'search_terms')";
    until("the server counts its vacuums", async || app.database.count(dead).await == 6).await;

    erase(BYSTANDER).await;
    app.clock.advance(Duration::from_secs(601));
    assert_eq!(vacuum().await, 1, "each erasure has one, though not at once");

    let role = format!("guest_{}", uuid::Uuid::now_v7().simple());
    let grant = format!(
        "CREATE ROLE {role} LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}; GRANT ALL ON SCHEMA public TO {role}"
    );
    for sql in grant.split("; ") {
        app.database.execute(sql).await;
    }
    let mut url = url::Url::parse(app.database.url()).unwrap();
    url.set_username(&role).unwrap();
    let keys = Keyring::new(&master_key().into(), Randomness::system());
    let store = Store::open(url.as_str(), 2, keys, Ids::system()).await.unwrap();
    let Vacuumed::Refused(tables) = store.vacuum_erased().await.unwrap() else { panic!("it owns nothing") };
    assert!(tables.contains("payment_intents, payment_methods, refunds"), "{tables}");
    store.close().await;
    app.database.execute(&format!("DROP OWNED BY {role}")).await;
    app.database.execute(&format!("DROP ROLE {role}")).await;
}
