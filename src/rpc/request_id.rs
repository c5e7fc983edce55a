//! The id of a call, in its answer, its errors and the log.

use tonic::codegen::http::HeaderMap;

use super::{formats, metadata::REQUEST_ID};
use crate::domain::{card_number, ids::Ids};

/// The longest id that a caller may give, in characters.
const MAX_REQUEST_ID: usize = 128;

/// The id of a call: the caller's, or ours when it gave none. Travels in the request's extensions.
#[derive(Clone, Debug)]
pub(super) struct RequestId(pub(super) String);

impl RequestId {
    pub(super) fn of(headers: &HeaderMap, ids: &Ids) -> Self {
        let given = headers.get(REQUEST_ID).and_then(|value| formats::visible_ascii(value.as_bytes(), MAX_REQUEST_ID));
        // It is logged and kept in the clear.
        let given = given.filter(|id| !card_number::may_be_in(id));
        Self(given.map_or_else(|| ids.uuid().to_string(), str::to_owned))
    }
}
