//! Outcomes that a payment brings itself, in its metadata under [`SCRIPT_KEY`]: `decline:insufficient_funds,approve`. A word stands
//! for an attempt, or behind `refund:` for a refund, in their order; afterwards cards and amounts decide again. So a test picks the
//! outcomes of its own payments, whatever other tests do to the same sandbox.

use serde::{Deserialize, Serialize};

use super::{answer::FieldProblems, cards::CardEffect, faults::Fault, test_refunds::RefundEffect};
use crate::domain::decline::known_codes;

/// The key of the metadata that holds a payment's script.
pub const SCRIPT_KEY: &str = "sandbox";

/// Words of a script at most.
const MAX_WORDS: usize = 50;
/// The beginning of the word of an attempt that is declined; the code follows.
const DECLINE: &str = "decline:";
/// The beginning of a word that is about a refund.
const REFUND: &str = "refund:";

/// A word, its effect, and the same for people.
type ScriptWord<T> = (&'static str, T, &'static str);

/// The words for attempts, without `decline:`.
pub const ATTEMPT_WORDS: &[ScriptWord<CardEffect>] = &[
    ("approve", CardEffect::Approve, "charged"),
    ("challenge", CardEffect::Challenge, "the payer approves or declines on a page"),
    ("process", CardEffect::Process, "processing, charged 5 seconds later"),
    ("stall", CardEffect::Stall, "processing, and stays so"),
    ("charge_back", CardEffect::ApproveThenChargeBack, "charged, taken back by the payer's bank a minute later"),
    ("no_answer", CardEffect::Fault(Fault::Hang), "no answer; not charged"),
    ("charged_no_answer", CardEffect::Fault(Fault::HangAfterExecute), "charged; no answer"),
    ("cut", CardEffect::Fault(Fault::DropBefore), "connection cut; not charged"),
    ("charged_cut", CardEffect::Fault(Fault::DropAfterExecute), "charged; connection cut"),
    ("500", CardEffect::Fault(Fault::Http(500)), "HTTP 500; not charged"),
    ("charged_500", CardEffect::Fault(Fault::HttpAfterExecute(500)), "charged; HTTP 500"),
    ("429", CardEffect::Fault(Fault::Http(429)), "HTTP 429, `Retry-After: 1`; not charged"),
    ("garbage", CardEffect::Fault(Fault::Garbage), "charged; the answer is not JSON"),
    ("wrong_amount", CardEffect::Fault(Fault::WrongAmount), "charged; the answer's amount is 1 more"),
];

/// The words for refunds, without `refund:`.
pub const REFUND_WORDS: &[ScriptWord<RefundEffect>] = &[
    ("succeed", RefundEffect::Succeed, "given back"),
    ("fail", RefundEffect::Fail, "fails at once"),
    ("pend", RefundEffect::PendThenSucceed, "pending, given back 5 seconds later"),
    ("pend_fail", RefundEffect::PendThenFail, "pending, fails 5 seconds later"),
    ("refuse", RefundEffect::Refuse, "refused: `refund_refused`"),
    ("return", RefundEffect::SucceedThenReturn, "given back, returned by the payer's bank a minute later"),
    ("500", RefundEffect::Fault(Fault::Http(500)), "HTTP 500; not given back"),
    ("done_500", RefundEffect::Fault(Fault::HttpAfterExecute(500)), "given back; HTTP 500"),
    ("done_cut", RefundEffect::Fault(Fault::DropAfterExecute), "given back; connection cut"),
];

/// The outcomes of a payment's attempts and refunds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    pub attempts: Vec<CardEffect>,
    pub refunds: Vec<RefundEffect>,
}

/// How many words of a script are used up.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UsedWords {
    pub attempts: usize,
    pub refunds: usize,
}

impl Script {
    /// Reads a script. The error says which word is not known, and which ones are.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split(',').map(str::trim).collect();
        if words.len() > MAX_WORDS {
            return Err(format!("must have at most {MAX_WORDS} words"));
        }
        let mut script = Self::default();
        for word in words {
            match word.strip_prefix(REFUND) {
                Some(word) => script.refunds.push(refund_word(word)?),
                None => script.attempts.push(attempt_word(word)?),
            }
        }
        Ok(script)
    }
}

/// Notes what is wrong with the script of a payment's metadata, if it has one.
pub(super) fn check_script(problems: &mut FieldProblems, text: Option<&str>) {
    if let Some(Err(problem)) = text.map(Script::parse) {
        problems.check(false, &format!("metadata.{SCRIPT_KEY}"), &problem);
    }
}

fn attempt_word(word: &str) -> Result<CardEffect, String> {
    if let Some(code) = word.strip_prefix(DECLINE) {
        let known = known_codes().find(|known| *known == code).map(CardEffect::Decline);
        let codes = || known_codes().collect::<Vec<_>>().join(", ");
        return known.ok_or_else(|| format!("has a decline that is not known; known are {}", codes()));
    }
    let known = ATTEMPT_WORDS.iter().find(|(known, ..)| *known == word).map(|(_, effect, _)| *effect);
    known.ok_or_else(|| {
        format!("has a word that is not known; known are decline:CODE, refund:WORD, {}", listed(ATTEMPT_WORDS))
    })
}

fn refund_word(word: &str) -> Result<RefundEffect, String> {
    let known = REFUND_WORDS.iter().find(|(known, ..)| *known == word).map(|(_, effect, _)| *effect);
    known.ok_or_else(|| format!("has a word behind refund: that is not known; known are {}", listed(REFUND_WORDS)))
}

fn listed<T>(words: &[ScriptWord<T>]) -> String {
    words.iter().map(|(word, ..)| *word).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_in_their_order() {
        let script = Script::parse("decline:insufficient_funds, approve,refund:fail").unwrap();
        assert_eq!(script.attempts, [CardEffect::Decline("insufficient_funds"), CardEffect::Approve]);
        assert_eq!(script.refunds, [RefundEffect::Fail]);
    }

    #[test]
    fn a_word_that_is_not_known_is_refused_with_those_that_are() {
        for (text, known) in [
            ("aprove", "approve"),
            ("", "approve"),
            ("approve,", "approve"),
            ("decline", "decline:CODE"),
            ("decline:poverty", "insufficient_funds"),
            ("refund:later", "pend_fail"),
        ] {
            let refusal = Script::parse(text).unwrap_err();
            assert!(refusal.contains(known), "{text}: {refusal}");
        }
        assert!(Script::parse(&["approve"; MAX_WORDS].join(",")).is_ok());
        assert!(Script::parse(&["approve"; MAX_WORDS + 1].join(",")).is_err());
    }
}
