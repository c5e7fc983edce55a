//! Money that a test expects to have moved, compared with the ledger.

use serde::Serialize;

use super::{names::payment_named, not_possible::NotPossible};
use crate::{
    domain::money::{Currency, Money},
    sandbox::{
        handle::Sandbox,
        ledger::{LedgerEntry, LedgerEntryKind, belongs_to},
        lock::lock,
        payment::intent_id_of,
        route::SeenRequest,
        state::State,
    },
};

/// The money of one payment intent that moved, over all its attempts, in major units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MovedMoney {
    /// ISO 4217.
    pub currency: String,
    /// The payer paid it.
    pub charged: String,
    /// It was given back, without refunds that banks returned.
    pub refunded: String,
    /// The payer's bank took it back.
    pub charged_back: String,
    /// How often the payer paid.
    pub charges: usize,
    /// How many refunds were given back, without those that banks returned.
    pub refunds: usize,
    /// How often the payer's bank took something back.
    pub chargebacks: usize,
}

/// The money that is expected to have moved; `None` is not compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectedMoney {
    /// See [`MovedMoney::charged`].
    pub charged: Option<Money>,
    /// See [`MovedMoney::refunded`].
    pub refunded: Option<Money>,
    /// See [`MovedMoney::charged_back`].
    pub charged_back: Option<Money>,
    /// See [`MovedMoney::charges`].
    pub charges: Option<usize>,
    /// See [`MovedMoney::refunds`].
    pub refunds: Option<usize>,
    /// See [`MovedMoney::chargebacks`].
    pub chargebacks: Option<usize>,
}

/// A difference between what is expected and what moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MoneyDifference {
    /// The member of [`MovedMoney`].
    pub field: &'static str,
    /// Expected.
    pub expected: String,
    /// Found.
    pub actual: String,
}

impl ExpectedMoney {
    /// Everything in which this money differs.
    pub fn differences(&self, moved: &MovedMoney) -> Vec<MoneyDifference> {
        let money = |expected: Option<Money>| expected.map(|money| money.to_string());
        let count = |expected: Option<usize>| expected.map(|count| count.to_string());
        let compared = [
            ("charged", money(self.charged), moved.charged.clone()),
            ("refunded", money(self.refunded), moved.refunded.clone()),
            ("charged_back", money(self.charged_back), moved.charged_back.clone()),
            ("charges", count(self.charges), moved.charges.to_string()),
            ("refunds", count(self.refunds), moved.refunds.to_string()),
            ("chargebacks", count(self.chargebacks), moved.chargebacks.to_string()),
        ];
        let differs = |(field, expected, actual): (&'static str, Option<String>, String)| {
            let expected = expected.filter(|expected| *expected != actual)?;
            Some(MoneyDifference { field, expected, actual })
        };
        compared.into_iter().filter_map(differs).collect()
    }
}

impl Sandbox {
    /// The money of a payment intent that moved. Fails when there is no such payment.
    pub fn moved(&self, payment: &str) -> Result<MovedMoney, NotPossible> {
        self.shared.with_state(|state| {
            state.settle_due();
            let id = payment_named(state, payment)?;
            let currency = state.kept.intents.get(&id).map(|found| found.amount.currency);
            Ok(moved_of(state, payment, currency.ok_or(NotPossible::Missing("payment"))?))
        })
    }

    /// The request that explains the money of a payment best: the last one about it that changes something, about its refunds
    /// where they are meant. Without any, the last whose reference begins most like this name.
    pub fn nearest_request(&self, payment: &str, about_refunds: bool) -> Option<SeenRequest> {
        let ids: Vec<_> = self.shared.with_state(|state| {
            let of_payment = state.kept.intents.values().filter(|found| {
                found.id == intent_id_of(payment)
                    || found.reference.as_deref().is_some_and(|own| belongs_to(own, payment))
            });
            of_payment.map(|found| found.id.clone()).collect()
        });
        let journal = lock(&self.shared.journal);
        let changes = || journal.seen.iter().rev().filter(|seen| seen.method == "POST");
        let is_own = |seen: &&SeenRequest| {
            seen.payment.as_ref().is_some_and(|payment| ids.contains(payment))
                || seen.reference.as_deref().is_some_and(|own| belongs_to(own, payment))
        };
        let of_kind = changes().filter(is_own).find(|seen| seen.path.contains("refund") == about_refunds);
        let alike = |seen: &&SeenRequest| {
            let name = seen.reference.as_deref().unwrap_or_default();
            name.bytes().zip(payment.bytes()).take_while(|(one, other)| one == other).count()
        };
        // Oldest first, for of those that are equally alike `max_by_key` takes the last.
        of_kind.or_else(|| changes().find(is_own)).or_else(|| changes().rev().max_by_key(alike)).cloned()
    }
}

/// The money of an intent, or of a payment by the sandbox's own id.
fn moved_of(state: &State, name: &str, currency: Currency) -> MovedMoney {
    let id = intent_id_of(name);
    let is_own = |entry: &&LedgerEntry| {
        entry.intent_id == id || entry.reference.as_deref().is_some_and(|own| belongs_to(own, name))
    };
    let own: Vec<_> = state.kept.ledger.entries.iter().filter(is_own).collect();
    let of = |kind| own.iter().filter(move |entry| entry.kind == kind);
    let sum = |kind| of(kind).map(|entry| entry.amount.minor).sum::<i64>();
    let text = |minor| Money::new(minor, currency).to_string();
    use LedgerEntryKind::{Charge, ChargedBack, Refund, RefundReturned};
    MovedMoney {
        currency: currency.code().to_owned(),
        charged: text(sum(Charge)),
        refunded: text(sum(Refund) - sum(RefundReturned)),
        charged_back: text(sum(ChargedBack)),
        charges: of(Charge).count(),
        refunds: of(Refund).count() - of(RefundReturned).count(),
        chargebacks: of(ChargedBack).count(),
    }
}
