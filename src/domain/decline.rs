//! Why an attempt to pay did not succeed: the codes that are known, what to do about each, and what to say to the payer.

use serde::{Deserialize, Serialize};

/// Why an attempt did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentError {
    /// Stable code in lower snake case.
    pub code: String,
    /// A sentence for the merchant, as Corefy has it: it may name what a payer must not learn.
    pub message: String,
}

/// The code of an attempt or refund that Corefy, asked again and again, knows nothing of.
pub const UPSTREAM_NO_RECORD: &str = "upstream_no_record";
/// The code of an attempt or refund that failed as an operator states.
pub const RESOLVED_BY_OPERATOR: &str = "resolved_by_operator";
/// The code of a decline to which Corefy gives none.
pub const DECLINED: &str = "declined";
/// The code of an attempt that was stopped for its risk: nothing was sent.
pub const BLOCKED_BY_RISK: &str = "blocked_by_risk";

/// The advice after an attempt that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// The same method may work later.
    TryAgainLater,
    /// The payer should check the details.
    CorrectDetails,
    /// The payer should use another method.
    UseAnotherMethod,
    /// This method must not be tried again.
    DoNotRetry,
}

/// Whether the code is of an attempt that was made, and not of details that were wrong before there was one.
pub fn is_outcome(code: &str) -> bool {
    /// Said of requests as well.
    const REFUSED: &str = "refused";
    code != REFUSED && find(code).is_some_and(|decline| decline.advice != Advice::CorrectDetails)
}

/// Whether the code is the word of the card's issuer about an attempt. Codes that providers, networks and authentication have as
/// well are none, nor is one that is not known: they may tell of attempts that never reached the issuer.
pub fn is_issuer_decline(code: &str) -> bool {
    find(code).is_some_and(|decline| matches!(decline.by, By::Issuer | By::IssuerForGood))
}

/// Whether the issuer declines the card for good: it is lost, stolen or not a card, and must not be tried again.
pub fn is_hard_decline(code: &str) -> bool {
    find(code).is_some_and(|decline| decline.by == By::IssuerForGood)
}

/// The one that declined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// The card's issuer.
    Issuer,
    /// The card's issuer, whatever is tried later.
    IssuerForGood,
    /// Another, or one that cannot be told.
    Other,
}

/// Codes of one meaning.
struct Decline {
    codes: &'static [&'static str],
    by: By,
    advice: Advice,
    payer_message: &'static str,
}

/// The sentence of a plain decline. Losses, thefts and suspicions have it, too: the person with the card must not learn of
/// them.
const PLAIN: &str = "The payment was declined. Please use another payment method.";

/// Every code that is known: those of Corefy, its connectors and the gateway.
static DECLINES: [Decline; 17] = [
    Decline {
        codes: &[DECLINED, "card_declined", "do_not_honor", "transaction_not_permitted"],
        by: By::Issuer,
        advice: Advice::UseAnotherMethod,
        payer_message: PLAIN,
    },
    Decline {
        codes: &["payment_failed", "refused", BLOCKED_BY_RISK],
        by: By::Other,
        advice: Advice::UseAnotherMethod,
        payer_message: PLAIN,
    },
    Decline {
        codes: &["stolen_card", "lost_card", "lost_or_stolen_card", "card_stolen", "card_lost", "pickup_card"],
        by: By::IssuerForGood,
        advice: Advice::DoNotRetry,
        payer_message: PLAIN,
    },
    Decline {
        codes: &["fraud_suspected", "restricted_card"],
        by: By::Issuer,
        advice: Advice::DoNotRetry,
        payer_message: PLAIN,
    },
    Decline { codes: &["antifraud_error"], by: By::Other, advice: Advice::DoNotRetry, payer_message: PLAIN },
    Decline {
        codes: &["insufficient_funds"],
        by: By::Issuer,
        advice: Advice::UseAnotherMethod,
        payer_message: "There is not enough money on the card or account. Please use another payment method.",
    },
    Decline {
        codes: &["limit_exceeded", "withdrawal_limit_exceeded"],
        by: By::Issuer,
        advice: Advice::UseAnotherMethod,
        payer_message: "The payment exceeds a limit of the card or account. Please use another payment method.",
    },
    Decline {
        codes: &["card_expired", "expired_card"],
        by: By::Issuer,
        advice: Advice::UseAnotherMethod,
        payer_message: "The card has expired. Please use another payment method.",
    },
    Decline {
        codes: &["processing_error", "provider_error", "issuer_unavailable", "try_again_later", "timeout"],
        by: By::Other,
        advice: Advice::TryAgainLater,
        payer_message: "The payment could not be processed. Please try again later.",
    },
    Decline {
        codes: &[UPSTREAM_NO_RECORD, RESOLVED_BY_OPERATOR],
        by: By::Other,
        advice: Advice::TryAgainLater,
        payer_message: "The payment was not made. Please try again.",
    },
    Decline {
        codes: &["payment_expired"],
        by: By::Other,
        advice: Advice::TryAgainLater,
        payer_message: "The payment was not made in time. Please try again.",
    },
    Decline {
        codes: &["canceled_by_payer"],
        by: By::Other,
        advice: Advice::UseAnotherMethod,
        payer_message: "The payment was canceled. Please try again, or use another payment method.",
    },
    Decline {
        codes: &["incorrect_cvc", "incorrect_cvv", "invalid_cvv"],
        by: By::Issuer,
        advice: Advice::CorrectDetails,
        payer_message: "The card's security code is not correct. Please check it and try again.",
    },
    Decline {
        codes: &["invalid_card", "invalid_pan", "incorrect_number"],
        by: By::IssuerForGood,
        advice: Advice::CorrectDetails,
        payer_message: "The card number is not correct. Please check it and try again.",
    },
    Decline {
        codes: &["invalid_expiry_date"],
        by: By::Issuer,
        advice: Advice::CorrectDetails,
        payer_message: "The card's expiry date is not correct. Please check it and try again.",
    },
    Decline {
        codes: &["invalid_details"],
        by: By::Other,
        advice: Advice::CorrectDetails,
        payer_message: "The payment details are not correct. Please check them and try again.",
    },
    Decline {
        codes: &["authentication_failed", "invalid_3ds_code", "auth_fatal_error"],
        by: By::Other,
        advice: Advice::CorrectDetails,
        payer_message: "The payment was not confirmed with your bank. Please try again.",
    },
];

/// Every code that is known: the clients' constants, and labels of metrics. More may come.
pub fn known_codes() -> impl Iterator<Item = &'static str> {
    DECLINES.iter().flat_map(|decline| decline.codes).copied()
}

impl PaymentError {
    /// The advice for it; an unknown code is a plain decline.
    pub fn advice(&self) -> Advice {
        self.decline().map_or(Advice::UseAnotherMethod, |decline| decline.advice)
    }

    /// A sentence that is safe to show to the payer; an unknown code reads like a plain decline.
    pub fn payer_message(&self) -> &'static str {
        self.decline().map_or(PLAIN, |decline| decline.payer_message)
    }

    fn decline(&self) -> Option<&'static Decline> {
        find(&self.code)
    }
}

fn find(code: &str) -> Option<&'static Decline> {
    DECLINES.iter().find(|decline| decline.codes.contains(&code))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn error(code: &str) -> PaymentError {
        PaymentError { code: code.to_owned(), message: "Card reported stolen.".to_owned() }
    }

    #[test]
    fn a_code_is_known_once() {
        let codes: Vec<_> = known_codes().collect();
        assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len());
    }

    #[test]
    fn every_code_has_a_sentence_that_names_no_loss_theft_or_fraud() {
        let told = ["stol", "steal", "thef", "lost", "loss", "fraud", "suspect", "pick", "restrict", "block", "police"];
        for code in known_codes() {
            let sentence = error(code).payer_message().to_ascii_lowercase();
            assert!(sentence.ends_with('.') && sentence.len() <= 100, "{code}: {sentence}");
            assert!(!told.iter().any(|word| sentence.contains(word)), "{code}: {sentence}");
        }
    }

    #[test]
    fn what_must_not_be_tried_again_and_what_is_unknown_reads_like_a_plain_decline() {
        let plain = error(DECLINED).payer_message();
        let never_again = known_codes().filter(|code| error(code).advice() == Advice::DoNotRetry);
        for code in never_again.chain(["a_code_of_tomorrow", ""]) {
            assert_eq!(error(code).payer_message(), plain, "{code}");
        }
        assert_eq!(error("a_code_of_tomorrow").advice(), Advice::UseAnotherMethod);
    }

    #[test]
    fn only_the_issuer_s_own_word_counts_as_its_decline() {
        for (code, is_issuers, is_hard) in [
            ("insufficient_funds", true, false),
            ("incorrect_cvc", true, false),
            ("stolen_card", true, true),
            ("invalid_pan", true, true),
            ("issuer_unavailable", false, false),
            ("provider_error", false, false),
            ("authentication_failed", false, false),
            (UPSTREAM_NO_RECORD, false, false),
            (BLOCKED_BY_RISK, false, false),
            ("a_code_of_tomorrow", false, false),
        ] {
            assert_eq!((is_issuer_decline(code), is_hard_decline(code)), (is_issuers, is_hard), "{code}");
        }
    }
}
