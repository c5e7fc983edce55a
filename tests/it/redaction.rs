//! The option `debug_redact` of the protos: no field that has it is printed by `{:?}`.

use std::collections::BTreeMap;

use corefy_gateway::pb;
use prost::Message;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};

use crate::support::contract::descriptors;

include!(concat!(env!("OUT_DIR"), "/debug_of.rs"));

fn of<M: Message + Default + std::fmt::Debug>(bytes: &[u8]) -> String {
    format!("{:?}", M::decode(bytes).unwrap())
}

/// Values that can be found again in a text, each under its field, and whether the field may be printed.
#[derive(Default)]
struct Markers {
    of: Vec<(String, String, bool)>,
}

impl Markers {
    fn add(&mut self, field: &FieldDescriptor) -> i32 {
        let number = 700_000_000 + i32::try_from(self.of.len()).unwrap();
        self.of.push((field.full_name().to_owned(), number.to_string(), !is_redacted(field)));
        number
    }

    /// The message with all of its fields set; of each oneof, the alternative of this round.
    fn message(&mut self, message: &MessageDescriptor, turn: usize) -> DynamicMessage {
        let mut filled = DynamicMessage::new(message.clone());
        for field in message.fields().filter(|field| field.kind().as_enum().is_none()) {
            let others = field.containing_oneof().map(|oneof| oneof.fields().collect::<Vec<_>>()).unwrap_or_default();
            if others.is_empty() || others[turn % others.len()] == field {
                let value = self.value(&field, turn);
                filled.set_field(&field, value);
            }
        }
        filled
    }

    fn value(&mut self, field: &FieldDescriptor, turn: usize) -> Value {
        if field.is_map() {
            let (key, value) = (self.add(field).to_string(), self.add(field).to_string());
            return Value::Map([(MapKey::String(key), Value::String(value))].into());
        }
        let value = match field.kind() {
            Kind::Message(inner) if inner.package_name() == field.parent_message().package_name() => {
                let outer = self.of.len();
                let message = self.message(&inner, turn);
                self.of[outer..].iter_mut().for_each(|(_, _, printed)| *printed &= !is_redacted(field));
                Value::Message(message)
            }
            Kind::Message(inner) => Value::Message(DynamicMessage::new(inner)),
            Kind::String => Value::String(self.add(field).to_string()),
            Kind::Bytes => {
                let bytes = self.add(field).to_string().into_bytes();
                // They print as numbers.
                if let Some((_, marker, _)) = self.of.last_mut() {
                    *marker = format!("{bytes:?}");
                }
                Value::Bytes(bytes.into())
            }
            Kind::Int32 => Value::I32(self.add(field)),
            Kind::Uint32 => Value::U32(self.add(field).unsigned_abs()),
            Kind::Int64 => Value::I64(i64::from(self.add(field))),
            Kind::Bool => Value::Bool(true),
            other => panic!("{}: a kind that this test does not know: {other:?}", field.full_name()),
        };
        if field.is_list() { Value::List(vec![value]) } else { value }
    }
}

fn is_redacted(field: &FieldDescriptor) -> bool {
    field.options().get_field_by_name("debug_redact").is_some_and(|value| *value == Value::Bool(true))
}

fn messages() -> Vec<MessageDescriptor> {
    let all = descriptors();
    all.all_messages()
        .filter(|message| message.package_name() == "corefy.gateway.v1" && !message.is_map_entry())
        .collect()
}

#[test]
fn a_message_prints_all_of_its_fields_but_those_that_are_to_be_redacted() {
    let mut seen: BTreeMap<bool, usize> = BTreeMap::new();
    for message in messages() {
        let turns = message.oneofs().map(|oneof| oneof.fields().len()).max().unwrap_or(1).max(4);
        for turn in 0..turns {
            let mut markers = Markers::default();
            let filled = markers.message(&message, turn).encode_to_vec();
            let printed = debug_of(message.full_name(), &filled)
                .unwrap_or_else(|| panic!("no Rust type of {}", message.full_name()));
            for (field, marker, may_be_printed) in &markers.of {
                assert_eq!(printed.contains(marker), *may_be_printed, "{field} in {printed}");
                *seen.entry(*may_be_printed).or_default() += 1;
            }
        }
    }
    assert!(seen[&true] > 100 && seen[&false] > 100, "few fields were looked at: {seen:?}");
}

#[test]
fn fields_that_hold_a_card_a_person_or_the_callers_own_words_are_to_be_redacted() {
    /// The last words of names of such fields.
    const PRIVATE: [&str; 17] = [
        "email",
        "phone",
        "name",
        "number",
        "cvv",
        "cavv",
        "ip",
        "agent",
        "header",
        "line1",
        "line2",
        "city",
        "metadata",
        "description",
        "url",
        "params",
        "data",
    ];
    /// Names of things that are no personal data.
    const PUBLIC: [&str; 9] = [
        "corefy.gateway.v1.SupportedPaymentMethod.name",
        "corefy.gateway.v1.RiskRules.name",
        "corefy.gateway.v1.RiskList.name",
        "corefy.gateway.v1.CreateListRequest.name",
        "corefy.gateway.v1.RiskRuleResult.name",
        "corefy.gateway.v1.RiskFact.name",
        "corefy.gateway.v1.RiskBacktestRule.name",
        "corefy.gateway.v1.NetworkReferences.retrieval_reference_number",
        "corefy.gateway.v1.NetworkReferences.acquirer_reference_number",
    ];
    let fields = messages().into_iter().flat_map(|message| message.fields().collect::<Vec<_>>());
    for field in fields.filter(|field| field.kind() == Kind::String || field.is_map()) {
        let ends_so = PRIVATE.iter().any(|word| field.name().rsplit('_').next() == Some(word));
        if ends_so && !PUBLIC.contains(&field.full_name()) {
            assert!(
                is_redacted(&field),
                "{} may hold personal data or a secret, and lacks debug_redact",
                field.full_name()
            );
        }
    }
}

#[test]
fn a_word_of_an_enum_is_printed_by_its_name_beside_redacted_fields() {
    let intent = pb::PaymentIntent { state: pb::PaymentIntentState::Succeeded.into(), ..Default::default() };
    assert!(format!("{intent:?}").contains("state: Succeeded"), "{intent:?}");
    let newer = pb::PaymentIntent { state: 99, ..Default::default() };
    assert!(format!("{newer:?}").contains("state: 99"), "{newer:?}");
}
