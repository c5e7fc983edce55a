//! Network references: the numbers under which card networks, the acquirer and the payer's bank know a payment. They lead to it on the
//! acquirer's statements and in disputes.

use serde::{Deserialize, Serialize};

use super::card_number;

/// The references of one payment, as far as they are known. Each is of letters and digits of ASCII, and never a card number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkReferences {
    /// The retrieval reference number (RRN) of the authorization: 1 to 12 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retrieval_reference_number: Option<String>,
    /// The approval code of the payer's bank: 1 to 6 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_code: Option<String>,
    /// The acquirer reference number (ARN) of the clearing: 1 to 23 characters. It is known a day or more after the payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acquirer_reference_number: Option<String>,
}

/// The length of field 37 of ISO 8583.
const LONGEST_RETRIEVAL_REFERENCE_NUMBER: usize = 12;
/// The length of field 38 of ISO 8583.
const LONGEST_APPROVAL_CODE: usize = 6;
/// The length that card networks have given it.
const LONGEST_ACQUIRER_REFERENCE_NUMBER: usize = 23;

impl NetworkReferences {
    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These, and of those that are missing what was `known` before.
    #[must_use]
    pub fn or(self, known: &Self) -> Self {
        let kept = |told: Option<String>, known: &Option<String>| told.or_else(|| known.clone());
        Self {
            retrieval_reference_number: kept(self.retrieval_reference_number, &known.retrieval_reference_number),
            approval_code: kept(self.approval_code, &known.approval_code),
            acquirer_reference_number: kept(self.acquirer_reference_number, &known.acquirer_reference_number),
        }
    }
}

/// Reads a retrieval reference number; `None` when the text has not the form of one.
pub fn retrieval_reference_number(text: &str) -> Option<String> {
    reference(text, LONGEST_RETRIEVAL_REFERENCE_NUMBER)
}

/// The same of an approval code.
pub fn approval_code(text: &str) -> Option<String> {
    reference(text, LONGEST_APPROVAL_CODE)
}

/// The same of an acquirer reference number.
pub fn acquirer_reference_number(text: &str) -> Option<String> {
    reference(text, LONGEST_ACQUIRER_REFERENCE_NUMBER)
}

/// A reference of at most `longest` characters, without the spaces that fields of fixed length are filled up with.
fn reference(text: &str, longest: usize) -> Option<String> {
    let text = text.trim();
    let has_form = (1..=longest).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (has_form && !card_number::is_written_in(text)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_in_the_lengths_and_letters_that_networks_have() {
        let read = [retrieval_reference_number, approval_code, acquirer_reference_number];
        for (read, longest) in read.into_iter().zip([12, 6, 23]) {
            for length in [1, longest] {
                let text = "7a".repeat(length)[..length].to_owned();
                assert_eq!(read(&format!(" {text} ")), Some(text));
            }
            for odd in ["", "  ", "7-a", "7\u{e4}", "7 a", "7\n8", &"7".repeat(longest + 1)] {
                assert_eq!(read(odd), None, "{odd:?}");
            }
        }
        assert_eq!(acquirer_reference_number("24692164300100123456789").as_deref(), Some("24692164300100123456789"));
    }

    #[test]
    fn a_card_number_is_no_reference() {
        assert_eq!(acquirer_reference_number("4111111111111111"), None);
        assert_eq!(acquirer_reference_number("4111111111111112").as_deref(), Some("4111111111111112"));
    }

    #[test]
    fn what_is_told_later_takes_the_place_of_what_is_known_and_what_is_not_told_stays() {
        let of = |rrn: Option<&str>, code: Option<&str>, arn: Option<&str>| NetworkReferences {
            retrieval_reference_number: rrn.map(str::to_owned),
            approval_code: code.map(str::to_owned),
            acquirer_reference_number: arn.map(str::to_owned),
        };
        let known = of(Some("1"), Some("2"), None);
        assert_eq!(of(None, Some("3"), Some("4")).or(&known), of(Some("1"), Some("3"), Some("4")));
        assert_eq!(NetworkReferences::default().or(&known), known);
        assert!(NetworkReferences::default().is_empty() && !known.is_empty());
    }
}
