//! The verdict: what the gateway says of each payment is what the ledger says, and nothing that was acknowledged is missing.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use corefy_gateway::{
    pb::{self, PaymentIntentState as State, RefundState},
    sandbox::{
        faults::WebhookSwitches,
        ledger::{Ledger, LedgerEntryKind},
    },
};
use tokio::time::sleep;

use super::{
    ChaosPlan,
    load::{LoadPayment, Report},
    world::World,
};
use crate::support::{
    client::{Client, confirmation, keyed},
    money::{CONFIRM, REFUND, minor},
};

/// How long after the last call the truth of all payments may take, at default times and with every recovery killed.
const SETTLING: Duration = Duration::from_secs(400);
/// How often it is looked for.
const LOOK: Duration = Duration::from_secs(1);

/// Minor units that moved, by the reference of what they moved for.
#[derive(Default)]
struct Moved {
    charged: HashMap<String, i64>,
    refunded: HashMap<String, i64>,
}

impl Moved {
    /// Sums the ledger. Fails when a refund was made twice.
    fn new(ledger: Ledger) -> Self {
        let (mut moved, mut refunds) = (Self::default(), HashMap::new());
        for entry in ledger.entries {
            let sums = match entry.kind {
                LedgerEntryKind::Charge => &mut moved.charged,
                LedgerEntryKind::Refund => &mut moved.refunded,
                LedgerEntryKind::RefundReturned | LedgerEntryKind::ChargedBack => {
                    panic!("no bank takes part here: {entry:?}")
                }
            };
            *sums.entry(entry.reference.unwrap_or_default()).or_default() += entry.amount.minor;
            if let Some(reference) = entry.refund_reference {
                assert!(refunds.insert(reference.clone(), ()).is_none(), "{reference} was refunded twice");
            }
        }
        moved
    }
}

/// Waits until everything is known, and asserts that it is the truth. Returns how long that took.
pub async fn assert_truth(world: &World, plan: ChaosPlan, report: &Report) -> Duration {
    let (begun, client) = (Instant::now(), world.gateways[0].client(&world.key));
    world.sandbox.faults().set(|switches| {
        switches.answer_delay_ms = 0;
        switches.webhooks = WebhookSwitches::default();
    });
    for payment in &report.payments {
        while !is_known(&client, payment).await {
            assert!(begun.elapsed() < SETTLING, "unknown after {SETTLING:?}: {payment:?}");
            if !plan.is_long {
                world.age().await;
            }
            sleep(LOOK).await;
        }
    }
    let settling = begun.elapsed();
    for payment in &report.payments {
        assert_replayed(&client, payment).await;
    }
    let moved = Moved::new(world.sandbox.ledger());
    for payment in &report.payments {
        assert_payment(&client, payment, &moved).await;
    }
    let (confirms, refunds) =
        (world.sandbox.request_count(CONFIRM.0, CONFIRM.1), world.sandbox.request_count(REFUND.0, REFUND.1));
    assert!(confirms <= report.payments.len() as u64, "{confirms} confirmations were sent");
    assert!(refunds <= report.refund_keys as u64, "{refunds} refunds were sent");
    settling
}

async fn is_known(client: &Client, payment: &LoadPayment) -> bool {
    let mut is_known = client.get(&payment.id).await.state() != State::Processing;
    for id in &payment.refunds {
        is_known &= refund(client, id).await.state() != RefundState::Pending;
    }
    is_known
}

async fn refund(client: &Client, id: &str) -> pb::Refund {
    let request = pb::GetRefundRequest { id: id.to_owned() };
    client.get_refund(request).await.unwrap().into_inner().refund.unwrap()
}

async fn assert_payment(client: &Client, payment: &LoadPayment, moved: &Moved) {
    let intent = client.get(&payment.id).await;
    let of = |sums: &HashMap<String, i64>| sums.get(&payment.id).copied().unwrap_or_default();
    let (charged, refunded) = (of(&moved.charged), of(&moved.refunded));
    assert!([0, minor("50.00")].contains(&charged), "charged {charged}: {payment:?}");
    let booked = (minor(&intent.amount_received), minor(&intent.amount_refunded));
    assert_eq!(booked, (charged, refunded), "booked, and moved: {payment:?}");
    assert_eq!(charged > 0, intent.state() == State::Succeeded, "{:?}: {payment:?}", intent.state());
    assert!(payment.confirmed != State::Succeeded || charged > 0, "acknowledged, and not charged: {payment:?}");
    let mut sum = 0;
    for id in &payment.refunds {
        let refund = refund(client, id).await;
        sum += if refund.state() == RefundState::Succeeded { minor(&refund.amount) } else { 0 };
    }
    assert_eq!(sum, refunded, "the refunds that succeeded, and what was given back: {payment:?}");
}

/// Asserts that the confirmation that was acknowledged is still known by its key.
async fn assert_replayed(client: &Client, payment: &LoadPayment) {
    let again =
        client.confirm_payment_intent(keyed(&payment.confirm_key, confirmation(&payment.id, payment.card))).await;
    let again = again.unwrap_or_else(|status| panic!("{status:?}: {payment:?}")).into_inner().payment_intent.unwrap();
    assert_eq!(again.id, payment.id);
    assert!(
        payment.confirmed != State::Succeeded || again.state() == State::Succeeded,
        "{:?}: {payment:?}",
        again.state()
    );
}

/// Asserts that every gateway takes a payment.
pub async fn assert_serves(world: &World) {
    for gateway in &world.gateways {
        assert_eq!(gateway.client(&world.key).paid_intent("10.00").await.state(), State::Succeeded);
    }
}
