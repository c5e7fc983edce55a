//! The state that the handlers of all services share.

use tokio_util::sync::CancellationToken;

use crate::app::App;

/// The handlers of all services.
#[derive(Clone)]
pub(super) struct Handlers {
    pub app: App,
    /// Cancelled when the gateway begins to shut down: streams end then.
    pub drain: CancellationToken,
}
