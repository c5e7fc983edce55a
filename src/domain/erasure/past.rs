//! An erasure as a file of erasures has it, one a line: by which it is begun again after a restore from a backup that is older. Of the
//! person it has an id or a keyed hash.

use serde::{Deserialize, Serialize};

use super::job::{Erasure, ErasureSubject};
use crate::domain::{
    clock::Timestamp,
    ids::{CustomerId, ErasureId, PartnerId},
    search_term::TermHash,
};

/// An erasure that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastErasure {
    /// Its id.
    pub id: ErasureId,
    /// The partner that the person's objects belong to.
    pub partner_id: PartnerId,
    /// The person.
    pub subject: ErasureSubject,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When nothing was left, if that was so.
    pub finished_at: Option<Timestamp>,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct Line {
    id: String,
    partner_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customer_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payer_hash: Option<String>,
    requested_at: String,
    #[serde(default)]
    finished_at: Option<String>,
}

impl PastErasure {
    /// Reads a line.
    ///
    /// # Errors
    /// A few words about the first thing that is wrong with it.
    pub fn read(line: &str) -> Result<Self, String> {
        let line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let wrong = |member: &str| format!("{member} cannot be read");
        let moment = |text: &str, member| Timestamp::parse_rfc3339(text).ok_or_else(|| wrong(member));
        let subject = match (&line.customer_id, &line.payer_hash) {
            (Some(id), None) => CustomerId::parse(id).map(ErasureSubject::Customer),
            (None, Some(hash)) => TermHash::parse(hash).map(ErasureSubject::Payer),
            _ => return Err("must have either customer_id or payer_hash".to_owned()),
        };
        Ok(Self {
            id: ErasureId::parse(&line.id).ok_or_else(|| wrong("id"))?,
            partner_id: PartnerId::parse(&line.partner_id).ok_or_else(|| wrong("partner_id"))?,
            subject: subject.ok_or_else(|| wrong("customer_id or payer_hash"))?,
            requested_at: moment(&line.requested_at, "requested_at")?,
            finished_at: line.finished_at.map(|text| moment(&text, "finished_at")).transpose()?,
        })
    }

    /// Its line, without the line's end.
    pub fn line(&self) -> String {
        let (customer_id, payer_hash) = match &self.subject {
            ErasureSubject::Customer(id) => (Some(id.to_string()), None),
            ErasureSubject::Payer(hash) => (None, Some(format!("{hash:?}"))),
        };
        let line = Line {
            id: self.id.to_string(),
            partner_id: self.partner_id.to_string(),
            customer_id,
            payer_hash,
            requested_at: self.requested_at.to_string(),
            finished_at: self.finished_at.map(|time| time.to_string()),
        };
        serde_json::to_string(&line).expect("texts can be written as JSON")
    }
}

impl From<&Erasure> for PastErasure {
    fn from(erasure: &Erasure) -> Self {
        Self {
            id: erasure.id.clone(),
            partner_id: erasure.partner_id.clone(),
            subject: erasure.subject.clone(),
            requested_at: erasure.requested_at,
            finished_at: erasure.finished_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Ids;

    fn past(subject: ErasureSubject, finished_at: Option<Timestamp>) -> PastErasure {
        let partner_id = PartnerId::parse("acme").unwrap();
        let id = ErasureId::generate(&Ids::system());
        PastErasure { id, partner_id, subject, requested_at: Timestamp(1_795_428_000_123_456), finished_at }
    }

    #[test]
    fn a_line_reads_back() {
        let customer = ErasureSubject::Customer(CustomerId::generate(&Ids::system()));
        let payer = ErasureSubject::Payer(TermHash::from_bytes(&[7; 16]).unwrap());
        for past in [past(customer, Some(Timestamp(1_795_428_000_999_999))), past(payer, None)] {
            assert_eq!(PastErasure::read(&past.line()), Ok(past));
        }
    }

    #[test]
    fn a_line_that_is_wrong_says_what_is() {
        let right = past(ErasureSubject::Payer(TermHash::from_bytes(&[7; 16]).unwrap()), None).line();
        for (from, to, says) in [
            ("era_", "pi_", "id cannot be read"),
            ("acme", "not a partner", "partner_id cannot be read"),
            ("0707", "07g7", "customer_id or payer_hash cannot be read"),
            ("payer_hash", "nobody", "must have either customer_id or payer_hash"),
            ("2026", "once", "requested_at cannot be read"),
            ("\"finished_at\":null", "\"finished_at\":\"now\"", "finished_at cannot be read"),
            ("}", "", "EOF while parsing an object at line 1 column"),
        ] {
            let said = PastErasure::read(&right.replacen(from, to, 1)).unwrap_err();
            assert!(said.starts_with(says), "{said}");
        }
    }
}
