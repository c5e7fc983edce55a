//! The laws of the desk, by a clock that is turned.

use proptest::prelude::*;

use super::super::budget::LONGEST_WAIT;
use super::*;
use crate::domain::{
    clock::Timestamp,
    quota::{Quota, Rival, Rivals},
};

const MINUTE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(20);

/// Desks that share a budget, and the time.
struct Scene {
    began: Instant,
    now: Instant,
    per_minute: u32,
    taken_until: [Timestamp; 2],
    desks: Vec<(Desk, Rival)>,
    waiting: Vec<(usize, Class, u32, oneshot::Receiver<Answer>)>,
    /// Who left, from which desk and when.
    left: Vec<(usize, Class, u32, Instant)>,
    refused: Vec<(Class, Instant)>,
}

impl Scene {
    fn new(per_minute: u32, desks: usize) -> Self {
        let now = Instant::now();
        let rival = Rival { waiting: 0, served_at: Timestamp(0) };
        let desk = || (Desk::new(Quota::lookups(per_minute).is_some(), now), rival);
        Self {
            began: now,
            now,
            per_minute,
            taken_until: Default::default(),
            desks: (0..desks).map(|_| desk()).collect(),
            waiting: Vec::new(),
            left: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// A call of a partner comes to a desk. Answers whether it was refused at once.
    fn call(&mut self, desk: usize, class: Class, partner: u32, patience: Duration) -> bool {
        let id = PartnerId::parse(&format!("partner{partner}")).unwrap();
        match self.desks[desk].0.enter(Turn::of(class), Some(&id), self.now + patience, self.now) {
            Entry::Answered(Ok(_)) => self.left.push((desk, class, partner, self.now)),
            Entry::Answered(Err(_)) => {
                self.refused.push((class, self.now));
                return true;
            }
            Entry::Waiting(receiver) => self.waiting.push((desk, class, partner, receiver)),
        }
        false
    }

    /// Every desk asks once, and who is answered goes.
    fn supply(&mut self) {
        let stamp = Timestamp(1_000_000) + (self.now - self.began);
        for number in 0..self.desks.len() {
            let others = self.desks.iter().enumerate().filter(|(other, _)| *other != number);
            let others = others.map(|(_, (_, rival))| *rival).filter(|rival| rival.waiting > 0).collect();
            let rivals = Rivals { served_at: self.desks[number].1.served_at, others };
            let (desk, me) = &mut self.desks[number];
            let ask = desk.ask(self.now);
            let lease = Quota::common(self.per_minute).lend(&mut self.taken_until[0], stamp, ask, &rivals);
            me.waiting = ask.waiting.saturating_sub(lease.granted);
            me.served_at = if lease.granted > 0 { stamp } else { me.served_at };
            desk.supply(lease, self.now, self.now);
            if let (Some(quota), Some(ask)) = (Quota::lookups(self.per_minute), desk.ask_reserve()) {
                let lease = quota.lend(&mut self.taken_until[1], stamp, ask, &Rivals::default());
                desk.supply_lookups(lease, self.now, self.now);
            }
        }
        let now = self.now;
        let (left, refused) = (&mut self.left, &mut self.refused);
        self.waiting.retain_mut(|(desk, class, partner, answer)| match answer.try_recv() {
            Ok(Ok(_)) => {
                left.push((*desk, *class, *partner, now));
                false
            }
            Ok(Err(_)) => {
                refused.push((*class, now));
                false
            }
            Err(_) => true,
        });
    }

    /// Lets time pass, with asks as they come due.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.now += TICK;
            self.supply();
        }
    }

    fn count(&self, which: impl Fn(&(usize, Class, u32, Instant)) -> bool) -> usize {
        self.left.iter().filter(|call| which(call)).count()
    }

    /// The most that left within 60 s, both ends included.
    fn busiest_minute(&self) -> usize {
        let mut times: Vec<_> = self.left.iter().map(|(.., at)| *at).collect();
        times.sort();
        let until = |first: usize| times[first..].iter().take_while(|at| **at - times[first] <= MINUTE).count();
        (0..times.len()).map(until).max().unwrap_or(0)
    }
}

#[test]
fn a_call_that_would_wait_beyond_its_deadline_is_refused_at_once_and_others_wait() {
    let mut scene = Scene::new(600, 1);
    (0..60).for_each(|_| {
        scene.call(0, Class::Create, 1, LONGEST_WAIT);
    });
    scene.supply();
    assert!(scene.waiting.len() > 25, "{}", scene.waiting.len());
    assert!(scene.call(0, Class::Create, 1, Duration::from_secs(1)));
    assert!(!scene.call(0, Class::Create, 1, LONGEST_WAIT - TICK), "it would be served in time");
    assert!(!scene.call(0, Class::Confirm, 1, Duration::from_secs(1)), "confirmations are served before it");
}

#[test]
fn those_for_whom_there_is_too_little_are_told_as_soon_as_that_is_known() {
    let mut scene = Scene::new(600, 1);
    (0..1000).for_each(|_| {
        scene.call(0, Class::Read, 1, LONGEST_WAIT);
    });
    assert!(scene.refused.is_empty(), "nobody knows yet what there is");
    scene.supply();
    assert!(scene.refused.len() > 900, "{}", scene.refused.len());
    scene.pass(LONGEST_WAIT);
    assert_eq!((scene.waiting.len(), scene.left.len() + scene.refused.len()), (0, 1000));
}

#[test]
fn what_is_kept_ready_is_void_when_its_lease_ends() {
    let mut scene = Scene::new(6000, 1);
    scene.call(0, Class::Read, 1, LONGEST_WAIT);
    scene.supply();
    assert!(scene.desks[0].0.stock.left() > 0);
    scene.now += LEASE;
    scene.call(0, Class::Read, 1, LONGEST_WAIT);
    assert_eq!((scene.left.len(), scene.waiting.len()), (1, 1));
}

#[test]
fn who_has_stopped_waiting_takes_nothing() {
    let mut scene = Scene::new(600, 1);
    (0..28).for_each(|_| {
        scene.call(0, Class::Read, 1, LONGEST_WAIT);
    });
    scene.waiting.drain(..27);
    scene.supply();
    assert_eq!((scene.left.len(), scene.desks[0].0.stock.left()), (1, 27));
}

#[test]
fn a_single_call_waits_for_one_of_each_other_partner_however_many_those_have() {
    let mut scene = Scene::new(600, 1);
    for _ in 0..1000 {
        (0..3).for_each(|partner| {
            scene.call(0, Class::Confirm, partner, LONGEST_WAIT);
        });
    }
    scene.supply();
    let before = scene.left.len();
    scene.call(0, Class::Confirm, 9, LONGEST_WAIT);
    while !scene.left.iter().any(|(_, _, partner, _)| *partner == 9) {
        scene.pass(TICK);
    }
    assert!(scene.left.len() - before <= 4, "{} were served first", scene.left.len() - before);
}

#[test]
fn lookups_have_their_reserve_though_ten_thousand_confirmations_come() {
    let mut scene = Scene::new(600, 1);
    for _ in 0..3000 {
        (0..4).for_each(|_| {
            scene.call(0, Class::Confirm, 1, LONGEST_WAIT);
        });
        if scene.now >= scene.began + MINUTE / 2 {
            scene.call(0, Class::InDoubt, 2, LONGEST_WAIT);
        }
        scene.pass(TICK);
    }
    assert!(scene.refused.iter().filter(|(class, _)| *class == Class::Confirm).count() > 10_000);
    // 30 s of a reserve of 30 a minute, beside a third of what is common.
    let lookups = scene.count(|(_, class, ..)| *class == Class::InDoubt);
    let confirmations = scene.count(|(_, class, _, at)| *class == Class::Confirm && *at >= scene.began + MINUTE / 2);
    assert!(lookups >= confirmations / 2 + 12, "{lookups} lookups beside {confirmations} confirmations");
}

#[test]
fn nothing_starves_while_confirmations_never_end() {
    let mut scene = Scene::new(600, 1);
    for _ in 0..3000 {
        Class::ALL.iter().for_each(|class| {
            scene.call(0, *class, 1, LONGEST_WAIT);
        });
        scene.pass(TICK);
    }
    for class in Class::ALL {
        assert!(scene.count(|(_, of, ..)| *of == class) >= 12, "{class:?}");
    }
}

#[test]
fn gateways_that_share_a_budget_stay_within_it_together_and_get_as_much() {
    let mut scene = Scene::new(600, 3);
    for _ in 0..6000 {
        (0..10).for_each(|_| {
            scene.call(0, Class::Confirm, 1, LONGEST_WAIT);
        });
        (1..3).for_each(|desk| {
            scene.call(desk, Class::Confirm, 1, LONGEST_WAIT);
        });
        scene.pass(TICK);
    }
    let most = scene.busiest_minute();
    assert!((520..=600).contains(&most), "{most}");
    let shares = [0, 1, 2].map(|desk| scene.count(|(of, ..)| *of == desk));
    assert!(shares.iter().all(|share| share.abs_diff(shares[1]) < 40), "{shares:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn however_the_calls_come_no_minute_sees_more_than_allowed(
        per_minute in 1_u32..120,
        calls in prop::collection::vec(
            (prop_oneof![6 => 0_u64..40, 3 => 40_u64..2_000, 1 => 2_000_u64..70_000],
                0_usize..2, 0_usize..6, 0_u32..3, 0_u64..6_000), 1..400),
    ) {
        let mut scene = Scene::new(per_minute, 2);
        for (pause, desk, class, partner, patience) in calls {
            // While nothing happens, nothing is asked either.
            let pause = Duration::from_millis(pause);
            if pause > LONGEST_WAIT { scene.now += pause } else { scene.pass(pause) }
            scene.call(desk, Class::ALL[class], partner, Duration::from_millis(patience));
        }
        prop_assert!(scene.busiest_minute() <= per_minute as usize);
    }
}
