//! Those who wait for a call of the budget, in the order in which they are served: between classes by weight, and within
//! a class one of each partner, and then again one of each.

use std::collections::{BTreeMap, HashMap};

use crate::{domain::ids::PartnerId, upstream::Class};

/// The most that wait in one class. Who comes when it is full pushes out the last in it, which is the latest call of the
/// partner that has the most.
const LONGEST_LINE: usize = 1024;

/// What being served costs a class: one poll is served for eight confirmations, when there are that many of both.
const fn cost(class: Class) -> u64 {
    match class {
        Class::Confirm | Class::Refund => 1,
        Class::InDoubt | Class::Create => 2,
        Class::Read => 4,
        Class::Poll => 8,
    }
}

/// The queue.
#[derive(Debug)]
pub struct FairQueue<T> {
    lines: [Line<T>; Class::ALL.len()],
    /// What the class that was served last had paid before: who comes anew has paid as much.
    paid: u64,
    arrivals: u64,
}

/// Those who wait in one class.
#[derive(Debug)]
struct Line<T> {
    /// By round, and in a round by arrival. In each round a partner is served once.
    waiting: BTreeMap<Key, (Option<PartnerId>, T)>,
    /// The round that is being served.
    round: u64,
    partners: HashMap<Option<PartnerId>, Standing>,
    paid: u64,
}

/// A partner in a class, while it has calls waiting or was served in this round.
#[derive(Debug, Default)]
struct Standing {
    waiting: u64,
    /// The first round in which it may be served again.
    next_round: u64,
}

/// Round and arrival.
type Key = (u64, u64);

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), round: 0, partners: HashMap::new(), paid: 0 }
    }
}

/// A place in the queue.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    class: Class,
    key: Key,
}

/// How many are served before somebody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// In its class.
    pub in_class: usize,
    /// In all classes.
    pub in_all: usize,
}

impl<T> FairQueue<T> {
    /// An empty one.
    pub fn new() -> Self {
        Self { lines: Default::default(), paid: 0, arrivals: 0 }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.lines.iter().map(|line| line.waiting.len()).sum()
    }

    /// How many wait in `class`.
    pub fn len_of(&self, class: Class) -> usize {
        self.lines[class as usize].waiting.len()
    }

    /// Puts somebody in; answers where, and who was pushed out because the line was full: perhaps the same.
    pub fn push(&mut self, class: Class, partner: Option<&PartnerId>, who: T) -> (Place, Option<T>) {
        self.arrivals += 1;
        let line = &mut self.lines[class as usize];
        if line.waiting.is_empty() {
            line.paid = line.paid.max(self.paid);
        }
        let key = line.insert(partner, self.arrivals, who);
        let last = line.waiting.last_key_value().map(|(key, _)| *key).filter(|_| line.waiting.len() > LONGEST_LINE);
        (Place { class, key }, last.and_then(|last| line.remove(last)))
    }

    /// Takes out who is to be served next.
    pub fn pop(&mut self) -> Option<T> {
        let occupied = Class::ALL.into_iter().filter(|class| self.len_of(*class) > 0);
        let class = occupied.min_by_key(|class| self.lines[*class as usize].paid)?;
        let line = &mut self.lines[class as usize];
        self.paid = line.paid;
        line.paid += cost(class);
        line.pop()
    }

    /// Takes out the next of `class`, at no cost to it.
    pub fn pop_of(&mut self, class: Class) -> Option<T> {
        self.lines[class as usize].pop()
    }

    /// Takes out who stands at `place`.
    pub fn remove(&mut self, place: Place) -> Option<T> {
        self.lines[place.class as usize].remove(place.key)
    }

    /// How many are served before who stands at `place`, if nobody comes or goes.
    pub fn before(&self, place: Place) -> Before {
        let in_class = self.lines[place.class as usize].waiting.range(..place.key).count();
        Before { in_class, in_all: self.before_rank(place.class, in_class) }
    }

    /// Takes out all whom `leaves` names, which is told how many are served before each.
    pub fn take_out(&mut self, mut leaves: impl FnMut(Class, Before, &T) -> bool) -> Vec<T> {
        let mut taken = Vec::new();
        for class in Class::ALL {
            let mut in_class = 0;
            let mut keys = Vec::new();
            for (key, (_, who)) in &self.lines[class as usize].waiting {
                let before = Before { in_class, in_all: self.before_rank(class, in_class) };
                if leaves(class, before, who) { keys.push(*key) } else { in_class += 1 }
            }
            let line = &mut self.lines[class as usize];
            taken.extend(keys.into_iter().filter_map(|key| line.remove(key)));
        }
        taken
    }

    /// How many of all classes are served before the one that has `rank` before it in `class`.
    fn before_rank(&self, class: Class, rank: usize) -> usize {
        let will_have_paid = self.lines[class as usize].paid + rank as u64 * cost(class);
        let of_other = |other: Class| {
            let line = &self.lines[other as usize];
            // Of two that have paid the same, the first class is served first.
            let bound = will_have_paid + u64::from((other as usize) < (class as usize));
            let served = bound.saturating_sub(line.paid).div_ceil(cost(other));
            line.waiting.len().min(usize::try_from(served).unwrap_or(usize::MAX))
        };
        rank + Class::ALL.into_iter().filter(|other| *other != class).map(of_other).sum::<usize>()
    }
}

impl<T> Line<T> {
    fn insert(&mut self, partner: Option<&PartnerId>, arrival: u64, who: T) -> Key {
        let standing = self.partners.entry(partner.cloned()).or_default();
        let key = (standing.next_round.max(self.round) + standing.waiting, arrival);
        standing.waiting += 1;
        self.waiting.insert(key, (partner.cloned(), who));
        key
    }

    fn remove(&mut self, key: Key) -> Option<T> {
        let (partner, who) = self.waiting.remove(&key)?;
        if let Some(standing) = self.partners.get_mut(&partner) {
            standing.waiting -= 1;
        }
        Some(who)
    }

    fn pop(&mut self) -> Option<T> {
        let ((round, _), (partner, who)) = self.waiting.pop_first()?;
        if let Some(standing) = self.partners.get_mut(&partner) {
            standing.waiting -= 1;
            standing.next_round = round + 1;
        }
        if round > self.round {
            self.round = round;
            self.partners.retain(|_, standing| standing.waiting > 0 || standing.next_round > round);
        }
        Some(who)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn partner(number: usize) -> PartnerId {
        PartnerId::parse(&format!("partner{number}")).unwrap()
    }

    /// Everybody who waits, in the order in which they are served.
    fn served<T>(queue: &mut FairQueue<T>) -> Vec<T> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn a_single_call_waits_for_one_call_of_each_other_partner() {
        let mut queue = FairQueue::new();
        for call in 0..300 {
            (0..3).for_each(|of| {
                queue.push(Class::Confirm, Some(&partner(of)), (of, call));
            });
        }
        (0..10).for_each(|_| {
            queue.pop();
        });
        let (place, _) = queue.push(Class::Confirm, Some(&partner(9)), (9, 0));
        assert!(queue.before(place).in_all <= 3, "{:?}", queue.before(place));
        assert!(served(&mut queue).iter().position(|(of, _)| *of == 9).unwrap() <= 3);
    }

    #[test]
    fn who_comes_again_as_soon_as_it_is_served_does_not_overtake_who_waits() {
        let mut queue = FairQueue::new();
        (0..5).for_each(|call| {
            queue.push(Class::Read, Some(&partner(1)), (1, call));
        });
        let order: Vec<_> = (0..8)
            .map(|call| {
                queue.push(Class::Read, Some(&partner(2)), (2, call));
                queue.pop().unwrap().0
            })
            .collect();
        assert_eq!(order.iter().filter(|of| **of == 1).count(), 4, "{order:?}");
    }

    #[test]
    fn classes_are_served_by_weight_and_none_starves() {
        let mut queue = FairQueue::new();
        for call in 0..1000 {
            Class::ALL.iter().for_each(|class| {
                queue.push(*class, None, (*class, call));
            });
        }
        let first: Vec<_> = (0..250).filter_map(|_| queue.pop()).collect();
        let of = |class| first.iter().filter(|(of, _)| *of == class).count();
        let counts = Class::ALL.map(of);
        assert!(counts.is_sorted_by(|a, b| a + 1 >= *b), "{counts:?}");
        assert!(of(Class::Confirm) >= 7 * of(Class::Poll), "{counts:?}");
        assert!(of(Class::Poll) >= 8 && of(Class::Read) >= 18, "{counts:?}");
    }

    #[test]
    fn a_class_that_was_silent_has_no_arrears_to_call_in() {
        let mut queue = FairQueue::new();
        (0..500).for_each(|call| {
            queue.push(Class::Poll, None, (Class::Poll, call));
        });
        (0..400).for_each(|_| {
            queue.pop();
        });
        (0..500).for_each(|call| {
            queue.push(Class::Confirm, None, (Class::Confirm, call));
        });
        let polls = served(&mut queue).into_iter().take(100).filter(|(class, _)| *class == Class::Poll).count();
        assert!((8..=14).contains(&polls), "{polls}");
    }

    #[test]
    fn a_full_line_pushes_out_the_latest_call_of_the_greediest() {
        let mut queue = FairQueue::new();
        for call in 0..LONGEST_LINE {
            assert!(queue.push(Class::Create, Some(&partner(1)), (1, call)).1.is_none());
        }
        assert_eq!(queue.push(Class::Create, Some(&partner(2)), (2, 0)).1, Some((1, LONGEST_LINE - 1)));
        assert_eq!(queue.push(Class::Create, Some(&partner(1)), (1, LONGEST_LINE)).1, Some((1, LONGEST_LINE)));
        assert_eq!(queue.len(), LONGEST_LINE);
    }

    #[test]
    fn whose_calls_were_refused_has_not_used_up_its_turns() {
        let mut queue = FairQueue::new();
        for call in 0..500 {
            let (place, _) = queue.push(Class::Read, Some(&partner(1)), (1, call));
            queue.remove(place);
        }
        (0..500).for_each(|call| {
            queue.push(Class::Read, Some(&partner(2)), (2, call));
        });
        let (place, _) = queue.push(Class::Read, Some(&partner(1)), (1, 500));
        assert_eq!(queue.before(place).in_all, 1);
    }

    #[test]
    fn who_is_taken_out_holds_up_nobody() {
        let mut queue = FairQueue::new();
        (0..10).for_each(|call| {
            queue.push(Class::Read, None, call);
        });
        let odd = queue.take_out(|_, before, call| before.in_all > 3 || call % 2 == 1);
        assert_eq!((odd, served(&mut queue)), (vec![1, 3, 5, 7, 8, 9], vec![0, 2, 4, 6]));
    }

    proptest! {
        #[test]
        fn everybody_is_served_after_those_foreseen(
            past in prop::collection::vec((0_usize..6, 0_usize..4, any::<bool>()), 0..200),
        ) {
            let mut queue = FairQueue::new();
            let mut places = HashMap::new();
            for (number, (class, of, one_is_served)) in past.into_iter().enumerate() {
                places.insert(number, queue.push(Class::ALL[class], Some(&partner(of)), number).0);
                if one_is_served {
                    places.remove(&queue.pop().unwrap());
                }
            }
            let foreseen: HashMap<_, _> =
                places.iter().map(|(number, place)| (*number, queue.before(*place).in_all)).collect();
            for (position, number) in served(&mut queue).into_iter().enumerate() {
                prop_assert_eq!(foreseen[&number], position);
            }
        }
    }
}
