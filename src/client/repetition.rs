//! When a call may be made again, and after which pause.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt;

/// How often a call is made at most: pauses of 0.1, 0.2, 0.4, 0.8, 1.6, 2 and 2 seconds, each shortened by up to half,
/// outlast a restart of the gateway.
pub const ATTEMPTS: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long to wait after this number of attempts, the last of which ended so; `None` when the call may not be made again. It
/// is never less than the gateway asks for.
pub fn pause(attempts: u32, status: &Status) -> Option<Duration> {
    let advice = status.get_details_retry_info().and_then(|retry| retry.retry_delay);
    let may_be_repeated = match status.code() {
        Code::Unavailable => true,
        Code::ResourceExhausted | Code::Aborted => advice.is_some(),
        _ => false,
    };
    let longest = LONGEST_PAUSE.min(FIRST_PAUSE * 2_u32.pow(attempts - 1));
    (may_be_repeated && attempts < ATTEMPTS).then(|| shortened(longest).max(advice.unwrap_or_default()))
}

/// The pause less a random part of up to half of it, so that clients that failed together do not retry together.
fn shortened(pause: Duration) -> Duration {
    let chance = getrandom::u32().unwrap_or_default() % 1000;
    pause - pause * chance / 2000
}
