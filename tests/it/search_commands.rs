//! The commands that find payments across partners: `payments` and `find`.

use corefy_gateway::pb;
use secrecy::ExposeSecret as _;

use crate::{
    on_both,
    support::{
        app::TestApp,
        client::{APPROVED, keyed},
        database::{TestDatabase, master_key_text},
        program::output,
        requests::{full_customer, full_intent},
    },
};

on_both![
    payments_are_listed_across_partners_by_what_is_known_of_them,
    a_chargeback_is_shown_with_its_payment_and_found_by_its_id,
    a_payment_is_shown_without_its_payer,
    a_payment_is_shown_with_its_network_references,
    anything_is_found_by_any_of_its_names,
    keys_erasures_and_audit_entries_are_found_and_secrets_are_not_repeated,
];

/// Runs the program on the app's database: its exit code, what it said, and what it complained of.
fn run(app: &TestApp, args: &[&str]) -> (Option<i32>, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let master_key = master_key_text();
    let variables = [("DATABASE_URL", app.database.url()), ("GATEWAY_MASTER_KEY", master_key.expose_secret())];
    let output = output(directory.path(), args, &variables);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn shown(app: &TestApp, args: &[&str]) -> String {
    let (code, said, complaint) = run(app, args);
    assert_eq!(code, Some(0), "{args:?}: {complaint}");
    said
}

/// The payments that are listed.
fn listed(app: &TestApp, args: &[&str]) -> Vec<String> {
    let table = shown(app, &[&["payments", "list"], args].concat());
    table.lines().skip(1).map(|line| line.split_whitespace().nth(1).unwrap().to_owned()).collect()
}

async fn payments_are_listed_across_partners_by_what_is_known_of_them(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (client, other) = (app.client().await, app.client_of(|key| key.partner_name = "Other".to_owned()).await);
    let first = client.created(full_intent()).await.id;
    let second =
        other.created(pb::CreatePaymentIntentRequest { reference_id: "order-8".to_owned(), ..full_intent() }).await.id;
    let third = client.paid_intent("20.00").await.id;
    client.refund(&third, "1.00").await.unwrap();

    assert_eq!(listed(&app, &[]).len(), 3);
    assert_eq!(listed(&app, &["--limit=1"]).len(), 1);
    let both = [second.clone(), first.clone()];
    assert_eq!(listed(&app, &["--email=Jane@example.com"]), both);
    assert_eq!(listed(&app, &["--email=jane@example.com", "--partner=other"]), both[..1]);
    assert_eq!(listed(&app, &["--metadata=order=7", "--metadata=note="]), both);
    assert_eq!(listed(&app, &["--reference-prefix=order"]), [first.as_str(), &second], "by partner, and by reference");
    assert_eq!(listed(&app, &["--reference=order-8"]), [second]);
    for flags in [
        &["--card=411111-1111"][..],
        &["--state=succeeded,partially_paid"],
        &["--has-refunds"],
        &["--has-refunds=true", "--method=card"],
        &["--currency=USD", "--amount-to=20.00", "--amount-from=19.99"],
    ] {
        assert_eq!(listed(&app, flags), [third.as_str()], "{flags:?}");
    }
    for flags in [&["--outcome-unknown"][..], &["--decline-code=declined"], &["--created-before=2020-01-01T00:00:00Z"]]
    {
        assert!(listed(&app, flags).is_empty(), "{flags:?}");
    }
    let (code, _, complaint) = run(&app, &["payments", "list", "--currency=USD", "--amount-from=1.001"]);
    assert_eq!(code, Some(2));
    assert!(complaint.contains("--amount-from must have at most 2 decimals"), "{complaint}");
    assert_eq!(run(&app, &["payments", "list", "--amount-from=1"]).0, Some(2));
    let (code, _, complaint) = run(&app, &["payments", "list", "--card=4111111111111111"]);
    assert_eq!((code, complaint.contains("--card must be"), complaint.contains("41111111")), (Some(2), true, false));
}

async fn a_chargeback_is_shown_with_its_payment_and_found_by_its_id(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("10.00").await;
    assert!(!shown(&app, &["payments", "show", &paid.id]).contains("CHARGEBACK"));
    for minor in [100, 250] {
        app.sandbox.charge_back(&paid.id, minor).unwrap();
        app.process_webhooks().await;
    }
    let said = shown(&app, &["payments", "show", &paid.id]);
    for chargeback in client.chargebacks(&paid.id).await {
        let row = said.lines().find(|line| line.contains(&chargeback.id)).unwrap();
        assert!(row.contains(&format!("{} USD", chargeback.amount)), "{row}");
        assert!(row.contains(&format!("{} USD", chargeback.total)), "{row}");
        let found = shown(&app, &["find", &chargeback.id]);
        for part in ["chargeback", "acme", &format!("payments show {}", paid.id)] {
            assert!(found.contains(part), "{part}: {found}");
        }
    }
}

async fn a_payment_is_shown_without_its_payer(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.created(full_intent()).await;
    client.confirm(&intent.id, APPROVED).await.unwrap();
    let refund = client.refund(&intent.id, "1.00").await.unwrap();
    let said = shown(&app, &["payments", "show", &intent.payment_id]);
    for part in
        [&intent.id, &refund.id, "order-7", "visa 411111-1111", "100.00 USD", &format!("timeline {}", intent.id)]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("Jane") && !said.contains("jane"), "{said}");
    let (code, _, complaint) = run(&app, &["payments", "show", "pi_00000000000000000000000000000000"]);
    assert_eq!((code, complaint.contains("there is no payment")), (Some(1), true), "{complaint}");
}

async fn a_payment_is_shown_with_its_network_references(database: TestDatabase) {
    let app = TestApp::start_commerce(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("10.00").await;
    let references = paid.network_references.unwrap();
    let said = shown(&app, &["payments", "show", &paid.id]);
    for (label, reference) in [
        ("retrieval reference", &references.retrieval_reference_number),
        ("approval code", &references.approval_code),
        ("acquirer reference", &references.acquirer_reference_number),
    ] {
        let line = said.lines().find(|line| line.starts_with(label)).unwrap();
        assert!(!reference.is_empty() && line.ends_with(reference.as_str()), "{line}");
    }
}

async fn anything_is_found_by_any_of_its_names(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = client.create_customer(full_customer()).await.unwrap().into_inner().customer.unwrap();
    let intent = client.create_payment_intent(keyed("my-key-7", full_intent())).await.unwrap().into_inner();
    let intent = intent.payment_intent.unwrap();
    client.confirm(&intent.id, APPROVED).await.unwrap();
    let refund = client.refund(&intent.id, "1.00").await.unwrap();
    while app.server.app.api_calls.write_api_calls().await.unwrap() > 0 {}

    let show = format!("payments show {}", intent.id);
    for (name, by, next) in [
        (intent.id.as_str(), "  id  ", show.as_str()),
        (&intent.payment_id, "  id  ", &show),
        (&intent.upstream_id, "id at Corefy", &show),
        ("order-7", "reference", &show),
        ("my-key-7", "idempotency key", "operations show op_"),
        ("JANE@example.com", "email address", &show),
        ("jane@example.com", "email address", &format!("payments list --customer {}", customer.id)),
        ("411111-1111", "card", &show),
        ("411111******1111", "card", &show),
        (&refund.id, "  id  ", &format!("timeline {}", refund.id)),
        (&customer.id, "  id  ", &format!("payments list --customer {}", customer.id)),
        ("customer-7", "reference", &format!("payments list --customer {}", customer.id)),
    ] {
        let said = shown(&app, &["find", name]);
        let line = said.lines().find(|line| line.contains(next)).unwrap_or_else(|| panic!("{name}: {said}"));
        assert!(line.contains(by), "{name}: {said}");
    }
    let (code, _, complaint) = run(&app, &["find", "nothing-has-this-name"]);
    assert_eq!((code, complaint.trim()), (Some(1), "nothing here has this name"));
    let (code, _, complaint) = run(&app, &["find", APPROVED]);
    assert_eq!(code, Some(2));
    assert!(complaint.contains("411111-1111") && !complaint.contains(APPROVED), "{complaint}");
}

async fn keys_erasures_and_audit_entries_are_found_and_secrets_are_not_repeated(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let made = shown(&app, &["keys", "create", "--partner-name", "Shop", "--key-name", "till"]);
    let pair = made.split_whitespace().find(|word| word.starts_with("pk_")).unwrap();
    let (public, secret) = pair.split_once(':').unwrap();
    let said = shown(&app, &["find", public]);
    assert!(said.contains("key") && said.contains(&format!("audit list --object {public}")), "{said}");
    let entries = shown(&app, &["audit", "list", "--object", public, "--format", "json"]);
    let entry: serde_json::Value = serde_json::from_str(entries.lines().next().unwrap()).unwrap();
    let said = shown(&app, &["find", entry["id"].as_str().unwrap()]);
    assert!(said.contains("audit entry") && said.contains(&format!("audit list --object {public}")), "{said}");
    for repeated in [pair, APPROVED] {
        let (code, said, complaint) = run(&app, &["find", repeated]);
        assert_eq!((code, said.as_str()), (Some(2), ""));
        assert!(!complaint.contains(secret) && !complaint.contains(APPROVED), "{complaint}");
    }

    let customer = client.create_customer(full_customer()).await.unwrap().into_inner().customer.unwrap();
    shown(&app, &["privacy", "erase", "--customer", &customer.id, "--reason", "a letter"]);
    let erasures = shown(&app, &["privacy", "erasures", "--format", "jsonl"]);
    let erasure: serde_json::Value = serde_json::from_str(erasures.lines().next().unwrap()).unwrap();
    let id = erasure["id"].as_str().unwrap();
    let said = shown(&app, &["find", id]);
    assert!(said.contains("erasure") && said.contains(&format!("privacy show {id}")), "{said}");
}
