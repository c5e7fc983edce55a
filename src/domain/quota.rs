//! The rate limit of calls in a minute, and its division among the gateways that share it.
//!
//! Tokens are leased, one for each call: they may be used within [`LEASE`], and the rest then expires. The state of a
//! bucket is one moment, until which the quota is taken (the generic cell rate algorithm): each leased token advances
//! it by one interval, and it may run ahead of the present by a burst of `b` intervals `t`. So in a time `T`, both ends
//! included, at most `b + floor(T / t)` tokens are leased, and the calls of 60 s use tokens that were leased within
//! 60 s and one lease. Any `t > (60 s + LEASE) / (limit - b + 1)` makes that at most the limit.

use std::time::Duration;

use super::clock::Timestamp;

/// The time for which a leased token can be used.
pub const LEASE: Duration = Duration::from_secs(1);

/// The share of a minute's tokens that may be leased at once, one of this many; the rest is spread over the minute.
const BURST_SHARE: u32 = 20;

/// The share of the spare tokens that is leased ahead of need, one of this many, so that few expire when there are few.
const SPARE_SHARE: u32 = 4;

/// The share of a minute's tokens that is kept for [`Bucket::Recovery`], one of this many.
const RECOVERY_SHARE: u32 = 20;

const MINUTE: Duration = Duration::from_secs(60);

/// The two buckets that a minute's tokens are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// For every call.
    Common,
    /// Reserved for calls that find out the outcome of an operation in doubt.
    Recovery,
}

impl Bucket {
    /// The word for it in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Common => "common",
            Self::Recovery => "lookups",
        }
    }
}

/// The limit of calls in any minute.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    interval: Duration,
    burst: u32,
}

/// The tokens that a gateway needs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Demand {
    /// Calls that wait.
    pub waiting: u32,
    /// Calls that are expected to come while the lease lasts.
    pub ahead: u32,
}

/// The gateways that share a quota with the one that leases.
#[derive(Clone, Debug, Default)]
pub struct Peers {
    /// When the one that leases last got any.
    pub served_at: Timestamp,
    /// The others.
    pub others: Vec<PeerGateway>,
}

/// Another gateway that has calls waiting.
#[derive(Clone, Copy, Debug)]
pub struct PeerGateway {
    /// The number of these calls.
    pub waiting: u32,
    /// When it last got any.
    pub served_at: Timestamp,
}

/// The tokens that a gateway got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The number of tokens.
    pub granted: u32,
    /// How long until there is one more for it; zero when there is one already.
    pub next_in: Duration,
    /// The time from one token to the next, while the other gateways have as many calls waiting as now.
    pub pace: Duration,
}

impl Quota {
    /// The quota of [`Bucket::Common`], of `per_minute` calls in all; 0 counts as 1.
    pub fn common(per_minute: u32) -> Self {
        Self::of((per_minute - per_minute / RECOVERY_SHARE).max(1))
    }

    /// The quota of [`Bucket::Recovery`]. `None`: there are too few calls to reserve any.
    pub fn recovery(per_minute: u32) -> Option<Self> {
        Some(per_minute / RECOVERY_SHARE).filter(|limit| *limit > 0).map(Self::of)
    }

    fn of(limit: u32) -> Self {
        let burst = (limit / BURST_SHARE).max(1);
        let steady = u128::from(limit - burst) + 1;
        let micros = (MINUTE + LEASE).as_micros() / steady + 1;
        Self { interval: Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX)), burst }
    }

    /// Leases tokens at `now`, of a quota that is taken until `taken_until`, and advances that.
    pub fn lease(&self, taken_until: &mut Timestamp, now: Timestamp, demand: Demand, peers: &Peers) -> Lease {
        let full = now + self.interval * self.burst;
        // It is beyond the burst only when the clock was set back, or the limit was raised.
        let taken = (*taken_until).clamp(now, full);
        let free = full.since(taken).as_micros() / self.interval.as_micros();
        let granted = share(u32::try_from(free).unwrap_or(u32::MAX), demand, peers);
        *taken_until = taken + self.interval * granted;
        let next = (*taken_until + self.interval).since(full);
        let is_left_to_peers = granted < demand.waiting;
        Lease {
            granted,
            next_in: if is_left_to_peers { next.max(self.interval) } else { next },
            pace: self.interval * u32::try_from(peers.others.len() + 1).unwrap_or(u32::MAX),
        }
    }
}

/// The number of the `free` tokens for the gateway that leases: one for each call that waits there, less the equal
/// share of each peer; the remainder goes to the gateways that have waited longest. Ahead of need, a part of the rest.
fn share(free: u32, demand: Demand, peers: &Peers) -> u32 {
    let all = u32::try_from(peers.others.len() + 1).unwrap_or(u32::MAX);
    let room_of = |peer: &PeerGateway| {
        let before_it = peers.others.iter().filter(|other| other.served_at < peer.served_at).count();
        let place = before_it + usize::from(peers.served_at <= peer.served_at);
        let has_odd_one = place < usize::try_from(free % all).unwrap_or(usize::MAX);
        peer.waiting.min(free / all + u32::from(has_odd_one))
    };
    let left = peers.others.iter().fold(free, |left, peer| left.saturating_sub(room_of(peer)));
    let needed = demand.waiting.min(left);
    needed + demand.ahead.min((left - needed) / SPARE_SHARE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Timestamp = Timestamp(1_700_000_000_000_000);

    fn demand(waiting: u32, ahead: u32) -> Demand {
        Demand { waiting, ahead }
    }

    fn peer(waiting: u32, served_before: bool) -> PeerGateway {
        PeerGateway { waiting, served_at: Timestamp(START.0 + if served_before { -1 } else { 1 }) }
    }

    /// The peers of a gateway that was last served at [`START`].
    fn beside(others: &[PeerGateway]) -> Peers {
        Peers { served_at: START, others: others.to_vec() }
    }

    /// The times at which calls leave, when each demand comes its pause after the one before, and each token is used
    /// `late` after its lease.
    fn departures(per_minute: u32, asks: &[(Duration, Demand)], late: &[Duration]) -> Vec<Timestamp> {
        let mut now = START;
        let mut left = Vec::new();
        let mut taken = [Timestamp::default(); 2];
        for (turn, (pause, demand)) in asks.iter().enumerate() {
            now = now + *pause;
            for (quota, taken_until) in
                [Some(Quota::common(per_minute)), Quota::recovery(per_minute)].into_iter().flatten().zip(&mut taken)
            {
                let count = quota.lease(taken_until, now, *demand, &beside(&[])).granted;
                left.extend((0..count).map(|call| now + late[(turn + call as usize) % late.len()]));
            }
        }
        left.sort();
        left
    }

    /// The most that left within 60 s, both ends included.
    fn busiest_minute(left: &[Timestamp]) -> usize {
        let mut first = 0;
        (0..left.len()).fold(0, |most, last| {
            first += left[first..=last].iter().take_while(|at| left[last].since(**at) > MINUTE).count();
            most.max(last + 1 - first)
        })
    }

    #[test]
    fn no_minute_sees_more_calls_than_allowed_and_few_less() {
        for per_minute in [0, 1, 2, 3, 7, 10, 11, 19, 20, 59, 60, 61, 100, 600] {
            let asks = vec![(Duration::from_millis(10), demand(2, 0)); 30_000];
            let most = busiest_minute(&departures(per_minute, &asks, &[Duration::ZERO]));
            let limit = per_minute.max(1) as usize;
            assert!(most <= limit, "{most} of {limit}");
            assert!(most * 10 >= limit * 9, "{most} of {limit} is too few");
        }
    }

    #[test]
    fn a_gateway_without_tokens_learns_when_there_are_some() {
        let quota = Quota::common(1);
        let mut taken = Timestamp::default();
        assert_eq!(quota.lease(&mut taken, START, demand(1, 0), &beside(&[])).granted, 1);
        let wait = quota.lease(&mut taken, START, demand(1, 0), &beside(&[])).next_in;
        assert!(wait > MINUTE && wait <= MINUTE + LEASE + LEASE, "{wait:?}");
        assert_eq!(quota.lease(&mut taken, START + wait, demand(1, 0), &beside(&[])).granted, 1);
    }

    #[test]
    fn a_clock_that_is_turned_back_does_not_stop_the_calls_for_long() {
        let quota = Quota::common(600);
        let mut taken = START + Duration::from_secs(86_400);
        let wait = quota.lease(&mut taken, START, demand(1, 0), &beside(&[])).next_in;
        assert!(wait < LEASE, "{wait:?}");
        assert_eq!(quota.lease(&mut taken, START + wait, demand(1, 0), &beside(&[])).granted, 1);
    }

    #[test]
    fn a_gateway_with_much_demand_leaves_the_others_their_share() {
        assert_eq!(share(30, demand(1000, 0), &beside(&[])), 30);
        assert_eq!(share(30, demand(1000, 0), &beside(&[peer(1000, false), peer(1000, false)])), 10);
        assert_eq!(share(30, demand(1000, 0), &beside(&[peer(3, false), peer(1000, false)])), 17);
        assert_eq!(share(30, demand(4, 0), &beside(&[peer(1000, false)])), 4);
        assert_eq!(share(1, demand(1000, 0), &beside(&[peer(1, true)])), 0, "the other has had none for longer");
        assert_eq!(share(1, demand(1000, 0), &beside(&[peer(1, false)])), 1);
    }

    #[test]
    fn little_is_lent_ahead_of_need_when_there_is_little() {
        assert_eq!(share(101, demand(1, 1000), &beside(&[])), 26);
        assert_eq!(share(101, demand(1, 8), &beside(&[])), 9);
        assert_eq!(share(4, demand(1, 8), &beside(&[])), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn however_the_calls_come_no_minute_sees_more_than_allowed(
            per_minute in 1_u32..150,
            asks in prop::collection::vec(
                (prop_oneof![5 => 0_u64..50, 4 => 50_u64..3_000, 1 => 3_000_u64..90_000], 0_u32..20, 0_u32..20), 1..1_000),
            late in prop::collection::vec(0_u64..=1_000, 1..20),
        ) {
            let asks: Vec<_> = asks.into_iter()
                .map(|(pause, waiting, ahead)| (Duration::from_millis(pause), demand(waiting, ahead))).collect();
            let late: Vec<_> = late.into_iter().map(Duration::from_millis).collect();
            prop_assert!(busiest_minute(&departures(per_minute, &asks, &late)) <= per_minute as usize);
        }

        #[test]
        fn no_more_is_shared_out_than_there_is_and_nothing_is_kept_from_who_waits_alone(
            free in 0_u32..100, waiting in prop::collection::vec(0_u32..100, 1..6),
        ) {
            let all: Vec<_> = waiting.iter().enumerate()
                .map(|(age, waiting)| PeerGateway { waiting: *waiting, served_at: Timestamp(age as i64) }).collect();
            let mut total = 0;
            for (me, own) in all.iter().enumerate() {
                let others: Vec<_> =
                    all.iter().enumerate().filter(|(other, _)| *other != me).map(|(_, peer)| *peer).collect();
                let granted = share(free, demand(own.waiting, 0), &Peers { served_at: own.served_at, others });
                let even = free / all.len() as u32;
                prop_assert!(granted >= own.waiting.min(even), "less than an equal share");
                total += granted.min(even);
            }
            prop_assert!(total <= free);
        }
    }
}
