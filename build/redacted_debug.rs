//! Writes a `Debug` for each message that has a field with the option `debug_redact`: it prints `[redacted]` instead of
//! that field's value. The option in the protos is the only list of what is not printed.

use heck::{ToSnakeCase, ToUpperCamelCase};
use protox::prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor, Value};

/// An expression that prints without quotes.
const REDACTED: &str = r#"&::core::format_args!("[redacted]")"#;

/// Whether the derived `Debug` would print what must not be printed.
pub fn is_needed(message: &MessageDescriptor) -> bool {
    message.fields().any(|field| is_redacted(&field))
}

/// The message's name as the code generator takes it.
pub fn path(message: &MessageDescriptor) -> String {
    format!(".{}", message.full_name())
}

/// The `Debug` of these messages and of their oneofs, where the derived one would print too much.
pub fn implementations(messages: &[MessageDescriptor]) -> String {
    messages.iter().filter(|message| is_needed(message)).map(of_message).collect()
}

/// A function for tests: the `Debug` of the message of this name that has these bytes.
pub fn debug_of(messages: &[MessageDescriptor]) -> String {
    let arms: String = messages
        .iter()
        .filter(|message| !message.is_map_entry())
        .map(|message| format!("{:?} => of::<pb::{}>(bytes),\n", message.full_name(), type_name(message)))
        .collect();
    format!(
        "fn debug_of(name: &str, bytes: &[u8]) -> Option<String> {{ Some(match name {{ {arms} _ => return None }}) }}"
    )
}

fn of_message(message: &MessageDescriptor) -> String {
    let oneofs: Vec<OneofDescriptor> = message.oneofs().filter(|oneof| !oneof.is_synthetic()).collect();
    let plain = message.fields().filter(|field| field.containing_oneof().is_none_or(|oneof| oneof.is_synthetic()));
    let mut fields: String = plain.map(|field| format!(".field({:?}, {})", field.name(), value_of(&field))).collect();
    for oneof in &oneofs {
        fields += &format!(".field({0:?}, &self.r#{0})", oneof.name());
    }
    let body = format!("f.debug_struct({:?}){fields}.finish()", message.name());
    implementation(&type_name(message), &body) + &oneofs.iter().map(of_oneof).collect::<String>()
}

fn of_oneof(oneof: &OneofDescriptor) -> String {
    let arms: String = oneof
        .fields()
        .map(|field| {
            let name = field.name().to_upper_camel_case();
            let value = if is_redacted(&field) { REDACTED } else { "value" };
            format!("Self::{name}(value) => {{ let _ = value; f.debug_tuple({name:?}).field({value}).finish() }}\n")
        })
        .collect();
    let name = format!("{}::{}", oneof.parent_message().name().to_snake_case(), oneof.name().to_upper_camel_case());
    implementation(&name, &format!("match self {{ {arms} }}"))
}

fn implementation(of: &str, body: &str) -> String {
    format!(
        "impl ::core::fmt::Debug for {of} {{
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {{ {body} }}
        }}\n"
    )
}

/// An expression for the field's value: a word of an enum by its name, `[redacted]` where the option says so.
fn value_of(field: &FieldDescriptor) -> String {
    let name = field.name();
    match field.kind() {
        _ if is_redacted(field) => REDACTED.to_owned(),
        Kind::Enum(words) if !field.is_list() && !field.supports_presence() => {
            format!("&::core::format_args!(\"{{}}\", word::<{}>(self.r#{name}))", words.name())
        }
        _ => format!("&self.r#{name}"),
    }
}

fn is_redacted(field: &FieldDescriptor) -> bool {
    field.options().get_field_by_name("debug_redact").is_some_and(|value| matches!(&*value, Value::Bool(true)))
}

/// The message's type in Rust; one inside another is in a module of the other's name.
fn type_name(message: &MessageDescriptor) -> String {
    let mut name = message.name().to_upper_camel_case();
    let mut outer = message.parent_message();
    while let Some(parent) = outer {
        name = format!("{}::{name}", parent.name().to_snake_case());
        outer = parent.parent_message();
    }
    name
}
