//! A value for a list of risk is kept in one form, which is read as itself, and is refused without being repeated.

use corefy_gateway::domain::{
    hash_key::HashKey,
    risk::{list_entry::read_value, lists::ListKind, subject::SubjectHasher},
};

use super::choices::Choices;

/// A text that no list takes.
const NO_VALUE: &str = "\u{1}";

thread_local! {
    static HASHER: SubjectHasher = SubjectHasher::new(&HashKey::new("0123456789abcdef0123456789abcdef".into()));
}

/// Takes a byte for the kind of list, and the value.
pub fn a_value_has_one_form(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let kind = *choices.one(ListKind::ALL);
    let text = &*String::from_utf8_lossy(choices.rest());
    HASHER.with(|hasher| match read_value(kind, text, hasher) {
        Ok(kept) => assert_eq!(read_value(kind, &kept, hasher).as_ref(), Ok(&kept), "{text:?} for {kind:?}"),
        // Whatever the value is, the sentence is the one of its kind.
        Err(problem) => assert_eq!(read_value(kind, NO_VALUE, hasher), Err(problem), "{text:?} for {kind:?}"),
    });
}
