//! Refusals in the form of JSON:API.

use serde_json::{Value, json};

use crate::upstream::intents::wire::ErrorBody;

/// The document of a refusal: an error for each field that is wrong, else one.
pub(in crate::sandbox) fn error_document(status: u16, refusal: &ErrorBody) -> Value {
    let title = refusal.error_code.replace('_', " ");
    let status = status.to_string();
    let of_fields = refusal.errors.iter().flat_map(|(field, problems)| {
        let pointer = pointer_to(field);
        let error =
            |problem| json!({"status": status, "title": title, "detail": problem, "source": {"pointer": pointer}});
        problems.iter().map(error).collect::<Vec<_>>()
    });
    let mut errors: Vec<Value> = of_fields.collect();
    if errors.is_empty() {
        errors.push(json!({"status": status, "title": title, "detail": refusal.message}));
    }
    json!({ "errors": errors })
}

/// Where a field stands in its document: below the attributes, unless it is named by its place.
fn pointer_to(field: &str) -> String {
    if field.starts_with('/') { field.to_owned() } else { format!("/data/attributes/{}", field.replace('.', "/")) }
}
