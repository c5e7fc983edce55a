//! The verification of the audit log, row by row, so that its length does not matter.

use std::fmt;

use super::{
    chain::{AuditChain, AuditHead},
    record::AuditRecord,
};

/// How far from its place a row is looked for that somebody has moved.
const REACH: i64 = 1000;

/// A fault of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditFault {
    /// The rows from the first to the last of these are not there.
    Missing(i64, i64),
    /// The row at this place was changed, or is none that the gateway wrote.
    Changed(i64),
    /// The row at the first place was written at the second.
    Moved(i64, i64),
    /// The row at this place is genuine, and does not follow the one before it: that one was replaced, with its hash.
    Unlinked(i64),
    /// The head was not written by the gateway.
    HeadForged,
    /// There are rows from here on that the head does not know.
    Beyond(i64),
    /// There are rows before the first that is kept.
    BeforeFirst(i64),
    /// The row of the anchor is not there: the log was cut, or pruned since.
    AnchorMissing(i64),
    /// The row of the anchor has another hash: the log was written anew.
    AnchorDiffers(i64),
}

impl AuditFault {
    /// The word for its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Missing(..) => "missing",
            Self::Changed(_) => "changed",
            Self::Moved(..) => "moved",
            Self::Unlinked(_) => "unlinked",
            Self::HeadForged => "head_forged",
            Self::Beyond(_) => "beyond_head",
            Self::BeforeFirst(_) => "before_first",
            Self::AnchorMissing(_) => "anchor_missing",
            Self::AnchorDiffers(_) => "anchor_differs",
        }
    }
}

impl fmt::Display for AuditFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(first, last) if first == last => write!(f, "row {first} is missing"),
            Self::Missing(first, last) => write!(f, "rows {first} to {last} are missing"),
            Self::Changed(row) => write!(f, "row {row} was changed"),
            Self::Moved(row, from) => write!(f, "row {row} was moved here from {from}"),
            Self::Unlinked(row) => write!(f, "row {row} does not follow the row before it"),
            Self::HeadForged => f.write_str("the head of the log was not written by a gateway with this master key"),
            Self::Beyond(row) => write!(f, "rows from {row} on stand behind the end of the log"),
            Self::BeforeFirst(row) => write!(f, "row {row} stands before the first that is kept"),
            Self::AnchorMissing(row) => write!(f, "row {row}, which the anchor names, is not there"),
            Self::AnchorDiffers(row) => write!(f, "row {row} has another hash than the anchor"),
        }
    }
}

/// A row as it was logged outside of the database: its place, and its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The place.
    pub sequence: i64,
    /// The hash.
    pub hash: [u8; 32],
}

impl Anchor {
    /// Reads a place and a hash in hexadecimal digits, with a colon between them.
    pub fn parse(text: &str) -> Option<Self> {
        let (sequence, digits) = text.split_once(':')?;
        let sequence: i64 = sequence.parse().ok().filter(|sequence| *sequence > 0)?;
        let bytes: Vec<u8> = (0..digits.len())
            .step_by(2)
            .map(|place| u8::from_str_radix(digits.get(place..place + 2)?, 16).ok())
            .collect::<Option<_>>()?;
        Some(Self { sequence, hash: bytes.try_into().ok()? })
    }
}

/// The rows up to the one that was looked at last.
pub struct Verification<'a> {
    chain: &'a AuditChain,
    /// The place of the next row.
    next: i64,
    /// The hash that the next row has to follow; `None`: the row before it has a fault that was reported.
    follows: Option<Vec<u8>>,
    /// Rows that were looked at.
    pub rows: u64,
}

impl<'a> Verification<'a> {
    /// Before the first row that is kept.
    pub fn new(chain: &'a AuditChain, head: &AuditHead) -> Self {
        Self { chain, next: head.first_sequence, follows: Some(head.hash_before_first.clone()), rows: 0 }
    }

    /// The place of the next row.
    pub fn next(&self) -> i64 {
        self.next
    }

    /// Looks at the next row that there is.
    pub fn step(&mut self, row: &AuditRecord) -> Vec<AuditFault> {
        let mut faults = Vec::new();
        if row.sequence > self.next {
            faults.push(AuditFault::Missing(self.next, row.sequence - 1));
            self.follows = None;
        }
        let is_genuine = row.hash == self.chain.hash(row);
        let is_linked = self.follows.as_ref().is_none_or(|hash| *hash == row.previous_hash);
        if !is_genuine {
            faults.push(
                self.origin(row)
                    .map_or(AuditFault::Changed(row.sequence), |from| AuditFault::Moved(row.sequence, from)),
            );
        } else if !is_linked {
            faults.push(AuditFault::Unlinked(row.sequence));
        }
        self.follows = is_genuine.then(|| row.hash.clone());
        (self.next, self.rows) = (row.sequence + 1, self.rows + 1);
        faults
    }

    /// The fault at the end of the log, after its last row.
    pub fn end(&self, head: &AuditHead) -> Option<AuditFault> {
        (self.next <= head.sequence).then_some(AuditFault::Missing(self.next, head.sequence))
    }

    /// The place that a row was written at, if it is genuine there.
    fn origin(&self, row: &AuditRecord) -> Option<i64> {
        let mut moved = row.clone();
        (row.sequence - REACH..=row.sequence + REACH).find(|place| {
            moved.sequence = *place;
            self.chain.hash(&moved)[..] == row.hash
        })
    }
}
