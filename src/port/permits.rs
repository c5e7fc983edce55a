//! The permits of a port: how many connections it holds, how many of one address, and which one ends to make room for
//! another.
//!
//! A connection is on trial until it has proved itself, which on the gRPC port is a call that was let in, and on the HTTP
//! port a genuine webhook. When there is no room, the oldest that is on trial ends. So connections that
//! only wait, drip or ping cost a stranger much and a caller nothing.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    future::{Future, poll_fn},
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use tokio::sync::{Notify, oneshot};

/// The share of an address: one of this many permits.
const SHARE: usize = 2;
/// The share of an address with connections on trial, TLS handshakes under way among them.
const SHARE_ON_TRIAL: usize = 4;

/// Names the address by which a connection counts, such as the first of its network; `None`: it counts for no address.
pub type CountedAs = Arc<dyn Fn(IpAddr) -> Option<IpAddr> + Send + Sync>;

/// The reason why a connection gets no permit.
#[derive(Debug)]
enum NoPermit {
    /// Its address holds its share, and none of it is on trial.
    ShareTaken,
    /// Every permit is held by a connection that has proved itself.
    Full,
}

/// The permits of a port, and the connection that waits for one. Later ones wait in the operating system's queue.
pub(super) struct Permits<C> {
    pool: Arc<PermitPool>,
    waiting: Option<(C, SocketAddr)>,
}

/// The part of it that the connections know.
struct PermitPool {
    most: usize,
    /// Permits that always stay with connections on trial, so that newcomers find room however many others have proved
    /// themselves.
    always_on_trial: usize,
    counted_as: CountedAs,
    held: Mutex<HeldPermits>,
    /// Notified when a permit was given back.
    freed: Notify,
}

#[derive(Default)]
struct HeldPermits {
    /// The number of the next connection. They ascend, so that the lowest is the oldest.
    next: u64,
    connections: BTreeMap<u64, Holder>,
    on_trial: BTreeSet<u64>,
    shares: HashMap<IpAddr, Share>,
}

struct Holder {
    counted_as: Option<IpAddr>,
    /// Dropped to end the connection.
    _keep: oneshot::Sender<()>,
}

/// The connections of one address.
#[derive(Default)]
struct Share {
    count: usize,
    on_trial: BTreeSet<u64>,
}

impl<C> Permits<C> {
    pub(super) fn new(most: u32, always_on_trial: u32, counted_as: CountedAs) -> Self {
        Self { pool: Arc::new(PermitPool::new(most, always_on_trial, counted_as)), waiting: None }
    }

    /// The next connection, which `arrival` brings, and its permit as soon as there is one, from another connection if need be;
    /// `None`: its address holds its share, and none of it is on trial. The permit is sought once the connection has arrived: a
    /// connection on trial that could have been replaced before may have proved itself since. Nothing is lost when the future
    /// is dropped.
    pub(super) async fn next(
        &mut self,
        arrival: impl Future<Output = (C, SocketAddr)>,
    ) -> (C, SocketAddr, Option<Permit>) {
        let Self { pool, waiting } = self;
        if waiting.is_none() {
            *waiting = Some(arrival.await);
        }
        loop {
            let freed = pool.freed.notified();
            if let Some(admitted) = pool.admit(waiting) {
                return admitted;
            }
            freed.await;
        }
    }
}

impl PermitPool {
    fn new(most: u32, always_on_trial: u32, counted_as: CountedAs) -> Self {
        let count = |number| usize::try_from(number).unwrap_or(usize::MAX);
        let (most, always_on_trial) = (count(most), count(always_on_trial));
        let (held, freed) = (Mutex::default(), Notify::new());
        Self { most, always_on_trial, counted_as, held, freed }
    }

    /// Lets the connection that waits go on, with a permit or for want of a share. `None`: it waits on, or there is none.
    fn admit<C>(self: &Arc<Self>, waiting: &mut Option<(C, SocketAddr)>) -> Option<(C, SocketAddr, Option<Permit>)> {
        let (connection, peer) = waiting.take()?;
        match self.take(peer.ip()) {
            Ok(permit) => Some((connection, peer, Some(permit))),
            Err(NoPermit::ShareTaken) => Some((connection, peer, None)),
            Err(NoPermit::Full) => {
                *waiting = Some((connection, peer));
                None
            }
        }
    }

    /// Takes a permit for a connection of `address`, from another connection if need be.
    fn take(self: &Arc<Self>, address: IpAddr) -> Result<Permit, NoPermit> {
        let mut held = self.held();
        let is_full = held.connections.len() >= self.most;
        let oldest = if is_full { Some(*held.on_trial.first().ok_or(NoPermit::Full)?) } else { None };
        let counted_as = (self.counted_as)(address);
        let oldest_of_share = self.oldest_of_full_share(&held, counted_as)?;
        // One that leaves is enough.
        if let Some(leaving) = oldest_of_share.or(oldest) {
            held.remove(leaving);
        }
        let (keep, end) = oneshot::channel();
        let id = held.add(counted_as, keep);
        let standing = Standing { permits: self.clone(), id, has_proved: Arc::default() };
        Ok(Permit { standing, end, has_ended: false })
    }

    /// The connection that leaves for another of its address, when that holds its share.
    fn oldest_of_full_share(&self, held: &HeldPermits, counted_as: Option<IpAddr>) -> Result<Option<u64>, NoPermit> {
        let share = counted_as.and_then(|address| held.shares.get(&address));
        let is_full =
            |share: &&Share| share.count >= self.share(SHARE) || share.on_trial.len() >= self.share(SHARE_ON_TRIAL);
        let full = share.filter(is_full);
        full.map(|share| share.on_trial.first().copied().ok_or(NoPermit::ShareTaken)).transpose()
    }

    fn share(&self, part: usize) -> usize {
        (self.most / part).max(1)
    }

    fn held(&self) -> MutexGuard<'_, HeldPermits> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HeldPermits {
    fn add(&mut self, counted_as: Option<IpAddr>, keep: oneshot::Sender<()>) -> u64 {
        let id = self.next;
        self.next += 1;
        self.connections.insert(id, Holder { counted_as, _keep: keep });
        self.on_trial.insert(id);
        if let Some(address) = counted_as {
            let share = self.shares.entry(address).or_default();
            share.count += 1;
            share.on_trial.insert(id);
        }
        id
    }

    fn remove(&mut self, id: u64) {
        let Some(holder) = self.connections.remove(&id) else { return };
        self.on_trial.remove(&id);
        let Some(address) = holder.counted_as else { return };
        if let Some(share) = self.shares.get_mut(&address) {
            share.count -= 1;
            share.on_trial.remove(&id);
            if share.count == 0 {
                self.shares.remove(&address);
            }
        }
    }

    fn end_trial(&mut self, id: u64) {
        self.on_trial.remove(&id);
        let address = self.connections.get(&id).and_then(|holder| holder.counted_as);
        if let Some(share) = address.and_then(|address| self.shares.get_mut(&address)) {
            share.on_trial.remove(&id);
        }
    }
}

/// The permit of one connection, given back when it is dropped.
pub(super) struct Permit {
    standing: Standing,
    end: oneshot::Receiver<()>,
    has_ended: bool,
}

impl Permit {
    /// Whether the connection has proved itself.
    pub(super) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Ready when the connection has to end, because another has its permit.
    pub(super) fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.has_ended {
            self.has_ended = Pin::new(&mut self.end).poll(context).is_ready();
        }
        if self.has_ended { Poll::Ready(()) } else { Poll::Pending }
    }

    /// The same to wait for.
    pub(super) async fn end(&mut self) {
        poll_fn(|context| self.poll_end(context)).await;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let permits = &self.standing.permits;
        permits.held().remove(self.standing.id);
        permits.freed.notify_one();
    }
}

/// Whether a connection has proved itself.
#[derive(Clone)]
pub struct Standing {
    permits: Arc<PermitPool>,
    id: u64,
    has_proved: Arc<AtomicBool>,
}

impl Standing {
    /// Notes that the connection has proved itself: it keeps its permit, unless too few others would be on trial.
    pub fn prove(&self) {
        if self.has_proved() {
            return;
        }
        let mut held = self.permits.held();
        let proved = held.connections.len() - held.on_trial.len();
        if proved + self.permits.always_on_trial < self.permits.most {
            held.end_trial(self.id);
            self.has_proved.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn has_proved(&self) -> bool {
        self.has_proved.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, time::Duration};

    use super::*;

    fn address(number: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, number).into()
    }

    fn permits(most: u32, always_on_trial: u32) -> Arc<PermitPool> {
        Arc::new(PermitPool::new(most, always_on_trial, Arc::new(Some)))
    }

    fn has_ended(permit: &mut Permit) -> bool {
        permit.poll_end(&mut Context::from_waker(std::task::Waker::noop())).is_ready()
    }

    fn ended(permits: &mut [Permit]) -> Vec<bool> {
        permits.iter_mut().map(has_ended).collect()
    }

    #[test]
    fn the_oldest_on_trial_ends_for_a_newcomer_and_what_has_proved_itself_stays() {
        let permits = permits(4, 0);
        let mut held: Vec<_> = (0..4).map(|number| permits.take(address(number)).unwrap()).collect();
        held[0].standing().prove();
        held.push(permits.take(address(9)).unwrap());
        assert_eq!(ended(&mut held), [false, true, false, false, false]);
        held.push(permits.take(address(10)).unwrap());
        assert_eq!(ended(&mut held), [false, true, true, false, false, false]);
    }

    #[tokio::test]
    async fn when_all_have_proved_themselves_a_newcomer_waits_until_one_has_ended() {
        let pool = permits(2, 0);
        let held: Vec<_> = (0..2).map(|number| pool.take(address(number)).unwrap()).collect();
        held.iter().for_each(|permit| permit.standing().prove());
        let mut permits = Permits { pool, waiting: None };
        let arrival = async { ("the newcomer", SocketAddr::new(address(9), 1)) };
        // Dropped while it waits, as when a handshake ends meanwhile: the newcomer waits on, and no other connection is
        // let in.
        assert!(tokio::time::timeout(Duration::from_millis(1), permits.next(arrival)).await.is_err());
        let nobody = async { panic!("another was let in while one waits") };
        let waiting = tokio::spawn(async move { permits.next(nobody).await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(held);
        let (newcomer, peer, permit) = waiting.await.unwrap();
        assert_eq!((newcomer, peer.ip(), permit.is_some()), ("the newcomer", address(9), true));
    }

    #[tokio::test]
    async fn one_whose_address_has_its_share_is_let_go_without_a_permit() {
        let pool = permits(8, 0);
        let held: Vec<_> =
            (0..4).map(|_| pool.take(address(1)).unwrap()).inspect(|permit| permit.standing().prove()).collect();
        let mut permits = Permits { pool, waiting: None };
        let (_, _, permit) = permits.next(async { ((), SocketAddr::new(address(1), 1)) }).await;
        assert!(permit.is_none() && permits.waiting.is_none());
        assert!(permits.next(async { ((), SocketAddr::new(address(2), 1)) }).await.2.is_some());
        drop(held);
    }

    #[test]
    fn an_address_that_has_its_share_gives_up_its_own_permit_when_the_port_is_full() {
        let permits = permits(4, 0);
        let mut held: Vec<_> = [1, 2, 3, 4].map(|number| permits.take(address(number)).unwrap()).into();
        held.push(permits.take(address(3)).unwrap());
        assert_eq!(ended(&mut held), [false, false, true, false, false], "not the oldest of all");
    }

    #[test]
    fn an_address_holds_no_more_than_its_share() {
        let permits = permits(8, 0);
        let mut on_trial: Vec<_> = (0..3).map(|_| permits.take(address(1)).unwrap()).collect();
        assert_eq!(ended(&mut on_trial), [true, false, false], "two of eight on trial");
        drop(on_trial);
        let mut proved = Vec::new();
        for _ in 0..4 {
            let permit = permits.take(address(1)).unwrap();
            permit.standing().prove();
            proved.push(permit);
        }
        assert!(matches!(permits.take(address(1)), Err(NoPermit::ShareTaken)), "four of eight");
        assert!(permits.take(address(2)).is_ok());
        assert_eq!(ended(&mut proved), [false; 4]);
        drop(proved.pop());
        assert!(permits.take(address(1)).is_ok());
    }

    #[test]
    fn an_address_that_counts_for_nobody_has_no_share() {
        let permits = Arc::new(PermitPool::new(8, 0, Arc::new(|_| None)));
        let mut held: Vec<_> = (0..8).map(|_| permits.take(address(1)).unwrap()).collect();
        assert_eq!(ended(&mut held), [false; 8]);
    }

    #[test]
    fn some_places_are_always_on_trial() {
        let permits = permits(4, 1);
        let mut held: Vec<_> = (0..4).map(|number| permits.take(address(number)).unwrap()).collect();
        held.iter().for_each(|permit| permit.standing().prove());
        held.push(permits.take(address(9)).unwrap());
        assert_eq!(ended(&mut held), [false, false, false, true, false]);
    }

    #[test]
    fn nothing_is_kept_of_what_has_ended() {
        let permits = permits(2, 0);
        for number in 0..100 {
            let permit = permits.take(address(number)).unwrap();
            permit.standing().prove();
        }
        let held = permits.held();
        assert!(held.connections.is_empty() && held.on_trial.is_empty() && held.shares.is_empty());
    }
}
