//! How an invoice stands, by its status.

use super::resolutions::failure;
use crate::domain::decline::{DECLINED, PaymentError};
use crate::upstream::sanitize;

/// How an invoice stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvoiceStanding {
    /// Made, or waiting for the payer: whether something is under way is not told by the status.
    Waiting,
    /// Under way.
    Processing,
    /// Money was received, whatever became of it later.
    Paid,
    /// It ended without a payment.
    Failed(PaymentError),
    /// A word we do not know.
    Unknown(String),
}

/// The meaning of a status with its resolution.
pub fn standing(word: &str, resolution: &str, message: &str) -> InvoiceStanding {
    let failed = |code: &str| InvoiceStanding::Failed(failure(resolution, message, code));
    match word {
        "created" | "process_pending" => InvoiceStanding::Waiting,
        "processing" | "process_error" | "authorize_failed" => InvoiceStanding::Processing,
        "processed"
        | "partially_processed"
        | "refunding"
        | "refund_pending"
        | "partially_refunded"
        | "refunded"
        | "refund_error"
        | "refund_failed"
        | "charged_back"
        | "partially_charged_back" => InvoiceStanding::Paid,
        "process_failed" | "verify_failed" => failed(DECLINED),
        "expired" => failed("payment_expired"),
        "terminated" => failed("payment_failed"),
        // Of a card that is only verified no money is received: `verified` is no word about a payment.
        other => InvoiceStanding::Unknown(sanitize::bounded(other, sanitize::LONGEST_CODE)),
    }
}

/// Whether this word, in lower case, is one of the API's.
pub fn is_known_status(word: &str) -> bool {
    !matches!(standing(word, "", ""), InvoiceStanding::Unknown(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_word_has_its_meaning() {
        use InvoiceStanding::{Failed, Paid, Processing, Unknown, Waiting};
        for (word, expected) in [
            ("created", Waiting),
            ("process_pending", Waiting),
            ("processing", Processing),
            ("process_error", Processing),
            ("authorize_failed", Processing),
            ("processed", Paid),
            ("partially_processed", Paid),
            ("refunding", Paid),
            ("refund_pending", Paid),
            ("partially_refunded", Paid),
            ("refunded", Paid),
            ("refund_error", Paid),
            ("refund_failed", Paid),
            ("charged_back", Paid),
            ("partially_charged_back", Paid),
            ("verified", Unknown("verified".to_owned())),
            ("on_hold", Unknown("on_hold".to_owned())),
            ("", Unknown(String::new())),
        ] {
            assert_eq!(standing(word, "ok", ""), expected, "{word}");
        }
        for (word, code) in [
            ("process_failed", DECLINED),
            ("verify_failed", DECLINED),
            ("expired", "payment_expired"),
            ("terminated", "payment_failed"),
        ] {
            let Failed(error) = standing(word, "ok", "") else { panic!("{word} is a failure") };
            assert_eq!(error.code, code, "{word}");
        }
    }
}
