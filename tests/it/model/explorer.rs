//! A breadth-first explorer: visits every situation that can be reached, and finds the shortest way to one in which a law is
//! broken, or from which the protocol's own moves never lead to rest.
//!
//! Situations are compared as they are, not by a hash of them, so that none is taken for another.

use std::{
    collections::{HashMap, VecDeque},
    fmt::Debug,
    hash::{BuildHasherDefault, Hash, Hasher},
};

/// A protocol as it is explored.
pub trait Explorable {
    /// One situation.
    type Situation: Clone + Eq + Hash;
    /// One move.
    type Move: Clone + Debug;

    /// The situation in which everything begins.
    fn start(&self) -> Self::Situation;

    /// Every move that can be made in a situation.
    fn moves(&self, situation: &Self::Situation) -> Vec<Transition<Self::Move, Self::Situation>>;

    /// Whether everything has come to its end, and well.
    fn is_at_rest(&self, situation: &Self::Situation) -> bool;
}

/// One move, and where it leads.
pub struct Transition<M, S> {
    /// The move.
    pub by: M,
    /// The situation after it.
    pub to: S,
    /// The law that it breaks.
    pub broken: Option<&'static str>,
    /// Whether it is made without a fault and without anybody's asking.
    pub is_own: bool,
}

/// The result of an exploration.
pub enum Exploration<M> {
    /// All situations were visited; no law is broken, and all of them lead to rest.
    Sound {
        /// The number of situations.
        situations: usize,
        /// The number of moves between them.
        moves: usize,
    },
    /// The shortest way to a broken law.
    Broken {
        /// The law.
        law: &'static str,
        /// The moves that lead there.
        way: Vec<M>,
    },
}

/// The law that the protocol's own moves lead to rest from wherever it is.
pub const COMES_TO_REST: &str = "without faults everything comes to an end, with books that equal Corefy's";

/// The situations that were visited: how each was reached first.
struct Visited<M> {
    reached_by: Vec<Option<(u32, M)>>,
    is_at_rest: Vec<bool>,
    own: Vec<(u32, u32)>,
    moves: usize,
}

/// Explores everything that can be reached; gives up, with a panic, beyond `limit` situations.
pub fn explore<E: Explorable>(model: &E, limit: usize) -> Exploration<E::Move> {
    let mut places: HashMap<_, _, BuildHasherDefault<QuickHasher>> = HashMap::default();
    let mut queue = VecDeque::new();
    let mut visited = Visited { reached_by: vec![None], is_at_rest: Vec::new(), own: Vec::new(), moves: 0 };
    places.insert(model.start(), 0_u32);
    queue.push_back((0_u32, model.start()));
    while let Some((from, situation)) = queue.pop_front() {
        visited.is_at_rest.push(model.is_at_rest(&situation));
        for transition in model.moves(&situation) {
            visited.moves += 1;
            if let Some(law) = transition.broken {
                let mut way = visited.way_to(from);
                way.push(transition.by);
                return Exploration::Broken { law, way };
            }
            let new = u32::try_from(places.len()).unwrap();
            let to = *places.entry(transition.to.clone()).or_insert(new);
            if to == new {
                assert!(places.len() <= limit, "more than {limit} situations");
                visited.reached_by.push(Some((from, transition.by)));
                queue.push_back((to, transition.to));
            }
            if transition.is_own && to != from {
                visited.own.push((from, to));
            }
        }
    }
    match visited.restless() {
        Some(place) => Exploration::Broken { law: COMES_TO_REST, way: visited.way_to(place) },
        None => Exploration::Sound { situations: places.len(), moves: visited.moves },
    }
}

impl<M: Clone> Visited<M> {
    /// The moves by which a situation was reached first.
    fn way_to(&self, mut place: u32) -> Vec<M> {
        let mut way = Vec::new();
        while let Some((from, by)) = &self.reached_by[place as usize] {
            way.push(by.clone());
            place = *from;
        }
        way.reverse();
        way
    }

    /// The first situation from which no own moves lead to rest.
    fn restless(&mut self) -> Option<u32> {
        self.own.sort_unstable_by_key(|(_, to)| *to);
        let mut leads = self.is_at_rest.clone();
        let mut queue: Vec<u32> = (0_u32..).zip(&leads).filter(|(_, rests)| **rests).map(|(place, _)| place).collect();
        while let Some(place) = queue.pop() {
            let first = self.own.partition_point(|(_, to)| *to < place);
            let into = self.own[first..].iter().take_while(|(_, to)| *to == place);
            for (from, _) in into {
                if !std::mem::replace(&mut leads[*from as usize], true) {
                    queue.push(*from);
                }
            }
        }
        (0_u32..).zip(&leads).find(|(_, leads)| !**leads).map(|(place, _)| place)
    }
}

/// A hash that is quick where nothing is optimized. Nobody chooses the situations to make them collide.
#[derive(Default)]
struct QuickHasher(u64);

impl QuickHasher {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for QuickHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.add((*byte).into()));
    }

    fn write_u8(&mut self, byte: u8) {
        self.add(byte.into());
    }

    fn write_usize(&mut self, word: usize) {
        self.add(word as u64);
    }

    fn write_isize(&mut self, word: isize) {
        self.add(word as u64);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts up by one or by two to `end`, where it rests; `trap` is a number from which nothing leads on.
    struct Counting {
        end: u8,
        trap: Option<u8>,
        forbidden: Option<u8>,
    }

    impl Explorable for Counting {
        type Situation = u8;
        type Move = u8;

        fn start(&self) -> u8 {
            0
        }

        fn moves(&self, count: &u8) -> Vec<Transition<u8, u8>> {
            let may_go_on = |by: &u8| Some(*count) != self.trap && count + by <= self.end;
            let go_on = |by: u8| {
                let to = count + by;
                let broken = (Some(to) == self.forbidden).then_some("forbidden");
                Transition { by, to, broken, is_own: true }
            };
            [1, 2].into_iter().filter(may_go_on).map(go_on).collect()
        }

        fn is_at_rest(&self, count: &u8) -> bool {
            *count == self.end
        }
    }

    #[test]
    fn every_situation_is_visited_once() {
        let explored = explore(&Counting { end: 9, trap: None, forbidden: None }, 10);
        assert!(matches!(explored, Exploration::Sound { situations: 10, moves: 17 }));
    }

    #[test]
    fn the_way_to_a_broken_law_is_the_shortest() {
        let explored = explore(&Counting { end: 9, trap: None, forbidden: Some(7) }, 10);
        assert!(matches!(explored, Exploration::Broken { law: "forbidden", way } if way.len() == 4));
    }

    #[test]
    fn a_situation_that_leads_nowhere_is_found() {
        let explored = explore(&Counting { end: 9, trap: Some(4), forbidden: None }, 10);
        assert!(matches!(explored, Exploration::Broken { law: COMES_TO_REST, way } if way == [2, 2]));
    }
}
