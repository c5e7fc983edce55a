//! Tells systemd how the gateway is, as a service of `Type=notify` with a watchdog. Elsewhere nobody asks, and nothing is sent.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::task::AbortOnDropHandle;

use crate::task;

/// The signs of life in the time after which systemd takes the process for hung.
const SIGNS_OF_LIFE: u32 = 3;

/// A state of the service.
#[derive(Clone, Copy, Debug)]
pub(super) enum ServiceState {
    /// It serves.
    Ready,
    /// It reads its secrets again, and serves meanwhile.
    Reloading,
    /// It takes no more calls.
    Stopping,
}

/// Tells of a state. That systemd cannot be told is logged: it waits for the word until its own time is over.
pub(super) fn tell(state: ServiceState) {
    let told = match state {
        ServiceState::Ready => sd_notify::notify(&[NotifyState::Ready]),
        ServiceState::Reloading => {
            NotifyState::monotonic_usec_now().and_then(|now| sd_notify::notify(&[NotifyState::Reloading, now]))
        }
        ServiceState::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
    };
    if let Err(error) = told {
        tracing::warn!(%error, ?state, "systemd cannot be told of the state of the service");
    }
}

/// Gives systemd a sign of life again and again, where it watches the process, until the handle is dropped. It comes from the runtime
/// that serves the calls: when that hangs, the signs end, and systemd starts the gateway anew.
pub(super) fn signs_of_life() -> Option<AbortOnDropHandle<()>> {
    let patience = sd_notify::watchdog_enabled().filter(|patience| !patience.is_zero())?;
    Some(AbortOnDropHandle::new(task::spawn("watchdog", give_signs(patience / SIGNS_OF_LIFE))))
}

async fn give_signs(pause: Duration) {
    let mut pauses = interval(pause);
    pauses.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pauses.tick().await;
        if let Err(error) = sd_notify::notify(&[NotifyState::Watchdog]) {
            tracing::warn!(%error, "systemd cannot be given a sign of life");
        }
    }
}
