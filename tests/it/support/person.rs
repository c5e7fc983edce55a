//! A person who does everything that leaves something of a person, and where that is in the database.

use std::collections::BTreeSet;

use corefy_gateway::{
    domain::{master_key::MasterKey, randomness::Randomness},
    pb,
    store::Sealer,
};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _};

use super::{
    app::TestApp,
    client::{Client, keyed, new_refund},
    database::{Backend, TestDatabase, master_key},
    requests::{card_of, card_to_save, confirmation_by, full_address, full_customer, full_intent},
};

/// A sealed value: its table, its column, the JSON in it, and its bytes.
pub struct Opened {
    pub place: String,
    pub json: String,
    pub bytes: Vec<u8>,
}

/// Everything in the database that opens under the master key of all tests.
pub async fn opened(database: &TestDatabase) -> Vec<Opened> {
    opened_under(database, &master_key()).await
}

/// The same under another one. In the order of ids.
pub async fn opened_under(database: &TestDatabase, master_key: &MasterKey) -> Vec<Opened> {
    sqlx::any::install_default_drivers();
    let sealer = Sealer::new(master_key.sealing_key(), Randomness::system());
    let mut connection = AnyConnection::connect(database.url()).await.unwrap();
    let columns = match database.backend() {
        Backend::Sqlite => {
            "SELECT tables.name AS t, columns.name AS c FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns
             WHERE tables.type = 'table' AND columns.type = 'BLOB' AND tables.name NOT LIKE '%sqlx%'"
        }
        Backend::Postgres => {
            "SELECT CAST(table_name AS TEXT) AS t, CAST(column_name AS TEXT) AS c FROM information_schema.columns
             WHERE table_schema = 'public' AND data_type = 'bytea' AND table_name NOT LIKE '%sqlx%'"
        }
    };
    let mut found = Vec::new();
    for row in sqlx::query(columns).fetch_all(&mut connection).await.unwrap() {
        let (table, column): (String, String) = (row.get("t"), row.get("c"));
        let select = format!("SELECT * FROM {table} WHERE {column} IS NOT NULL ORDER BY 1");
        for row in sqlx::query(AssertSqlSafe(select)).fetch_all(&mut connection).await.unwrap() {
            let Ok(owner) = row.try_get::<String, _>("id") else { continue };
            let bytes: Vec<u8> = row.get(column.as_str());
            if let Ok(value) = sealer.open::<serde_json::Value>(&owner, &column, &bytes) {
                found.push(Opened { place: format!("{table}.{column}"), json: value.to_string(), bytes });
            }
        }
    }
    connection.close().await.unwrap();
    found
}

/// Where a text is, among what was opened.
pub fn places<'a>(opened: &'a [Opened], text: &str) -> BTreeSet<&'a str> {
    opened.iter().filter(|value| value.json.contains(text)).map(|value| value.place.as_str()).collect()
}

fn address(text: &str) -> pb::Address {
    let [first_name, last_name, line1, line2, city, state, postal_code] = [(); 7].map(|()| text.to_owned());
    pb::Address { first_name, last_name, line1, line2, city, state, postal_code, ..full_address() }
}

/// A customer with `text` in every field.
pub async fn customer(client: &Client, text: &str) -> pb::Customer {
    let request = pb::CreateCustomerRequest {
        email: format!("{text}@example.com"),
        name: text.to_owned(),
        address: Some(address(text)),
        reference_id: String::new(),
        metadata: [("note".to_owned(), text.to_owned())].into(),
        ..full_customer()
    };
    client.create_customer(keyed(&format!("customer-{text}"), request)).await.unwrap().into_inner().customer.unwrap()
}

/// A request for an intent of the customer with `text` in every field.
pub fn intent_of(customer: &str, text: &str) -> pb::CreatePaymentIntentRequest {
    pb::CreatePaymentIntentRequest {
        customer_id: customer.to_owned(),
        customer_email: format!("{text}@example.com"),
        customer_name: text.to_owned(),
        description: text.to_owned(),
        reference_id: String::new(),
        return_url: format!("https://shop.example/{text}"),
        failure_url: format!("https://shop.example/{text}"),
        billing_address: Some(address(text)),
        metadata: [("note".to_owned(), text.to_owned())].into(),
        ..full_intent()
    }
}

/// The objects of a person who has done everything.
pub struct Person {
    pub customer: pb::Customer,
    pub method: pb::PaymentMethod,
    pub paid: pb::PaymentIntent,
    pub refund: pb::Refund,
}

/// Sends `text` through every call that takes something of a person.
pub async fn lives(app: &TestApp, client: &Client, text: &str) -> Person {
    let customer = customer(client, text).await;
    let request =
        pb::UpdateCustomerRequest { id: customer.id.clone(), name: format!("{text} Roe"), ..Default::default() };
    client.update_customer(request).await.unwrap();
    let mut request = card_to_save(&customer.id);
    card_of(&mut request).holder_name = text.to_owned();
    let method = client.create_payment_method(request).await.unwrap().into_inner().payment_method.unwrap();
    let request = pb::UpdatePaymentMethodRequest {
        id: method.id.clone(),
        holder_name: format!("{text} Roe"),
        ..Default::default()
    };
    client.update_payment_method(request).await.unwrap();
    let key = format!("intent-{text}");
    let paid = client.create_payment_intent(keyed(&key, intent_of(&customer.id, text))).await.unwrap().into_inner();
    let paid = paid.payment_intent.unwrap();
    let browser_info = Some(pb::BrowserInfo { ip: "203.0.113.7".to_owned(), ..Default::default() });
    let confirmation = pb::ConfirmPaymentIntentRequest { browser_info, ..confirmation_by(&paid.id, &method.id) };
    client.confirm_payment_intent(confirmation).await.unwrap();
    let request = pb::CreateRefundRequest {
        reason: text.to_owned(),
        metadata: [("note".to_owned(), text.to_owned())].into(),
        ..new_refund(&paid.id, "40.00")
    };
    let refund = client.create_refund(keyed(&format!("refund-{text}"), request)).await.unwrap().into_inner();
    let canceled = client.created(intent_of(&customer.id, text)).await;
    let request = pb::CancelPaymentIntentRequest { payment_intent_id: canceled.id, reason: text.to_owned() };
    client.cancel_payment_intent(request).await.unwrap();
    app.process_webhooks().await;
    app.server.app.api_calls.write_api_calls().await.unwrap();
    let paid = client.get(&paid.id).await;
    Person { customer, method, paid, refund: refund.refund.unwrap() }
}
