//! The calls that wait for a token, by weighted fair queueing: priorities are served by weight, and within a priority
//! the partners take turns, one call each.

use std::collections::{BTreeMap, HashMap};

use crate::{domain::ids::PartnerId, upstream::Priority};

/// The most calls that wait in one priority. One more evicts the last of them, which is the latest call of the partner
/// with the most.
const MAX_WAITING: usize = 1024;

/// The inverse of a priority's weight: eight confirmations are served for one poll, and two polls for one payment whose books are
/// compared, when that many of both wait.
const fn cost(priority: Priority) -> u64 {
    match priority {
        Priority::Confirm | Priority::Refund => 1,
        Priority::InDoubt | Priority::Create => 2,
        Priority::Read => 4,
        Priority::Poll => 8,
        Priority::Books => 16,
    }
}

/// The queue.
#[derive(Debug)]
pub struct FairQueue<T> {
    lines: [PriorityLine<T>; Priority::ALL.len()],
    /// The virtual time of the priority that was served last. A priority that was empty starts from here.
    virtual_time: u64,
    arrivals: u64,
}

/// The calls that wait in one priority.
#[derive(Debug)]
struct PriorityLine<T> {
    /// By round, and in a round by arrival. In each round a partner is served once.
    waiting: BTreeMap<Key, (Option<PartnerId>, T)>,
    /// The round that is being served.
    round: u64,
    partners: HashMap<Option<PartnerId>, PartnerState>,
    virtual_time: u64,
}

/// A partner within a priority, while it has calls waiting or was served in this round.
#[derive(Debug, Default)]
struct PartnerState {
    waiting: u64,
    /// The first round in which it may be served again.
    next_round: u64,
}

/// Round and arrival.
type Key = (u64, u64);

impl<T> Default for PriorityLine<T> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), round: 0, partners: HashMap::new(), virtual_time: 0 }
    }
}

/// The key of a waiting call.
#[derive(Clone, Copy, Debug)]
pub struct Ticket {
    priority: Priority,
    key: Key,
}

/// The number of calls that are served before another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueuePosition {
    /// In the same priority.
    pub in_priority: usize,
    /// In all priorities.
    pub overall: usize,
}

impl<T> FairQueue<T> {
    /// Starts empty.
    pub fn new() -> Self {
        Self { lines: Default::default(), virtual_time: 0, arrivals: 0 }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.lines.iter().map(|line| line.waiting.len()).sum()
    }

    /// How many wait in `priority`.
    pub fn len_of(&self, priority: Priority) -> usize {
        self.lines[priority as usize].waiting.len()
    }

    /// Adds a call. Returns its ticket, and the call that was evicted if the queue was full: perhaps the same.
    pub fn push(&mut self, priority: Priority, partner: Option<&PartnerId>, item: T) -> (Ticket, Option<T>) {
        self.arrivals += 1;
        let line = &mut self.lines[priority as usize];
        if line.waiting.is_empty() {
            line.virtual_time = line.virtual_time.max(self.virtual_time);
        }
        let key = line.insert(partner, self.arrivals, item);
        let last = line.waiting.last_key_value().map(|(key, _)| *key).filter(|_| line.waiting.len() > MAX_WAITING);
        (Ticket { priority, key }, last.and_then(|last| line.remove(last)))
    }

    /// Removes the call to be served next.
    pub fn pop(&mut self) -> Option<T> {
        let waiting_priorities = Priority::ALL.into_iter().filter(|priority| self.len_of(*priority) > 0);
        let priority = waiting_priorities.min_by_key(|priority| self.lines[*priority as usize].virtual_time)?;
        let line = &mut self.lines[priority as usize];
        self.virtual_time = line.virtual_time;
        line.virtual_time += cost(priority);
        line.pop()
    }

    /// Takes out the next of `priority`, at no cost to it.
    pub fn pop_of(&mut self, priority: Priority) -> Option<T> {
        self.lines[priority as usize].pop()
    }

    /// Removes the call with this ticket.
    pub fn remove(&mut self, ticket: Ticket) -> Option<T> {
        self.lines[ticket.priority as usize].remove(ticket.key)
    }

    /// The number of calls that are served before this one, if none comes or goes.
    pub fn position(&self, ticket: Ticket) -> QueuePosition {
        let in_priority = self.lines[ticket.priority as usize].waiting.range(..ticket.key).count();
        QueuePosition { in_priority, overall: self.overall_position(ticket.priority, in_priority) }
    }

    /// Removes the calls for which `must_leave` is true; it is given the position of each.
    pub fn remove_where(&mut self, mut must_leave: impl FnMut(Priority, QueuePosition, &T) -> bool) -> Vec<T> {
        let mut taken = Vec::new();
        for priority in Priority::ALL {
            let mut in_priority = 0;
            let mut keys = Vec::new();
            for (key, (_, item)) in &self.lines[priority as usize].waiting {
                let position = QueuePosition { in_priority, overall: self.overall_position(priority, in_priority) };
                if must_leave(priority, position, item) { keys.push(*key) } else { in_priority += 1 }
            }
            let line = &mut self.lines[priority as usize];
            taken.extend(keys.into_iter().filter_map(|key| line.remove(key)));
        }
        taken
    }

    /// The number of calls of all priorities that are served before the one at `rank` in `priority`.
    fn overall_position(&self, priority: Priority, rank: usize) -> usize {
        let finish_time = self.lines[priority as usize].virtual_time + rank as u64 * cost(priority);
        let of_other = |other: Priority| {
            let line = &self.lines[other as usize];
            // At the same virtual time, the earlier priority is served first.
            let bound = finish_time + u64::from((other as usize) < (priority as usize));
            let served = bound.saturating_sub(line.virtual_time).div_ceil(cost(other));
            line.waiting.len().min(usize::try_from(served).unwrap_or(usize::MAX))
        };
        rank + Priority::ALL.into_iter().filter(|other| *other != priority).map(of_other).sum::<usize>()
    }
}

impl<T> PriorityLine<T> {
    fn insert(&mut self, partner: Option<&PartnerId>, arrival: u64, item: T) -> Key {
        let standing = self.partners.entry(partner.cloned()).or_default();
        let key = (standing.next_round.max(self.round) + standing.waiting, arrival);
        standing.waiting += 1;
        self.waiting.insert(key, (partner.cloned(), item));
        key
    }

    fn remove(&mut self, key: Key) -> Option<T> {
        let (partner, item) = self.waiting.remove(&key)?;
        if let Some(standing) = self.partners.get_mut(&partner) {
            standing.waiting -= 1;
        }
        Some(item)
    }

    fn pop(&mut self) -> Option<T> {
        let ((round, _), (partner, item)) = self.waiting.pop_first()?;
        if let Some(standing) = self.partners.get_mut(&partner) {
            standing.waiting -= 1;
            standing.next_round = round + 1;
        }
        if round > self.round {
            self.round = round;
            self.partners.retain(|_, standing| standing.waiting > 0 || standing.next_round > round);
        }
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn partner(number: usize) -> PartnerId {
        PartnerId::parse(&format!("partner{number}")).unwrap()
    }

    /// All waiting calls, in the order in which they are served.
    fn served<T>(queue: &mut FairQueue<T>) -> Vec<T> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn a_single_call_waits_for_one_call_of_each_other_partner() {
        let mut queue = FairQueue::new();
        for call in 0..300 {
            (0..3).for_each(|of| {
                queue.push(Priority::Confirm, Some(&partner(of)), (of, call));
            });
        }
        (0..10).for_each(|_| {
            queue.pop();
        });
        let (ticket, _) = queue.push(Priority::Confirm, Some(&partner(9)), (9, 0));
        assert!(queue.position(ticket).overall <= 3, "{:?}", queue.position(ticket));
        assert!(served(&mut queue).iter().position(|(of, _)| *of == 9).unwrap() <= 3);
    }

    #[test]
    fn a_partner_that_calls_again_at_once_does_not_overtake_others() {
        let mut queue = FairQueue::new();
        (0..5).for_each(|call| {
            queue.push(Priority::Read, Some(&partner(1)), (1, call));
        });
        let context: Vec<_> = (0..8)
            .map(|call| {
                queue.push(Priority::Read, Some(&partner(2)), (2, call));
                queue.pop().unwrap().0
            })
            .collect();
        assert_eq!(context.iter().filter(|of| **of == 1).count(), 4, "{context:?}");
    }

    #[test]
    fn classes_are_served_by_weight_and_none_starves() {
        let mut queue = FairQueue::new();
        for call in 0..1000 {
            Priority::ALL.iter().for_each(|priority| {
                queue.push(*priority, None, (*priority, call));
            });
        }
        let first: Vec<_> = (0..250).filter_map(|_| queue.pop()).collect();
        let of = |priority| first.iter().filter(|(of, _)| *of == priority).count();
        let counts = Priority::ALL.map(of);
        assert!(counts.is_sorted_by(|a, b| a + 1 >= *b), "{counts:?}");
        assert!(of(Priority::Confirm) >= 7 * of(Priority::Poll), "{counts:?}");
        assert!(of(Priority::Poll) >= 8 && of(Priority::Read) >= 18, "{counts:?}");
        assert!((3..=6).contains(&of(Priority::Books)), "{counts:?}");
    }

    #[test]
    fn a_priority_that_was_idle_has_no_arrears_to_call_in() {
        let mut queue = FairQueue::new();
        (0..500).for_each(|call| {
            queue.push(Priority::Poll, None, (Priority::Poll, call));
        });
        (0..400).for_each(|_| {
            queue.pop();
        });
        (0..500).for_each(|call| {
            queue.push(Priority::Confirm, None, (Priority::Confirm, call));
        });
        let polls =
            served(&mut queue).into_iter().take(100).filter(|(priority, _)| *priority == Priority::Poll).count();
        assert!((8..=14).contains(&polls), "{polls}");
    }

    #[test]
    fn a_full_line_pushes_out_the_latest_call_of_the_greediest() {
        let mut queue = FairQueue::new();
        for call in 0..MAX_WAITING {
            assert!(queue.push(Priority::Create, Some(&partner(1)), (1, call)).1.is_none());
        }
        assert_eq!(queue.push(Priority::Create, Some(&partner(2)), (2, 0)).1, Some((1, MAX_WAITING - 1)));
        assert_eq!(queue.push(Priority::Create, Some(&partner(1)), (1, MAX_WAITING)).1, Some((1, MAX_WAITING)));
        assert_eq!(queue.len(), MAX_WAITING);
    }

    #[test]
    fn a_refused_call_costs_its_partner_no_turn() {
        let mut queue = FairQueue::new();
        for call in 0..500 {
            let (ticket, _) = queue.push(Priority::Read, Some(&partner(1)), (1, call));
            queue.remove(ticket);
        }
        (0..500).for_each(|call| {
            queue.push(Priority::Read, Some(&partner(2)), (2, call));
        });
        let (ticket, _) = queue.push(Priority::Read, Some(&partner(1)), (1, 500));
        assert_eq!(queue.position(ticket).overall, 1);
    }

    #[test]
    fn a_removed_call_delays_no_other() {
        let mut queue = FairQueue::new();
        (0..10).for_each(|call| {
            queue.push(Priority::Read, None, call);
        });
        let odd = queue.remove_where(|_, position, call| position.overall > 3 || call % 2 == 1);
        assert_eq!((odd, served(&mut queue)), (vec![1, 3, 5, 7, 8, 9], vec![0, 2, 4, 6]));
    }

    proptest! {
        #[test]
        fn everybody_is_served_after_those_foreseen(
            past in prop::collection::vec((0_usize..7, 0_usize..4, any::<bool>()), 0..200),
        ) {
            let mut queue = FairQueue::new();
            let mut tickets = HashMap::new();
            for (number, (priority, of, one_is_served)) in past.into_iter().enumerate() {
                tickets.insert(number, queue.push(Priority::ALL[priority], Some(&partner(of)), number).0);
                if one_is_served {
                    tickets.remove(&queue.pop().unwrap());
                }
            }
            let foreseen: HashMap<_, _> =
                tickets.iter().map(|(number, ticket)| (*number, queue.position(*ticket).overall)).collect();
            for (position, number) in served(&mut queue).into_iter().enumerate() {
                prop_assert_eq!(foreseen[&number], position);
            }
        }
    }
}
