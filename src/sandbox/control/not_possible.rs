//! Why a control cannot be carried out.

/// The control cannot be carried out; the sentence says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPossible {
    /// No object has this name; of this kind.
    #[error("no such {0}")]
    Missing(&'static str),
    /// The object is there, and does not allow it as it stands.
    #[error("{0}")]
    NotNow(&'static str),
}
