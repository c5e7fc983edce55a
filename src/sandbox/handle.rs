//! The handle of a running sandbox.

use std::{fmt, sync::Arc};

use axum::extract::FromRef;
use url::Url;

use super::shared::SandboxInner;

/// A running sandbox. All clones are the same one.
#[derive(Clone)]
pub struct Sandbox {
    pub(super) shared: Arc<SandboxInner>,
}

impl Sandbox {
    /// Where it listens, with a path of `/`.
    pub fn base_url(&self) -> Url {
        self.shared.address.clone()
    }
}

impl FromRef<Arc<SandboxInner>> for Sandbox {
    fn from_ref(shared: &Arc<SandboxInner>) -> Self {
        Self { shared: shared.clone() }
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sandbox({})", self.shared.address)
    }
}
