//! Deliberate breaks of the protocol, one at a time: the model has to find each, or it would find no other.

/// One break.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Break {
    /// A call is sent before its reservation is durable.
    SendBeforeReserve,
    /// A reservation is written over an intent that was written since it was read.
    IgnoreVersion,
    /// An outcome is written by whoever has one, whatever the epoch is.
    SettleWithoutEpoch,
    /// One look without a trace is believed, however young the operation is.
    BelieveAbsenceAtOnce,
    /// The age of an operation is that at the conclusion of a look, and not that at which Corefy was asked.
    JudgeAgeAtConclusion,
    /// A second attempt begins although the first may still arrive.
    SecondAttemptMeanwhile,
    /// The end of a lease is taken for the death of its holder, and the call for not sent.
    LeaseEndIsDeath,
    /// A call that was never answered counts as one that was not sent.
    SilenceIsNotSent,
    /// A payment that Corefy showed as under way before an attempt counts as a trace of that attempt.
    BelieveStateBefore,
}
