//! Which events a reader wants, and whether the one it goes on after can have been there.

use super::{
    clock::{CLOCK_SKEW, Timestamp},
    event::EventType,
    ids::EventId,
};

/// The longest pattern, in characters.
pub const MAX_PATTERN: usize = 64;

/// A filter of events; what is empty does not filter.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Of a type that fits one of these.
    pub types: Vec<EventPattern>,
    /// Of this object.
    pub object_id: Option<String>,
}

/// A pattern for types of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventPattern {
    /// This type, known or not: a newer gateway may know it.
    Type(String),
    /// All types that begin so, with the dot.
    Prefix(String),
}

impl EventPattern {
    /// Reads `refund.succeeded` or `refund.*`. The kind of object before `.*` must be one that there is.
    pub fn parse(text: &str) -> Option<Self> {
        let (object, what) = text.split_once('.').filter(|_| text.len() <= MAX_PATTERN)?;
        if what != "*" {
            return (is_word(object) && is_word(what)).then(|| Self::Type(text.to_owned()));
        }
        let prefix = format!("{object}.");
        EventType::ALL.iter().any(|known| known.as_str().starts_with(&prefix)).then_some(Self::Prefix(prefix))
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The events that are kept, of all partners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptEvents {
    /// The first that is kept, and its place. Places are given out from 1 on without a gap.
    pub oldest: Option<(EventId, i64)>,
    /// The last place that was given out.
    pub last: i64,
}

impl KeptEvents {
    /// Whether an event that is not there can have been deleted: something was, and the id is not younger than the oldest
    /// that is kept. Ids are made a moment before places are given out, by clocks that differ a little.
    pub fn may_have_had(&self, id: &EventId) -> bool {
        match &self.oldest {
            Some((oldest, place)) => *place > 1 && made_at(id) <= made_at(oldest) + CLOCK_SKEW,
            None => self.last > 0,
        }
    }
}

/// The time in an id, of which the first 48 bits are milliseconds.
fn made_at(id: &EventId) -> Timestamp {
    let digits = &id.as_str()[EventId::PREFIX.len()..][..12];
    Timestamp(i64::from_str_radix(digits, 16).unwrap_or_default() * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_type_or_all_types_of_a_known_kind_of_object() {
        for known in EventType::ALL {
            assert_eq!(EventPattern::parse(known.as_str()), Some(EventPattern::Type(known.as_str().to_owned())));
        }
        assert_eq!(EventPattern::parse("refund.*"), Some(EventPattern::Prefix("refund.".to_owned())));
        assert!(EventPattern::parse("dispute.opened").is_some(), "a newer gateway may know it");
        let long = format!("refund.{}", "x".repeat(MAX_PATTERN));
        for wrong in
            ["", "refund", "refund.", ".created", "*", "*.created", "refund.succ*", "ref.*", "Refund.*", "a.b.c", &long]
        {
            assert_eq!(EventPattern::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_an_event_older_than_those_that_are_kept_can_have_been_deleted() {
        let id = |millis: u64| EventId::parse(&format!("evt_{millis:012x}70008000000000000000")).unwrap();
        let kept = |place| KeptEvents { oldest: Some((id(1_000_000), place)), last: 9 };
        assert!(!kept(1).may_have_had(&id(1)), "nothing was deleted");
        assert!(kept(2).may_have_had(&id(1)));
        assert!(kept(2).may_have_had(&id(1_010_000)));
        assert!(!kept(2).may_have_had(&id(1_010_001)));
        let none = |last| KeptEvents { oldest: None, last };
        assert!(none(1).may_have_had(&id(1)) && !none(0).may_have_had(&id(1)));
    }
}
