//! Rows that this program cannot read: of a currency that was withdrawn, of a word that only a newer program knows, or
//! damaged. One of them hides none of the others.

use std::time::Duration;

use corefy_gateway::pb::{
    self, PaymentIntentState as State, event_service_client::EventServiceClient, stream_events_response::Content,
};
use tonic::Code;

use crate::support::{
    app::TestApp,
    client::{Client, reason},
    database::TestDatabase,
};

crate::on_both!(
    what_was_paid_in_a_withdrawn_currency_stays_readable,
    a_payment_that_cannot_be_read_is_left_out_of_lists,
    pages_go_on_behind_a_payment_that_cannot_be_read,
    an_event_that_cannot_be_read_is_left_out_of_lists_and_streams,
    rows_of_every_kind_that_cannot_be_read_are_left_out_of_their_lists,
    an_operation_that_cannot_be_read_keeps_no_other_from_being_looked_up,
);

/// Charged, although the answer says otherwise: HTTP 500.
const CHARGED_500: &str = "4000000000005019";

async fn listed(client: &Client, page_size: i32, page_token: &str) -> (Vec<String>, String) {
    let request = pb::ListPaymentIntentsRequest { page_size, page_token: page_token.to_owned(), ..Default::default() };
    let page = client.list_payment_intents(request).await.unwrap().into_inner();
    (page.payment_intents.into_iter().map(|intent| intent.id).collect(), page.next_page_token)
}

async fn what_was_paid_in_a_withdrawn_currency_stays_readable(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("100.00").await;
    let refund = client.refund(&paid.id, "40.00").await.unwrap();
    for (currency, amount) in [("DEM", "100.00"), ("HRK", "100.00"), ("ITL", "10000")] {
        for table in ["payment_intents", "refunds"] {
            app.database.execute(&format!("UPDATE {table} SET currency = '{currency}'")).await;
        }
        let read = client.get(&paid.id).await;
        assert_eq!((read.currency.as_str(), read.amount.as_str()), (currency, amount));
        assert_eq!(listed(&client, 10, "").await.0, [paid.id.as_str()]);
        let refunds = client.list_refunds(pb::ListRefundsRequest::default()).await.unwrap().into_inner().refunds;
        assert_eq!((refunds[0].id.as_str(), refunds[0].currency.as_str()), (refund.id.as_str(), currency));
        let read = client.get_refund(pb::GetRefundRequest { id: refund.id.clone() }).await.unwrap().into_inner();
        assert_eq!(read.refund.unwrap().currency, currency);
    }
}

async fn a_payment_that_cannot_be_read_is_left_out_of_lists(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let (first, bad, last) = (client.intent("1.00").await, client.intent("2.00").await, client.intent("3.00").await);
    for damage in ["currency = 'ZZZ'", "details = progress"] {
        app.database.execute(&format!("UPDATE payment_intents SET {damage} WHERE id = '{}'", bad.id)).await;
        assert_eq!(listed(&client, 10, "").await, (vec![last.id.clone(), first.id.clone()], String::new()), "{damage}");
    }
    let refused = client.get_payment_intent(pb::GetPaymentIntentRequest { id: bad.id.clone() }).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Internal, "INTERNAL"));
    let counted = "corefy_gateway_unreadable_rows_total{table=\"payment_intents\"} 2\n";
    assert!(app.server.app.diagnostics.metrics().contains(counted), "{}", app.server.app.diagnostics.metrics());
}

async fn pages_go_on_behind_a_payment_that_cannot_be_read(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let mut ids = Vec::new();
    for number in 0..7 {
        ids.insert(0, client.intent(&format!("{number}.50")).await.id);
    }
    for bad in [1, 2, 3, 6] {
        let sql = format!("UPDATE payment_intents SET currency = 'ZZZ' WHERE id = '{}'", ids[bad]);
        app.database.execute(&sql).await;
    }
    let (mut seen, mut token) = (Vec::new(), String::new());
    for page in 0..3 {
        let (found, next) = listed(&client, 1, &token).await;
        assert_eq!((found.len(), next.is_empty()), (1, page == 2), "page {page}");
        seen.extend(found);
        token = next;
    }
    assert_eq!(seen, [ids[0].as_str(), &ids[4], &ids[5]]);
}

async fn an_event_that_cannot_be_read_is_left_out_of_lists_and_streams(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let ids = [client.intent("1.00").await.id, client.intent("2.00").await.id, client.intent("3.00").await.id];
    // Two sealed payloads are exchanged, so that neither opens any longer; another type is one that no version wrote.
    let sql = format!("UPDATE events SET object = (SELECT object FROM events WHERE object_id = '{}')", ids[0]);
    app.database.execute(&format!("{sql} WHERE object_id = '{}'", ids[1])).await;
    let events = client.list_events(pb::ListEventsRequest::default()).await.unwrap().into_inner().events;
    let objects: Vec<_> = events.iter().map(|event| event.object_id.as_str()).collect();
    assert_eq!(objects, [ids[0].as_str(), &ids[2]]);

    let mut service = EventServiceClient::new(client.channel.clone());
    let request = client.signed(pb::StreamEventsRequest::default());
    let mut stream = service.stream_events(request).await.unwrap().into_inner();
    for id in [&ids[0], &ids[2]] {
        let event = loop {
            match stream.message().await.unwrap().unwrap().content {
                Some(Content::Event(event)) => break event,
                _ => continue,
            }
        };
        assert_eq!(event.object_id, *id);
    }
}

async fn rows_of_every_kind_that_cannot_be_read_are_left_out_of_their_lists(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("100.00").await;
    for amount in ["1.00", "2.00"] {
        client.refund(&paid.id, amount).await.unwrap();
        client.create_customer(crate::support::client::new_customer()).await.unwrap();
    }
    app.server.app.api_calls.write_api_calls().await.unwrap();
    for (table, damage) in [
        ("refunds", "currency = 'ZZZ'"),
        ("customers", "details = (SELECT details FROM customers ORDER BY id LIMIT 1)"),
        ("api_calls", "operation_id = 'magic'"),
        ("operations", "kind = 'magic'"),
    ] {
        let sql = format!("UPDATE {table} SET {damage} WHERE id = (SELECT MAX(id) FROM {table})");
        app.database.execute(&sql).await;
    }
    let refunds = client.list_refunds(pb::ListRefundsRequest::default()).await.unwrap().into_inner().refunds;
    assert_eq!(refunds.len(), 1);
    let customers = client.list_customers(pb::ListCustomersRequest::default()).await.unwrap().into_inner().customers;
    assert_eq!(customers.len(), 1);
    let calls = client.list_api_calls(pb::ListApiCallsRequest::default()).await.unwrap().into_inner().api_calls;
    assert_eq!(calls.len(), 5, "of six, one for each thing that was done");
    let request = pb::GetTimelineRequest { id: paid.id.clone(), ..Default::default() };
    assert!(client.get_timeline(request).await.is_ok());
}

async fn an_operation_that_cannot_be_read_keeps_no_other_from_being_looked_up(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let (bad, good) = (client.intent("1.00").await, client.intent("2.00").await);
    for intent in [&bad, &good] {
        assert_eq!(client.confirm(&intent.id, CHARGED_500).await.unwrap().state(), State::Processing);
    }
    let sql =
        format!("UPDATE operations SET kind = 'magic' WHERE payment_intent_id = '{}' AND state <> 'done'", bad.id);
    app.database.execute(&sql).await;
    app.recover_after(Duration::from_secs(5)).await;
    let request = pb::ListPaymentIntentsRequest { states: vec![State::Succeeded.into()], ..Default::default() };
    let paid = client.list_payment_intents(request).await.unwrap().into_inner().payment_intents;
    assert!(paid.iter().any(|intent| intent.id == good.id), "the lookup found the truth");
}
