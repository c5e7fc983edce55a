//! The test cards: one number, one behaviour.

use serde::{Deserialize, Serialize};

use super::{
    failure_codes::{self, FailureCode},
    faults::Fault,
};
use crate::domain::next_action::DisplayKind;

/// A test card.
#[derive(Clone, Copy, Debug)]
pub struct TestCard {
    /// Sixteen digits that satisfy the Luhn check.
    pub number: &'static str,
    /// Short name for people.
    pub name: &'static str,
    /// The effect of confirming a payment with it.
    pub effect: CardEffect,
    /// The same in words.
    pub description: &'static str,
}

/// The effect of confirming a payment with a card or saved method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardEffect {
    /// The card is charged.
    Approve,
    /// The card is charged; the payer's bank takes everything back [`super::CHARGEBACK_TIME`] later.
    ApproveThenChargeBack,
    /// The attempt fails with this code; nothing is charged.
    Decline(#[serde(deserialize_with = "failure_codes::read")] FailureCode),
    /// The payer has to act on a page first. Charged at once when the request brings a cryptogram of its own.
    Challenge,
    /// The payer has to act on a page first, and the attempt fails with this code whatever they do.
    ChallengeThenDecline(#[serde(deserialize_with = "failure_codes::read")] FailureCode),
    /// The payment is processing, and stays so.
    Stall,
    /// The payment is processing, and charged [`super::PROCESSING_TIME`] later.
    Process,
    /// The payer is shown details to pay with elsewhere; no card does that.
    Display(DisplayKind),
    /// The card is charged if the fault lets the request be executed; the answer suffers the fault.
    Fault(Fault),
}

/// Every test card. Any other valid number is approved.
pub const TEST_CARDS: &[TestCard] = &[
    card("4111111111111111", "approved", CardEffect::Approve, "charged (Visa)"),
    card("5555555555554444", "approved", CardEffect::Approve, "charged (Mastercard)"),
    card("4000000000009995", "insufficient funds", decline("insufficient_funds"), "declined: `insufficient_funds`"),
    card("4000000000000069", "expired card", decline("card_expired"), "declined: `card_expired`"),
    card("4000000000000127", "incorrect CVC", decline("incorrect_cvc"), "declined: `incorrect_cvc`"),
    card("4000000000009987", "lost card", decline("lost_card"), "declined: `lost_card`"),
    card("4000000000009979", "stolen card", decline("stolen_card"), "declined: `stolen_card`"),
    card("4100000000000019", "fraud suspected", decline("fraud_suspected"), "declined: `fraud_suspected`"),
    card("4000000000000002", "do not honor", decline("do_not_honor"), "declined: `do_not_honor`"),
    card("4000000000000119", "processing error", decline("processing_error"), "declined: `processing_error`"),
    card("4000000000006975", "limit exceeded", decline("limit_exceeded"), "declined: `limit_exceeded`"),
    card("4000000000003220", "3-D Secure", CardEffect::Challenge, "the payer approves or declines on a page"),
    card(
        "4000000000000259",
        "charged back",
        CardEffect::ApproveThenChargeBack,
        "charged, taken back by the payer's bank a minute later",
    ),
    card("4000000000000077", "processing", CardEffect::Process, "processing, charged 5 seconds later"),
    card("4000000000004087", "never answers", CardEffect::Fault(Fault::Hang), "no answer; not charged"),
    card("4000000000005043", "charged in silence", CardEffect::Fault(Fault::HangAfterExecute), "charged; no answer"),
    card("4000000000004442", "charged, cut", CardEffect::Fault(Fault::DropAfterExecute), "charged; connection cut"),
    card("4000000000004996", "cut", CardEffect::Fault(Fault::DropBefore), "connection cut; not charged"),
    card("4000000000005019", "charged, 500", CardEffect::Fault(Fault::HttpAfterExecute(500)), "charged; HTTP 500"),
    card("4000000000005001", "500", CardEffect::Fault(Fault::Http(500)), "HTTP 500; not charged"),
    card("4000000000004293", "429", CardEffect::Fault(Fault::Http(429)), "HTTP 429, `Retry-After: 1`; not charged"),
    card("4000000000002008", "garbage", CardEffect::Fault(Fault::Garbage), "charged; the answer is not JSON"),
    card(
        "4000000000002016",
        "wrong amount",
        CardEffect::Fault(Fault::WrongAmount),
        "charged; the answer's amount is 1 more",
    ),
];

const fn card(number: &'static str, name: &'static str, effect: CardEffect, description: &'static str) -> TestCard {
    TestCard { number, name, effect, description }
}

const fn decline(code: &'static str) -> CardEffect {
    CardEffect::Decline(code)
}

impl CardEffect {
    /// Whether the request is executed although it suffers what the card does to it.
    pub(super) fn executes(self) -> bool {
        !matches!(self, Self::Fault(fault) if !fault.executes())
    }

    /// The effect of the card with this number.
    pub fn of(number: &str) -> Self {
        TEST_CARDS.iter().find(|card| card.number == number).map_or(Self::Approve, |card| card.effect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{card::satisfies_luhn, decline::known_codes},
        sandbox::payment::{EXPIRED, GIVEN_UP},
    };

    #[test]
    fn every_decline_has_a_code_that_the_gateway_knows() {
        let of_card = |card: &TestCard| match card.effect {
            CardEffect::Decline(code) => Some(code),
            _ => None,
        };
        for code in TEST_CARDS.iter().filter_map(of_card).chain([EXPIRED, GIVEN_UP]) {
            assert!(known_codes().any(|known| known == code), "{code}");
        }
    }

    #[test]
    fn every_number_is_valid_and_stands_once() {
        for card in TEST_CARDS {
            assert!(card.number.len() == 16 && satisfies_luhn(card.number), "{}", card.name);
            assert_eq!(TEST_CARDS.iter().filter(|other| other.number == card.number).count(), 1, "{}", card.name);
        }
    }
}
