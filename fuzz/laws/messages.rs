//! Messages of any content, made by their descriptors, and the paths that lead to their fields.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};

use super::choices::Choices;

/// How deep a message may be within others.
const DEEPEST: usize = 4;
/// The most entries of a list that is not meant to be too long.
const ENTRIES: usize = 3;
/// The entries of a list that is longer than any may be.
const TOO_MANY: usize = 130;

/// Texts near to those that fields take. Of cards only those of the sandbox are among them.
const TEXTS: [&str; 48] = [
    "EUR",
    "USD",
    "JPY",
    "XXX",
    "10.50",
    "10",
    "0.01",
    "999999999999",
    "1e3",
    "-1",
    "card",
    "ideal",
    "jane@example.com",
    "jane@käse.example",
    "Jane Doe",
    "+1 415 555 2671",
    "https://shop.test/back",
    "javascript:alert(1)",
    "http://user@shop.test",
    "US",
    "DE",
    "Main St 1",
    "order-1",
    "a b",
    " ",
    "\u{0}",
    "\u{202e}",
    "4111111111111111",
    "4111 1111 1111 1111",
    "987",
    "*",
    "email",
    "name",
    "billing_address.city",
    "2026-11-23",
    "203.0.113.7",
    "::1",
    "blocked_emails",
    "vip",
    "review_and_more",
    "block if amount > 5",
    "pi_",
    "cus_",
    "re_",
    "pm_",
    "0",
    "\"",
    "[",
];

/// A message that is being made.
pub struct Writer<'b, 'n> {
    /// The choices that are left.
    pub choices: Choices<'b>,
    /// Names of objects that there are.
    pub names: &'n [String],
}

impl Writer<'_, '_> {
    /// A message of this kind, with some of its fields.
    pub fn message(&mut self, descriptor: &MessageDescriptor) -> DynamicMessage {
        self.within(descriptor, 0)
    }

    fn within(&mut self, descriptor: &MessageDescriptor, depth: usize) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        for field in descriptor.fields() {
            let choice = self.choices.byte();
            if choice.is_multiple_of(3) || depth > DEEPEST {
                continue;
            }
            let value = if field.is_map() {
                self.map(&field, choice)
            } else if field.is_list() {
                Value::List((0..entries(choice)).map(|_| self.value(&field.kind(), depth)).collect())
            } else {
                self.value(&field.kind(), depth)
            };
            message.set_field(&field, value);
        }
        message
    }

    fn map(&mut self, field: &FieldDescriptor, choice: u8) -> Value {
        let Kind::Message(entry) = field.kind() else { unreachable!("a map has entries") };
        let value = entry.map_entry_value_field().kind();
        let entries = (0..entries(choice)).map(|number| {
            let key = if number < ENTRIES { self.text() } else { number.to_string() };
            (MapKey::String(key), self.value(&value, DEEPEST))
        });
        Value::Map(entries.collect())
    }

    fn value(&mut self, kind: &Kind, depth: usize) -> Value {
        match kind {
            Kind::Message(message) => Value::Message(self.within(message, depth + 1)),
            Kind::Enum(_) => Value::EnumNumber(i32::from(self.choices.byte()) - 1),
            Kind::String => Value::String(self.text()),
            Kind::Bytes => Value::Bytes(self.choices.bytes().to_vec().into()),
            Kind::Bool => Value::Bool(self.choices.byte() % 2 == 1),
            Kind::Double => Value::F64(f64::from_bits(self.choices.number())),
            Kind::Float => Value::F32(f64::from_bits(self.choices.number()) as f32),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(self.whole() as i32),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(self.whole()),
            Kind::Uint32 | Kind::Fixed32 => Value::U32(self.whole() as u32),
            Kind::Uint64 | Kind::Fixed64 => Value::U64(self.whole().cast_unsigned()),
        }
    }

    /// A small number or any.
    fn whole(&mut self) -> i64 {
        match self.choices.byte() {
            small @ 0..200 => i64::from(small) - 1,
            _ => self.choices.number().cast_signed(),
        }
    }

    /// A name of something that there is, a text that is near to what is taken, any text, or a long one.
    fn text(&mut self) -> String {
        match self.choices.byte() % 8 {
            0 | 1 if !self.names.is_empty() => self.choices.one(self.names).clone(),
            0..=4 => (*self.choices.one(&TEXTS)).to_owned(),
            5 | 6 => self.choices.text(),
            _ => {
                let text = self.choices.one(&TEXTS);
                text.repeat(usize::from(self.choices.byte()))
            }
        }
    }
}

fn entries(choice: u8) -> usize {
    if choice == u8::MAX { TOO_MANY } else { usize::from(choice) % (ENTRIES + 1) }
}

/// Whether a path, such as `billing_address.city`, `update_mask.paths[0]` or `metadata["order"]`, leads to a field or a oneof of
/// the message.
pub fn has_field(message: &MessageDescriptor, path: &str) -> bool {
    let (name, rest) = path.split_at(path.find(['.', '[']).unwrap_or(path.len()));
    let Some(field) = message.get_field_by_name(name) else {
        return rest.is_empty() && message.oneofs().any(|oneof| oneof.name() == name);
    };
    let Some(rest) = without_index(&field, rest) else { return false };
    match (rest.strip_prefix('.'), field.kind()) {
        (None, _) => rest.is_empty(),
        (Some(inner), Kind::Message(message)) if !field.is_map() => has_field(&message, inner),
        _ => false,
    }
}

/// The rest of a path behind `[0]` of a list or `["key"]` of a map, if there is one. `None`: it has another form.
fn without_index<'p>(field: &FieldDescriptor, rest: &'p str) -> Option<&'p str> {
    let Some(index) = rest.strip_prefix('[') else { return Some(rest) };
    if field.is_map() {
        let quoted = index.strip_prefix('"')?;
        let mut is_escaped = false;
        let end = quoted.find(|letter| {
            let ends = letter == '"' && !is_escaped;
            is_escaped = letter == '\\' && !is_escaped;
            ends
        })?;
        return quoted[end + 1..].strip_prefix(']');
    }
    let (number, rest) = index.split_once(']')?;
    (field.is_list() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(rest)
}
