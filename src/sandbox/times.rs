//! How long what the sandbox does by itself takes.

use std::time::Duration;

/// How long a processing payment or a pending refund takes, by the sandbox's clock.
pub const PROCESSING_TIME: Duration = Duration::from_secs(5);

/// How long a request that is never answered is kept open.
pub const HANG_TIME: Duration = Duration::from_secs(120);
