//! Generates the view without personal data of the messages in an event: it clears the fields with the option
//! `debug_redact`, so that the protos are the only place that names them.

use std::{collections::BTreeSet, fmt::Write as _};

use protox::prost_reflect::{Cardinality, DescriptorPool, FieldDescriptor, Kind, MessageDescriptor, Value};

/// The package whose messages are looked into; those of others have no personal data.
const PACKAGE: &str = "corefy.gateway.v1";

/// The methods `leave_out_personal_data` of the message `root` and of those in it.
pub fn methods(pool: &DescriptorPool, root: &str) -> Result<String, String> {
    let root = pool.get_message_by_name(root).ok_or_else(|| format!("there is no message {root}"))?;
    let (mut code, mut seen, mut rest) = (String::new(), BTreeSet::new(), vec![root]);
    while let Some(message) = rest.pop() {
        if !seen.insert(message.full_name().to_owned()) {
            continue;
        }
        let mut body = String::new();
        for field in message.fields().filter(|field| field.containing_oneof().is_none() || is_optional(field)) {
            body.push_str(&statement(&field));
        }
        for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            body.push_str(&choice(&message, oneof.name(), oneof.fields()));
        }
        let of_ours = |field: &FieldDescriptor| inner(field).filter(|_| !is_personal(field));
        rest.extend(message.fields().filter_map(|field| of_ours(&field)));
        let _ = writeln!(
            code,
            "impl {} {{\n    /// Empties every field that may have personal data.\n    pub fn leave_out_personal_data(&mut self) {{\n\
             {body}    }}\n}}\n",
            path(&message)
        );
    }
    Ok(code)
}

fn is_personal(field: &FieldDescriptor) -> bool {
    let options = field.options();
    options.get_field_by_name("debug_redact").is_some_and(|value| matches!(*value, Value::Bool(true)))
}

/// Whether it is a single field that may be absent, which protobuf has as a choice of one.
fn is_optional(field: &FieldDescriptor) -> bool {
    field.containing_oneof().is_some_and(|oneof| oneof.is_synthetic())
}

/// The message of ours in a field.
fn inner(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    let kind = if field.is_map() { field.kind().as_message()?.map_entry_value_field().kind() } else { field.kind() };
    match kind {
        Kind::Message(message) if message.package_name() == PACKAGE => Some(message),
        _ => None,
    }
}

fn statement(field: &FieldDescriptor) -> String {
    let name = member(field.name());
    if is_personal(field) {
        return format!("        self.{name} = Default::default();\n");
    }
    let call = "inner.leave_out_personal_data()";
    match inner(field) {
        None => String::new(),
        Some(_) if field.is_map() => format!("        self.{name}.values_mut().for_each(|inner| {call});\n"),
        Some(_) if field.cardinality() == Cardinality::Repeated => {
            format!("        self.{name}.iter_mut().for_each(|inner| {call});\n")
        }
        Some(_) => format!("        if let Some(inner) = &mut self.{name} {{ {call}; }}\n"),
    }
}

/// The statements for a choice: an arm that is personal is taken away, others are looked into.
fn choice(message: &MessageDescriptor, name: &str, fields: impl Iterator<Item = FieldDescriptor>) -> String {
    let (mut code, member) = (String::new(), member(name));
    for field in fields {
        let arm = format!("{}::{}::{}", module(message), camel(name), camel(field.name()));
        if is_personal(&field) {
            let _ = writeln!(code, "        if let Some({arm}(_)) = &self.{member} {{ self.{member} = None; }}");
        } else if inner(&field).is_some() {
            let call = "inner.leave_out_personal_data()";
            let _ = writeln!(code, "        if let Some({arm}(inner)) = &mut self.{member} {{ {call}; }}");
        }
    }
    code
}

/// The path of the type that a message becomes.
fn path(message: &MessageDescriptor) -> String {
    match message.parent_message() {
        Some(parent) => format!("{}::{}", module(&parent), camel(message.name())),
        None => camel(message.name()),
    }
}

/// The module that has what is declared within a message.
fn module(message: &MessageDescriptor) -> String {
    let own = snake(message.name());
    message.parent_message().map_or(own.clone(), |parent| format!("{}::{own}", module(&parent)))
}

fn member(name: &str) -> String {
    if name == "type" { "r#type".to_owned() } else { name.to_owned() }
}

fn snake(name: &str) -> String {
    let mut written = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !written.is_empty() {
            written.push('_');
        }
        written.push(letter.to_ascii_lowercase());
    }
    written
}

fn camel(name: &str) -> String {
    let words = name.split('_').filter(|word| !word.is_empty());
    words.map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}
