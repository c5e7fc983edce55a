//! Update masks, as AIP-134 has them: the fields that a change names.

use prost_types::FieldMask;

use super::fields::Fields;

/// The most paths of an update mask.
const MAX_PATHS: usize = 20;
/// The path of a mask that stands for every field.
const EVERY_FIELD: &str = "*";

/// A field that a call may change.
pub(super) struct Maskable<F> {
    /// The field.
    pub(super) field: F,
    /// Its path in a mask.
    pub(super) path: &'static str,
    /// Whether the request leaves it empty.
    pub(super) is_empty: bool,
}

/// The fields that are to change: those of the mask, or without one those that are not empty.
pub(super) fn named<F: Copy>(fields: &mut Fields, mask: Option<&FieldMask>, all: &[Maskable<F>]) -> Vec<F> {
    let paths = mask.map_or(&[][..], |mask| &mask.paths);
    if paths.len() > MAX_PATHS {
        fields.refuse("update_mask.paths", format!("must be at most {MAX_PATHS} paths"));
        return Vec::new();
    }
    if paths.is_empty() {
        return all.iter().filter(|maskable| !maskable.is_empty).map(|maskable| maskable.field).collect();
    }
    let mut named = Vec::new();
    for (place, path) in paths.iter().enumerate() {
        match all.iter().find(|maskable| maskable.path == path) {
            Some(maskable) => named.push(maskable.field),
            None if path == EVERY_FIELD => named.extend(all.iter().map(|maskable| maskable.field)),
            None => {
                let known: Vec<_> = all.iter().map(|maskable| maskable.path).collect();
                let rule = format!("must be {}, or {EVERY_FIELD} for all of them", known.join(", "));
                fields.refuse(&format!("update_mask.paths[{place}]"), rule);
            }
        }
    }
    named
}

/// Reads the revision that a change is based on.
pub(super) fn expected_revision(fields: &mut Fields, revision: Option<i64>) -> Option<i64> {
    if revision.is_some_and(|revision| revision < 1) {
        fields.refuse("expected_revision", "must be 1 or more");
    }
    revision
}
