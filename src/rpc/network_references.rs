//! Network references, as they go over the wire.

use crate::{domain::network_references::NetworkReferences, pb};

impl From<NetworkReferences> for pb::NetworkReferences {
    fn from(known: NetworkReferences) -> Self {
        Self {
            retrieval_reference_number: known.retrieval_reference_number.unwrap_or_default(),
            approval_code: known.approval_code.unwrap_or_default(),
            acquirer_reference_number: known.acquirer_reference_number.unwrap_or_default(),
        }
    }
}

/// The message; `None` when none is known.
pub(super) fn shown(known: NetworkReferences) -> Option<pb::NetworkReferences> {
    (!known.is_empty()).then(|| known.into())
}
