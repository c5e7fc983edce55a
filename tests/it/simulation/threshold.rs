//! Where a simulated gateway meets the world outside of it, its database and its network. There it can die, stand still for a
//! while, or be slow: at whichever of its meetings, for they are counted.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use corefy_gateway::{
    domain::clock::{Clock, Timestamp},
    store::StoreGate,
};
use fastrand::Rng;
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until},
};

use crate::support::app::START;

/// A mishap of a gateway.
#[derive(Clone, Copy, Debug)]
pub enum Mishap {
    /// It goes no further.
    Death,
    /// All of it stands still for so long, longer than its leases.
    Freeze(Duration),
    /// One task of it waits for so long.
    Delay(Duration),
}

impl Mishap {
    /// Any of them.
    pub fn any(rng: &mut Rng) -> Self {
        match rng.u8(0..10) {
            0..=4 => Self::Death,
            5..=7 => Self::Freeze(Duration::from_millis(rng.u64(4_000..60_000))),
            _ => Self::Delay(Duration::from_millis(rng.u64(1..4_000))),
        }
    }
}

/// The time of the whole simulation: that of the runtime, and whole nights that go by at once.
#[derive(Clone, Debug)]
pub struct WorldTime {
    began: Instant,
    nights_micros: Arc<AtomicI64>,
}

impl WorldTime {
    /// [`START`], now.
    pub fn begin() -> Self {
        Self { began: Instant::now(), nights_micros: Arc::default() }
    }

    /// Lets so much time go by in which nobody moves.
    pub fn jump(&self, time: Duration) {
        self.nights_micros.fetch_add(i64::try_from(time.as_micros()).unwrap(), Ordering::Relaxed);
    }

    fn now(&self) -> Timestamp {
        START + self.began.elapsed() + Duration::from_micros(self.nights_micros.load(Ordering::Relaxed).unsigned_abs())
    }
}

/// The time of day of one gateway, which goes with the time of the simulation, but may be off.
#[derive(Debug)]
pub struct DayTime {
    pub clock: Clock,
    world: WorldTime,
    off_micros: AtomicI64,
}

impl DayTime {
    /// A clock that goes with the time of the world.
    pub fn new(clock: Clock, world: WorldTime) -> Self {
        Self { clock, world, off_micros: AtomicI64::new(0) }
    }

    /// Puts it so many milliseconds off.
    pub fn set_off(&self, millis: i64) {
        self.off_micros.store(millis * 1000, Ordering::Relaxed);
    }

    /// Shows the present time.
    pub fn follow(&self) {
        let ahead = self.world.now().0 + self.off_micros.load(Ordering::Relaxed) - self.clock.now().0;
        let by = Duration::from_micros(ahead.unsigned_abs());
        if ahead < 0 { self.clock.put_back(by) } else { self.clock.advance(by) }
    }
}

/// How a gateway stands.
#[derive(Clone, Copy, Debug)]
enum Condition {
    Well,
    FrozenUntil(Instant),
    Dead,
}

/// The threshold of one gateway.
#[derive(Debug)]
pub struct Threshold {
    pub time: DayTime,
    /// The mishaps that are to come, and after how many meetings.
    planned: Mutex<Vec<(u32, Mishap)>>,
    condition: Mutex<Condition>,
    /// Tasks that stand here, although the gateway lives.
    held_up: AtomicUsize,
    /// Wakes those that wait for its death, in their order: a watch would wake them in any.
    death: Notify,
}

impl Threshold {
    /// Of a gateway with this clock, to which nothing happens yet.
    pub fn new(time: DayTime) -> Self {
        let condition = Mutex::new(Condition::Well);
        Self { time, planned: Mutex::default(), condition, held_up: AtomicUsize::default(), death: Notify::new() }
    }

    /// Lets this happen after so many meetings.
    pub fn plan(&self, meetings: u32, mishap: Mishap) {
        self.planned.lock().unwrap().push((meetings, mishap));
    }

    /// Lets nothing happen any more that was planned.
    pub fn spare(&self) {
        self.planned.lock().unwrap().clear();
    }

    /// Has the gateway stand still for so long, unless it is dead.
    pub fn freeze(&self, time: Duration) {
        if !self.is_dead() {
            *self.condition.lock().unwrap() = Condition::FrozenUntil(Instant::now() + time);
        }
    }

    /// Whether the gateway is dead.
    pub fn is_dead(&self) -> bool {
        matches!(self.condition(), Condition::Dead)
    }

    fn condition(&self) -> Condition {
        *self.condition.lock().unwrap()
    }

    /// Whether a task of it stands here, and will go on.
    pub fn holds_up(&self) -> bool {
        !self.is_dead() && self.held_up.load(Ordering::Relaxed) > 0
    }

    /// Waits until the gateway is dead.
    pub async fn died(&self) {
        let died = self.death.notified();
        if !self.is_dead() {
            died.await;
        }
    }

    /// The mishap of this meeting.
    fn due(&self) -> Option<Mishap> {
        let mut planned = self.planned.lock().unwrap();
        let due = planned.iter().position(|(meetings, _)| *meetings == 0).map(|place| planned.remove(place).1);
        planned.iter_mut().for_each(|(meetings, _)| *meetings = meetings.saturating_sub(1));
        due
    }
}

#[async_trait]
impl StoreGate for Threshold {
    async fn pass(&self) {
        self.held_up.fetch_add(1, Ordering::Relaxed);
        match self.due() {
            Some(Mishap::Death) => {
                *self.condition.lock().unwrap() = Condition::Dead;
                self.death.notify_waiters();
            }
            Some(Mishap::Freeze(time)) => self.freeze(time),
            Some(Mishap::Delay(time)) => sleep(time).await,
            None => {}
        }
        loop {
            match self.condition() {
                Condition::Well => break,
                Condition::Dead => pending().await,
                Condition::FrozenUntil(thaw) if Instant::now() >= thaw => break,
                Condition::FrozenUntil(thaw) => sleep_until(thaw).await,
            }
        }
        self.held_up.fetch_sub(1, Ordering::Relaxed);
        self.time.follow();
    }
}
