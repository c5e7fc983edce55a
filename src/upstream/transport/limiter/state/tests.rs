//! The laws of the limiter, by a clock that is advanced by hand.

use proptest::prelude::*;

use super::super::MAX_WAIT;
use super::*;
use crate::domain::{
    clock::Timestamp,
    quota::{PeerGateway, Peers, Quota},
};

const MINUTE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(20);

/// Limiters that share a limit, and the time.
struct LimiterScene {
    began: Instant,
    now: Instant,
    per_minute: u32,
    taken_until: [Timestamp; 2],
    limiters: Vec<(LimiterState, PeerGateway)>,
    waiting: Vec<(usize, Priority, u32, oneshot::Receiver<TokenResult>)>,
    /// The calls that left, with their limiter and the time.
    left: Vec<(usize, Priority, u32, Instant)>,
    refused: Vec<(Priority, Instant)>,
}

impl LimiterScene {
    fn new(per_minute: u32, limiters: usize) -> Self {
        let now = Instant::now();
        let peer = PeerGateway { waiting: 0, served_at: Timestamp(0) };
        let limiter = || (LimiterState::new(Quota::recovery(per_minute).is_some(), now), peer);
        Self {
            began: now,
            now,
            per_minute,
            taken_until: Default::default(),
            limiters: (0..limiters).map(|_| limiter()).collect(),
            waiting: Vec::new(),
            left: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// A partner makes a call on a limiter. Returns whether it was refused at once.
    fn call(&mut self, limiter: usize, priority: Priority, partner: u32, patience: Duration) -> bool {
        let id = PartnerId::parse(&format!("partner{partner}")).unwrap();
        match self.limiters[limiter].0.acquire(Scheduling::of(priority), Some(&id), self.now + patience, self.now) {
            Acquisition::Decided(Ok(_)) => self.left.push((limiter, priority, partner, self.now)),
            Acquisition::Decided(Err(_)) => {
                self.refused.push((priority, self.now));
                return true;
            }
            Acquisition::Queued(receiver) => self.waiting.push((limiter, priority, partner, receiver)),
        }
        false
    }

    /// Every limiter leases once, and the calls that get a reply leave.
    fn refill(&mut self) {
        let stamp = Timestamp(1_000_000) + (self.now - self.began);
        for number in 0..self.limiters.len() {
            let others = self.limiters.iter().enumerate().filter(|(other, _)| *other != number);
            let others = others.map(|(_, (_, peer))| *peer).filter(|peer| peer.waiting > 0).collect();
            let peers = Peers { served_at: self.limiters[number].1.served_at, others };
            let (limiter, me) = &mut self.limiters[number];
            let demand = limiter.demand(self.now);
            let lease = Quota::common(self.per_minute).lease(&mut self.taken_until[0], stamp, demand, &peers);
            me.waiting = demand.waiting.saturating_sub(lease.granted);
            me.served_at = if lease.granted > 0 { stamp } else { me.served_at };
            limiter.refill(lease, self.now, self.now);
            if let (Some(quota), Some(demand)) = (Quota::recovery(self.per_minute), limiter.recovery_demand()) {
                let lease = quota.lease(&mut self.taken_until[1], stamp, demand, &Peers::default());
                limiter.refill_recovery(lease, self.now, self.now);
            }
        }
        let now = self.now;
        let (left, refused) = (&mut self.left, &mut self.refused);
        self.waiting.retain_mut(|(limiter, priority, partner, reply)| match reply.try_recv() {
            Ok(Ok(_)) => {
                left.push((*limiter, *priority, *partner, now));
                false
            }
            Ok(Err(_)) => {
                refused.push((*priority, now));
                false
            }
            Err(_) => true,
        });
    }

    /// Lets time pass, with leases as they come due.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.now += TICK;
            self.refill();
        }
    }

    fn count(&self, which: impl Fn(&(usize, Priority, u32, Instant)) -> bool) -> usize {
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
    let mut scene = LimiterScene::new(600, 1);
    (0..60).for_each(|_| {
        scene.call(0, Priority::Create, 1, MAX_WAIT);
    });
    scene.refill();
    assert!(scene.waiting.len() > 25, "{}", scene.waiting.len());
    assert!(scene.call(0, Priority::Create, 1, Duration::from_secs(1)));
    assert!(!scene.call(0, Priority::Create, 1, MAX_WAIT - TICK), "it would be served in time");
    assert!(!scene.call(0, Priority::Confirm, 1, Duration::from_secs(1)), "confirmations are served before it");
}

#[test]
fn those_for_whom_there_is_too_little_are_told_as_soon_as_that_is_known() {
    let mut scene = LimiterScene::new(600, 1);
    (0..1000).for_each(|_| {
        scene.call(0, Priority::Read, 1, MAX_WAIT);
    });
    assert!(scene.refused.is_empty(), "nobody knows yet what there is");
    scene.refill();
    assert!(scene.refused.len() > 900, "{}", scene.refused.len());
    scene.pass(MAX_WAIT);
    assert_eq!((scene.waiting.len(), scene.left.len() + scene.refused.len()), (0, 1000));
}

#[test]
fn what_is_kept_ready_is_void_when_its_lease_ends() {
    let mut scene = LimiterScene::new(6000, 1);
    scene.call(0, Priority::Read, 1, MAX_WAIT);
    scene.refill();
    assert!(scene.limiters[0].0.tokens.left() > 0);
    scene.now += LEASE;
    scene.call(0, Priority::Read, 1, MAX_WAIT);
    assert_eq!((scene.left.len(), scene.waiting.len()), (1, 1));
}

#[test]
fn a_call_that_has_stopped_waiting_takes_no_token() {
    let mut scene = LimiterScene::new(600, 1);
    (0..28).for_each(|_| {
        scene.call(0, Priority::Read, 1, MAX_WAIT);
    });
    scene.waiting.drain(..27);
    scene.refill();
    assert_eq!((scene.left.len(), scene.limiters[0].0.tokens.left()), (1, 27));
}

#[test]
fn a_single_call_waits_for_one_of_each_other_partner_however_many_those_have() {
    let mut scene = LimiterScene::new(600, 1);
    for _ in 0..1000 {
        (0..3).for_each(|partner| {
            scene.call(0, Priority::Confirm, partner, MAX_WAIT);
        });
    }
    scene.refill();
    let position = scene.left.len();
    scene.call(0, Priority::Confirm, 9, MAX_WAIT);
    while !scene.left.iter().any(|(_, _, partner, _)| *partner == 9) {
        scene.pass(TICK);
    }
    assert!(scene.left.len() - position <= 4, "{} were served first", scene.left.len() - position);
}

#[test]
fn lookups_have_their_reserve_though_ten_thousand_confirmations_come() {
    let mut scene = LimiterScene::new(600, 1);
    for _ in 0..3000 {
        (0..4).for_each(|_| {
            scene.call(0, Priority::Confirm, 1, MAX_WAIT);
        });
        if scene.now >= scene.began + MINUTE / 2 {
            scene.call(0, Priority::InDoubt, 2, MAX_WAIT);
        }
        scene.pass(TICK);
    }
    assert!(scene.refused.iter().filter(|(priority, _)| *priority == Priority::Confirm).count() > 10_000);
    // 30 s of a reserve of 30 a minute, beside a third of what is common.
    let recovery = scene.count(|(_, priority, ..)| *priority == Priority::InDoubt);
    let confirmations =
        scene.count(|(_, priority, _, at)| *priority == Priority::Confirm && *at >= scene.began + MINUTE / 2);
    assert!(recovery >= confirmations / 2 + 12, "{recovery} lookups beside {confirmations} confirmations");
}

#[test]
fn nothing_starves_while_confirmations_never_end() {
    let mut scene = LimiterScene::new(600, 1);
    for _ in 0..3000 {
        Priority::ALL.iter().for_each(|priority| {
            scene.call(0, *priority, 1, MAX_WAIT);
        });
        scene.pass(TICK);
    }
    for priority in Priority::ALL {
        let least = if priority == Priority::Books { 6 } else { 12 };
        assert!(scene.count(|(_, of, ..)| *of == priority) >= least, "{priority:?}");
    }
}

#[test]
fn gateways_that_share_a_limit_stay_within_it_together_and_get_as_much() {
    let mut scene = LimiterScene::new(600, 3);
    for _ in 0..6000 {
        (0..10).for_each(|_| {
            scene.call(0, Priority::Confirm, 1, MAX_WAIT);
        });
        (1..3).for_each(|limiter| {
            scene.call(limiter, Priority::Confirm, 1, MAX_WAIT);
        });
        scene.pass(TICK);
    }
    let most = scene.busiest_minute();
    assert!((520..=600).contains(&most), "{most}");
    let shares = [0, 1, 2].map(|limiter| scene.count(|(of, ..)| *of == limiter));
    assert!(shares.iter().all(|share| share.abs_diff(shares[1]) < 40), "{shares:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn however_the_calls_come_no_minute_sees_more_than_allowed(
        per_minute in 1_u32..120,
        calls in prop::collection::vec(
            (prop_oneof![6 => 0_u64..40, 3 => 40_u64..2_000, 1 => 2_000_u64..70_000],
                0_usize..2, 0_usize..7, 0_u32..3, 0_u64..6_000), 1..400),
    ) {
        let mut scene = LimiterScene::new(per_minute, 2);
        for (next_refill, limiter, priority, partner, patience) in calls {
            // While nothing happens, nothing is asked either.
            let next_refill = Duration::from_millis(next_refill);
            if next_refill > MAX_WAIT { scene.now += next_refill } else { scene.pass(next_refill) }
            scene.call(limiter, Priority::ALL[priority], partner, Duration::from_millis(patience));
        }
        prop_assert!(scene.busiest_minute() <= per_minute as usize);
    }
}
