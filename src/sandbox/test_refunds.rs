//! The test amounts of refunds: the last two digits of the minor units decide what happens.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::faults::Fault;

/// How long after a refund the payer's bank returns it, by the sandbox's clock.
pub const RETURN_TIME: Duration = Duration::from_secs(60);

/// The effect of a refund whose minor units end in certain digits.
#[derive(Clone, Copy, Debug)]
pub struct TestRefund {
    /// The last two digits of the amount in minor units.
    pub ending: i64,
    /// Its effect.
    pub effect: RefundEffect,
    /// The same in words.
    pub description: &'static str,
}

/// The effect of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundEffect {
    /// The money is given back at once.
    Succeed,
    /// Fails at once.
    Fail,
    /// Pending; the money is given back [`super::PROCESSING_TIME`] later.
    PendThenSucceed,
    /// Pending; fails [`super::PROCESSING_TIME`] later.
    PendThenFail,
    /// Refused with `refund_refused`.
    Refuse,
    /// The money is given back at once; the payer's bank returns it [`RETURN_TIME`] later.
    SucceedThenReturn,
    /// The money is given back if the fault lets the request be executed; the answer suffers the fault.
    Fault(Fault),
}

/// Every amount with a behaviour of its own. All others are given back at once.
pub const TEST_REFUNDS: &[TestRefund] = &[
    refund(61, RefundEffect::PendThenSucceed, "pending, given back 5 seconds later"),
    refund(62, RefundEffect::PendThenFail, "pending, fails 5 seconds later"),
    refund(63, RefundEffect::Refuse, "refused: `refund_refused`"),
    refund(64, RefundEffect::Fault(Fault::HttpAfterExecute(500)), "given back; HTTP 500"),
    refund(65, RefundEffect::Fault(Fault::Http(500)), "HTTP 500; not given back"),
    refund(66, RefundEffect::Fault(Fault::DropAfterExecute), "given back; connection cut"),
    refund(67, RefundEffect::SucceedThenReturn, "given back, returned by the payer's bank a minute later"),
];

const fn refund(ending: i64, effect: RefundEffect, description: &'static str) -> TestRefund {
    TestRefund { ending, effect, description }
}

impl RefundEffect {
    /// The effect of a refund of this many minor units.
    pub fn of(minor: i64) -> Self {
        TEST_REFUNDS.iter().find(|test| test.ending == minor % 100).map_or(Self::Succeed, |test| test.effect)
    }
}
