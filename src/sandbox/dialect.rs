//! The dialects that the sandbox speaks on its one port.

/// A dialect of Corefy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SandboxDialect {
    /// Payment intents, with signed requests.
    Intents,
    /// Payment invoices, with the card gate and the public API.
    Commerce,
}

impl SandboxDialect {
    /// The dialect that is spoken below this path. The control refuses as `intents` does.
    pub fn of_path(path: &str) -> Self {
        if path.starts_with("/v1/") || path.starts_with("/_sandbox/") { Self::Intents } else { Self::Commerce }
    }
}
