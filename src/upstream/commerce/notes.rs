//! The notes of the dialect about an intent: the invoice that stands for it now, and those of earlier attempts that may still be
//! paid.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::answers::ShownInvoice;
use crate::domain::{clock::Timestamp, payment_intent::PaymentIntent, private::Private, upstream_state::UpstreamState};

/// The most attempts before one whose invoices may still be paid, or are not known. With more of them no further attempt is begun: each could take
/// the money once more.
pub const MOST_EARLIER: usize = 8;

/// How long a token is taken to live that does not tell its end: longer than any is known to.
const UNTOLD_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// A token is used only if it lives longer than this, so that it does not end on the way.
const TOKEN_MARGIN: Duration = Duration::from_secs(60);

/// How long after the end of its token a sale may still be under way.
const SALE_MARGIN: Duration = Duration::from_secs(5 * 60);

/// The notes about one intent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// The invoice of the attempt under way or the last one; before any, the one that was made with the intent.
    pub current: CurrentInvoice,
    /// The invoices of earlier attempts that had not ended when another took their place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<EarlierInvoice>,
}

/// The invoice that stands for the intent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrentInvoice {
    /// Corefy's id.
    pub id: String,
    /// The service it was made for; `None` where the payer chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The number of the attempt that used it; 0 while none has.
    #[serde(default)]
    pub attempt: u32,
    /// Whether that attempt only may have used it, and may have one of its own that is not known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_claimed: bool,
    /// The pass to the Card Gate; may be empty.
    #[serde(default)]
    pub token: Private,
    /// When that ends.
    #[serde(default)]
    pub token_ends: Timestamp,
    /// Its status when it was made.
    #[serde(default)]
    pub status: String,
    /// When it had changed last when it was made.
    #[serde(default)]
    pub updated: Timestamp,
    /// Whether the card is to be saved.
    #[serde(default)]
    pub saves: bool,
    /// Whether it ended without a payment.
    #[serde(default)]
    pub is_over: bool,
}

/// An invoice of an earlier attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierInvoice {
    /// Corefy's id.
    pub id: String,
    /// The number of the attempt that used it.
    pub attempt: u32,
}

impl Notes {
    /// The notes about an intent; `None` where Corefy does not have it. What stands for it without being noted is taken as used
    /// by every attempt, so that none uses it again.
    pub fn of(intent: &PaymentIntent) -> Option<Self> {
        let id = intent.upstream_id.as_ref()?;
        let noted = serde_json::from_str::<Self>(intent.upstream_state.as_str()).ok();
        Some(noted.filter(|notes| notes.current.id == *id).unwrap_or_else(|| {
            let attempt = intent.progress.attempt_number;
            Self { current: CurrentInvoice { id: id.clone(), attempt, ..Default::default() }, earlier: Vec::new() }
        }))
    }

    /// The notes about an intent that was just made.
    pub fn begin(current: CurrentInvoice) -> Self {
        Self { current, earlier: Vec::new() }
    }

    /// The notes once another invoice stands for the intent. The one before is remembered if an attempt used it and it may still be
    /// paid.
    #[must_use]
    pub fn followed_by(mut self, next: CurrentInvoice) -> Self {
        let before = std::mem::replace(&mut self.current, next);
        if before.attempt > 0 && !before.is_over && before.id != self.current.id {
            self.earlier.push(EarlierInvoice { id: before.id, attempt: before.attempt });
        }
        let Self { current, earlier } = &mut self;
        earlier.retain(|invoice| invoice.id != current.id);
        self
    }

    /// The notes where an attempt may have used the invoice that was made with the intent, or has if that `is_certain`: no other
    /// uses it again.
    #[must_use]
    pub fn claimed_by(mut self, attempt: u32, is_certain: bool) -> Self {
        let current = &mut self.current;
        if current.attempt == 0 || (current.is_claimed && current.attempt == attempt) {
            current.attempt = attempt;
            current.is_claimed = !is_certain;
        }
        self
    }

    /// Whether the invoice of the attempt with this number is known. Of an attempt before the first, that is the intent's.
    pub fn has_invoice_of(&self, attempt: u32) -> bool {
        let is_current =
            self.current.attempt > attempt || (self.current.attempt == attempt && !self.current.is_claimed);
        is_current || self.earlier.iter().any(|earlier| earlier.attempt == attempt)
    }

    /// Whether the invoice with this id is noted.
    pub fn names(&self, id: &str) -> bool {
        self.current.id == id || self.earlier.iter().any(|earlier| earlier.id == id)
    }

    /// The notes without the earlier invoices that ended without a payment.
    #[must_use]
    pub fn without(mut self, over: &[String]) -> Self {
        self.earlier.retain(|invoice| !over.contains(&invoice.id));
        self
    }

    /// In the form in which they are kept.
    pub fn to_state(&self) -> UpstreamState {
        UpstreamState::new(serde_json::to_string(self).expect("notes are numbers and text"))
    }
}

impl CurrentInvoice {
    /// An invoice as it was made, for this service and by this attempt.
    pub fn made(shown: &ShownInvoice, service: Option<String>, attempt: u32, saves: bool) -> Self {
        let token = shown.token.clone().unwrap_or_default();
        Self {
            id: shown.id.clone(),
            service,
            attempt,
            is_claimed: false,
            token_ends: token_end(&token).unwrap_or(shown.created + UNTOLD_LIFETIME),
            token,
            status: shown.word.clone(),
            updated: shown.updated,
            saves,
            is_over: shown.is_over(),
        }
    }

    /// An invoice that an attempt had made, found later: it had not changed when it was made.
    pub fn found(shown: &ShownInvoice, attempt: u32) -> Self {
        let updated = if shown.created == Timestamp::default() { shown.updated } else { shown.created };
        Self { updated, ..Self::made(shown, None, attempt, false) }
    }

    /// Whether a card of this service can be taken to the Card Gate by it.
    pub fn takes_cards_of(&self, service: &str, now: Timestamp) -> bool {
        let is_new = self.attempt == 0 && !self.is_over && !self.saves;
        is_new
            && self.service.as_deref() == Some(service)
            && !self.token.is_empty()
            && now + TOKEN_MARGIN < self.token_ends
    }

    /// Whether a sale that was sent with its token may still come to be.
    pub fn may_be_sold(&self, now: Timestamp) -> bool {
        !self.is_over && now < self.token_ends + SALE_MARGIN
    }

    /// Whether it shows that something has been done with it since it was made.
    pub fn has_trace(&self, shown: &ShownInvoice) -> bool {
        shown.has_activity || shown.word != self.status || shown.updated > self.updated
    }

    /// The version of a state of it, by which states are ordered: the invoice of a later attempt counts as newer within the same
    /// second, in which Corefy tells times.
    pub fn version(&self, updated: Timestamp) -> Timestamp {
        let is_told = updated != Timestamp::default();
        if is_told { updated + Duration::from_micros(self.attempt.into()) } else { updated }
    }
}

/// The end of a token by its own word: the claim `exp` of a JWT, which is not verified, since it is Corefy's to say what it takes.
pub fn token_end(token: &Private) -> Option<Timestamp> {
    let claims = URL_SAFE_NO_PAD.decode(token.expose().split('.').nth(1)?.trim_end_matches('=')).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
    claims.get("exp")?.as_i64().filter(|end| *end > 0).map(Timestamp::from_seconds)
}

/// The reference of an intent's invoice: the intent's id, with the number of the attempt where it was made for one.
pub fn reference(intent: &PaymentIntent, attempt: u32) -> String {
    if attempt == 0 { intent.id.to_string() } else { format!("{}-{attempt}", intent.id) }
}

/// The intent's id in the reference of one of its invoices; other references are returned as they are.
pub fn intent_id(reference: &str) -> &str {
    match reference.split_once('-') {
        Some((id, number)) if number.len() <= LONGEST_NUMBER && number.bytes().all(|byte| byte.is_ascii_digit()) => id,
        _ => reference,
    }
}

/// The most digits of an attempt's number.
const LONGEST_NUMBER: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn invoice(id: &str, attempt: u32) -> CurrentInvoice {
        CurrentInvoice { id: id.to_owned(), attempt, token: Private::new("canary"), ..Default::default() }
    }

    #[test]
    fn only_what_an_attempt_used_and_may_still_be_paid_is_remembered() {
        let notes = Notes::begin(invoice("cpi_0", 0)).followed_by(invoice("cpi_1", 1));
        assert!(notes.earlier.is_empty(), "no attempt used the first");
        let notes = notes.followed_by(CurrentInvoice { is_over: true, ..invoice("cpi_2", 2) });
        let remembered = |notes: &Notes| notes.earlier.iter().map(|earlier| earlier.id.clone()).collect::<Vec<_>>();
        assert_eq!(remembered(&notes), ["cpi_1"]);
        let notes = notes.followed_by(invoice("cpi_3", 3));
        assert_eq!(remembered(&notes), ["cpi_1"], "the second is over");
        let notes = notes.followed_by(invoice("cpi_1", 1));
        assert_eq!((remembered(&notes), notes.current.id.as_str()), (vec!["cpi_3".to_owned()], "cpi_1"));
    }

    #[test]
    fn notes_are_kept_and_never_printed() {
        let notes = Notes::begin(invoice("cpi_1", 1)).followed_by(invoice("cpi_2", 2));
        let kept = notes.to_state();
        assert_eq!(serde_json::from_str::<Notes>(kept.as_str()).unwrap(), notes);
        assert!(kept.as_str().contains("canary"));
        assert!(!format!("{notes:?} {kept:?}").contains("canary"));
    }

    #[test]
    fn a_token_tells_its_end_where_it_can_be_read() {
        let token = |claims: &str| Private::new(format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims)));
        let end = |token: Private| token_end(&token).map(Timestamp::seconds);
        assert_eq!(end(token(r#"{"sid":"cgi_1","expires":null,"exp":1730724621}"#)), Some(1_730_724_621));
        for odd in [token("{}"), token(r#"{"exp":null}"#), token(r#"{"exp":-1}"#), token("x"), Private::new("opaque")] {
            assert_eq!(end(odd), None);
        }
    }

    #[test]
    fn a_reference_leads_to_its_intent() {
        assert_eq!(intent_id("pi_1-12"), "pi_1");
        for other in ["pi_1", "pi_1-", "pi_1-x", "pi_1-12345678901", "order-1001-2", ""] {
            assert_eq!(intent_id(other), if other == "pi_1-" { "pi_1" } else { other });
        }
    }
}
