//! The work that time makes due in a gateway on the sandbox's clock.

use std::{pin::Pin, sync::Arc};

/// Does all that is due in another part of the process.
pub type CatchUp = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;
