//! Ids where another kind of id is meant.

use corefy_gateway::pb;
use tonic::Status;

use crate::support::{
    app::TestApp,
    client::{APPROVED, Client, new_intent},
    database::TestDatabase,
    refusal::wrong_fields,
    requests::confirmation_by,
};

crate::on_both!(an_id_of_another_kind_is_refused_wherever_an_id_stands);

async fn an_id_of_another_kind_is_refused_wherever_an_id_stands(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = client.customer("jane@example.com").await;
    let method = client.saved_card(&customer).await.id;
    let paid = client.paid_intent("10.00").await;
    let refund = client.refund(&paid.id, "1.00").await.unwrap().id;
    let ids = [customer, method, paid.id, paid.payment_id, refund];
    let fields: [(&str, &[&str]); 12] = [
        ("GetPaymentIntent", &["pi_", "pay_"]),
        ("CancelPaymentIntent", &["pi_", "pay_"]),
        ("ConfirmPaymentIntent", &["pi_", "pay_"]),
        ("CreateRefund", &["pi_", "pay_"]),
        ("ListRefunds", &["pi_", "pay_"]),
        ("ListChargebacks", &["pi_", "pay_"]),
        ("GetRefund", &["re_"]),
        ("GetCustomer", &["cus_"]),
        ("CreatePaymentIntent", &["cus_"]),
        ("ListPaymentMethods", &["cus_"]),
        ("GetPaymentMethod", &["pm_"]),
        ("ConfirmBySavedMethod", &["pm_"]),
    ];
    for (call, takes) in fields {
        for id in ids.iter().filter(|id| !takes.iter().any(|prefix| id.starts_with(prefix))) {
            let fields = wrong_fields(call_with_id(&client, call, id).await);
            assert_eq!(fields.len(), 1, "{call} {id}: {fields:?}");
            assert!(fields[0].ends_with("id"), "{call}: {fields:?}");
        }
    }
}

async fn call_with_id(client: &Client, call: &str, id: &str) -> Result<(), Status> {
    let id = id.to_owned();
    match call {
        "GetPaymentIntent" => client.get_payment_intent(pb::GetPaymentIntentRequest { id }).await.map(|_| ()),
        "CancelPaymentIntent" => client.cancel(&id).await.map(|_| ()),
        "ConfirmPaymentIntent" => client.confirm(&id, APPROVED).await.map(|_| ()),
        "CreateRefund" => client.refund(&id, "1.00").await.map(|_| ()),
        "GetRefund" => client.get_refund(pb::GetRefundRequest { id }).await.map(|_| ()),
        "GetCustomer" => client.get_customer(pb::GetCustomerRequest { id }).await.map(|_| ()),
        "GetPaymentMethod" => client.get_payment_method(pb::GetPaymentMethodRequest { id }).await.map(|_| ()),
        "ListRefunds" => {
            let request = pb::ListRefundsRequest { payment_id: id, ..Default::default() };
            client.list_refunds(request).await.map(|_| ())
        }
        "ListChargebacks" => {
            let request = pb::ListChargebacksRequest { payment_intent_id: id, ..Default::default() };
            client.list_chargebacks(request).await.map(|_| ())
        }
        "ListPaymentMethods" => {
            let request = pb::ListPaymentMethodsRequest { customer_id: id, ..Default::default() };
            client.list_payment_methods(request).await.map(|_| ())
        }
        "CreatePaymentIntent" => {
            let request = pb::CreatePaymentIntentRequest { customer_id: id, ..new_intent("1.00") };
            client.create_payment_intent(request).await.map(|_| ())
        }
        _ => {
            let intent = client.intent("1.00").await;
            client.confirm_payment_intent(confirmation_by(&intent.id, &id)).await.map(|_| ())
        }
    }
}
