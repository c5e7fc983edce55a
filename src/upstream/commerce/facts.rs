//! Everything that this dialect takes for granted of Corefy's commerce API, each with the ground that it stands on. The API has no
//! public reference: one run against a real account can turn an assumption into knowledge.

/// The ground that a fact stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// Corefy's public pages say so.
    Documented,
    /// Public clients or recorded answers show it; no page says so.
    Seen,
    /// Neither: it is the careful reading of what is silent or contradictory.
    Assumed,
}

impl Ground {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Seen => "seen",
            Self::Assumed => "assumed",
        }
    }
}

/// Something that the dialect takes for granted.
#[derive(Clone, Copy, Debug)]
pub struct Fact {
    /// Its name, in lower snake case.
    pub name: &'static str,
    /// The fact, as a sentence.
    pub statement: &'static str,
    /// Why it is believed.
    pub ground: Ground,
    /// The consequence if it is false: what to look for.
    pub otherwise: &'static str,
}

use Ground::{Assumed, Documented, Seen};

/// All facts, in the order of a payment's life.
pub const FACTS: &[Fact] = &[
    fact(
        "base_url",
        "The private API answers below the address that the account was given, with `/api` at its end or without",
        Documented,
        "every call is answered 404: try the address with the other ending",
    ),
    fact(
        "basic_auth",
        "The account's id and API key are user and password of HTTP Basic authentication",
        Documented,
        "every call is answered 401",
    ),
    fact(
        "balances",
        "`GET /account/balances` answers with the account's currencies",
        Seen,
        "the connection test fails though payments work",
    ),
    fact(
        "created_with_201",
        "A payment invoice is created with HTTP 201",
        Documented,
        "creations are in doubt and found by their reference",
    ),
    fact(
        "reference_is_unique",
        "A second invoice with a `reference_id` of the account is refused",
        Documented,
        "a creation that is repeated makes a second invoice, which nobody is sent to",
    ),
    fact(
        "duplicate_reference_status",
        "A reference that is taken is refused with 409, 422 or 429, and the invoice that has it is found by `filter[reference_id]`",
        Assumed,
        "a creation whose answer was lost stays in doubt",
    ),
    fact(
        "lookup_by_reference",
        "`GET /payment-invoices/?filter[reference_id]=…` lists the invoice that has the reference",
        Seen,
        "what is in doubt is found by callbacks alone",
    ),
    fact(
        "status_after_creation",
        "A new invoice is `created` or `process_pending`, and its `updated` stays as it is until something happens",
        Assumed,
        "an attempt that was lost is not told from one that is under way: it is left to an operator",
    ),
    fact(
        "card_token_in_flow_data",
        "The answer to a creation with a card service has the Card Gate's token in `flow_data.metadata.token`",
        Documented,
        "cards cannot be confirmed, hosted pages can",
    ),
    fact(
        "card_token_lives_an_hour",
        "That token is a JWT whose `exp` says until when it is taken",
        Seen,
        "a lost attempt is known not to have been made a day later, not an hour later",
    ),
    fact(
        "sale",
        "`POST /payment/sale` at the Card Gate pays the invoice, and answers with a status that is not wrapped",
        Seen,
        "an attempt is in doubt until the invoice is read",
    ),
    fact(
        "sale_refused_before_it_is_made",
        "An answer of 4xx with `errors` from the Card Gate means that nothing was charged",
        Assumed,
        "a refused attempt shows up later as paid: an event `payment_intent.late_success`",
    ),
    fact(
        "challenge_verbatim",
        "`auth_payload` has the address, the method and the parameters of the bank's page, to be sent from the payer's browser as they are",
        Documented,
        "payers are sent to a page that refuses them",
    ),
    fact(
        "hosted_page_address",
        "`hpp_url` of an invoice is the page on which its payer chooses and pays",
        Documented,
        "payers see an error of Corefy's",
    ),
    fact(
        "one_success_an_invoice",
        "An invoice is paid once, however often its payer tries",
        Assumed,
        "more is received than asked: an event `payment_intent.orphan_charge`",
    ),
    fact(
        "token_after_tokenize",
        "`payload.token` of a paid invoice is the saved card, when it was asked for and the customer has a reference",
        Documented,
        "no payment method appears after `save_payment_method`",
    ),
    fact(
        "instant",
        "`gateway_options.cardgate.instant` charges a saved card with the creation, without the payer",
        Documented,
        "a payment that the merchant starts waits for its payer",
    ),
    fact(
        "refund_address",
        "`POST /payment-invoices/{id}/refund` gives money back, with a reference of its own, under both models of refunds",
        Documented,
        "refunds are refused",
    ),
    fact(
        "refund_list",
        "An invoice shows its refunds with their references (new model), or the sum of them in `refunded_amount` (old model)",
        Assumed,
        "a refund whose answer was lost stays in doubt and is left to an operator",
    ),
    fact(
        "chargeback_amount",
        "`charged_back_amount` is what the payer's bank has taken back",
        Documented,
        "amounts of chargebacks are missing",
    ),
    fact(
        "network_references",
        "`rrn`, `approval_code` and `arn` of a paid invoice are those of the card payment at the networks",
        Seen,
        "`network_references` is missing or of no use with the acquirer; money is not touched by it",
    ),
    fact(
        "callback_signature",
        "`X-Signature` is the Base64 of the SHA-1 of secret, body and secret",
        Documented,
        "every webhook is refused, and outcomes are found out by polling",
    ),
    fact(
        "callback_mode",
        "A callback about a test payment is signed with the test secret, one about a live payment with the live one",
        Documented,
        "webhooks of one mode are refused",
    ),
    fact(
        "callback_address",
        "`callback_url` of a creation counts before the account's own",
        Documented,
        "webhooks go where the account is set to",
    ),
    fact(
        "prerequest",
        "`POST /public-api/payment-prerequest` tells the services of the account with their fields and limits",
        Documented,
        "only the methods of `COREFY_SERVICES` are listed, and fields are not checked beforehand",
    ),
    fact(
        "updated_ascends",
        "`updated` of an invoice never goes back, and is in seconds",
        Assumed,
        "an answer is taken for an older one",
    ),
];

const fn fact(name: &'static str, statement: &'static str, ground: Ground, otherwise: &'static str) -> Fact {
    Fact { name, statement, ground, otherwise }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_has_a_name_of_its_own_and_no_full_stop() {
        for (place, fact) in FACTS.iter().enumerate() {
            assert!(FACTS.iter().skip(place + 1).all(|other| other.name != fact.name), "{}", fact.name);
            assert!(!fact.statement.ends_with('.') && !fact.otherwise.ends_with('.'), "{}", fact.name);
        }
    }
}
