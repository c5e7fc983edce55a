//! Any request of any call is answered or refused with a reason: the fields that a refusal names are those of the message, no fault
//! of the gateway's own shows, no card number comes back, and no more is given back than was received.

use std::cell::RefCell;

use corefy_gateway::pb::FILE_DESCRIPTOR_SET;
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use tonic::{Code, Status, codegen::http::HeaderValue};
use tonic_types::StatusExt as _;

use super::{
    callbacks::cards_in,
    choices::Choices,
    gateway::{Answered, Gateway},
    messages::{Writer, has_field},
    sandbox_requests::books_are_sound,
};

/// The package of the gateway's own services.
const PACKAGE: &str = "corefy.gateway.v1";
/// The metadata that refusals name beside fields.
const METADATA: &str = "idempotency-key";
/// The most bytes of a refusal's headers: clients refuse more than 8 KiB.
const MOST_TRAILERS: usize = 8 * 1024;
/// The most messages that a kept gateway remembers the names of.
const NAMES: usize = 64;
/// The card of the sandbox that requests may hold.
const CARD: &str = "4111111111111111";

/// The headers that a caller may send beside the key.
const HEADERS: [&str; 6] =
    ["idempotency-key", "traceparent", "tracestate", "grpc-timeout", "x-request-id", "grpc-previous-rpc-attempts"];
/// Values near to those that headers take.
const VALUES: [&str; 10] = [
    "call-1",
    "call-2",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "vendor=1,other=2",
    "5S",
    "99999999m",
    "0n",
    "3",
    "two words",
    "",
];

/// The calls, and the names of objects that answers have told.
struct Calls {
    methods: Vec<MethodDescriptor>,
    names: RefCell<Vec<String>>,
}

thread_local! {
    static GATEWAY: RefCell<Option<(Gateway, Calls)>> = const { RefCell::new(None) };
}

fn calls(_: &mut Gateway) -> Calls {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the compiler wrote it");
    let services = pool.services().filter(|service| service.package_name() == PACKAGE);
    let methods = services.flat_map(|service| service.methods().collect::<Vec<_>>()).collect();
    Calls { methods, names: RefCell::default() }
}

/// Takes a byte for the number of calls, and for each a byte for the call, its headers, and its message: as its descriptor has it,
/// or of any bytes.
pub fn any_request_is_answered(bytes: &[u8]) {
    super::gateway::with(&GATEWAY, calls, |gateway, calls| {
        let mut choices = Choices::new(bytes);
        for _ in 0..=choices.byte() % 4 {
            choices = calls.make_one(gateway, choices);
        }
        books_are_sound(&gateway.sandbox);
    });
}

impl Calls {
    fn make_one<'b>(&self, gateway: &mut Gateway, mut choices: Choices<'b>) -> Choices<'b> {
        let method = choices.one(&self.methods);
        let headers = headers(&mut choices);
        let is_made = !choices.byte().is_multiple_of(4);
        let names = self.names.borrow().clone();
        let mut writer = Writer { choices, names: &names };
        let message =
            if is_made { writer.message(&method.input()).encode_to_vec() } else { writer.choices.bytes().to_vec() };
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let answered = gateway.call(&path, &headers, frame(&message));
        check(
            &answered,
            method,
            &format!("{path} {headers:?} {:?}", DynamicMessage::decode(method.input(), &*message)),
        );
        self.remember(method, &answered);
        writer.choices
    }

    /// Takes the names of objects from an answer, for later requests.
    fn remember(&self, method: &MethodDescriptor, answered: &Answered) {
        let Some(message) = answered.body.get(5..) else { return };
        let Ok(answer) = DynamicMessage::decode(method.output(), message) else { return };
        let mut names = self.names.borrow_mut();
        let shown = answer.to_string();
        let quoted = shown.split('"').skip(1).step_by(2).filter(|text| is_name(text)).map(str::to_owned);
        names.extend(quoted);
        let surplus = names.len().saturating_sub(NAMES);
        names.drain(..surplus);
    }
}

/// Whether a text of an answer is an id or a token, which later requests may hold.
fn is_name(text: &str) -> bool {
    text.len() > 20 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-:".contains(&byte))
}

fn headers(choices: &mut Choices<'_>) -> Vec<(&'static str, HeaderValue)> {
    let many = choices.byte() % 4;
    let header = |choices: &mut Choices<'_>| {
        let name = *choices.one(&HEADERS);
        let near = *choices.one(&VALUES);
        let value = if near.is_empty() { choices.bytes() } else { near.as_bytes() };
        Some((name, HeaderValue::from_bytes(value).ok()?))
    };
    (0..many).filter_map(|_| header(choices)).collect()
}

/// The message as gRPC sends it, uncompressed.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("it is short").to_be_bytes();
    [&[0], &length[..], message].concat()
}

/// Holds an answer to the law; `of` tells the request.
fn check(answered: &Answered, method: &MethodDescriptor, of: &str) {
    assert_eq!(answered.http_status, 200, "{of}");
    assert!(answered.headers.contains_key("x-request-id"), "an answer has no id: {of}");
    let Some(status) = answered.status.as_ref().filter(|status| status.code() != Code::Ok) else { return };
    is_refused_well(status, of);
    let details = status.get_error_details();
    let facts = details.error_info().map(|info| info.metadata.clone()).unwrap_or_default();
    let fields = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
    let texts = fields.iter().flat_map(|wrong| [&wrong.field, &wrong.description]).chain(facts.values());
    let mut texts = texts.map(String::as_str).chain([status.message()]);
    assert!(texts.all(|text| !cards_in(text).contains(CARD)), "a refusal shows a card: {status:?}\n{of}");
    for wrong in &fields {
        let is_there = wrong.field == METADATA || has_field(&method.input(), &wrong.field);
        assert!(is_there, "{:?} is no field of {}: {of}", wrong.field, method.input().name());
        assert!(!wrong.description.is_empty(), "{:?} is wrong without a word: {of}", wrong.field);
    }
}

/// Asserts that a refusal has a reason, and is none of the gateway's own faults.
pub fn is_refused_well(status: &Status, of: &str) {
    let details = status.get_error_details();
    let reason = details.error_info().map(|info| info.reason.clone());
    assert!(reason.is_some(), "no reason: {status:?}\n{of}");
    assert!(!matches!(status.code(), Code::Internal | Code::Unknown), "a fault of the gateway: {status:?}\n{of}");
    assert!(status.details().len() / 3 * 4 + status.message().len() <= MOST_TRAILERS, "too long: {status:?}\n{of}");
}
