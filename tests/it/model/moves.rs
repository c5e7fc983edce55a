//! The moves: of calls, of looks, of Corefy, of the network, and of time.

/// One move.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Move {
    /// A call reads what its reservation is decided by.
    Read(usize),
    /// It is sent before it is reserved, which only a break allows.
    SendUnreserved(usize),
    /// It decides and commits its reservation, is refused, or finds its key taken.
    Reserve(usize),
    /// It is sent, or comes too late for that.
    Send(usize),
    /// There is no connection, so nothing is sent.
    FailToConnect(usize),
    /// Its request arrives at Corefy, which does this.
    Arrive(usize, Arrival),
    /// Its request is lost.
    LoseRequest(usize),
    /// Its answer is lost.
    LoseAnswer(usize),
    /// It waits no longer for the answer.
    GiveUp(usize),
    /// It writes the outcome.
    Settle(usize),
    /// It answers what came of the call that has its key or its operation.
    Replay(usize),
    /// A gateway claims these operations and asks Corefy: recovery, a webhook, a read or a poll.
    Look(usize, Claiming),
    /// A gateway writes what its look has found.
    Conclude(usize),
    /// The answer to a look is lost.
    LoseLook(usize),
    /// A gateway dies and is started again.
    Crash(usize),
    /// The lease of an operation ends.
    EndLease(usize),
    /// The attempt that is under way at Corefy ends.
    Finish(Arrival),
    /// Time passes.
    Tick,
}

/// The thing that Corefy does with a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// It is done: created, charged, given back.
    Done,
    /// The attempt is declined.
    Declined,
    /// The attempt is under way.
    UnderWay,
    /// It is refused.
    Refused,
}

/// The operations that a look claims.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Claiming {
    /// All that nobody holds.
    All,
    /// This one, which is due.
    One(usize),
}
