//! Locks of the sandbox.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks; a panic elsewhere left nothing half done that a test should not see.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
