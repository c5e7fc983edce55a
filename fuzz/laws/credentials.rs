//! A call is let in with the key that was made, and with nothing else.

use std::cell::RefCell;

use tonic::{Code, codegen::http::HeaderValue};

use super::{
    choices::{Choices, changed},
    gateway::{Answered, Gateway},
    requests::{frame, is_refused_well},
};

/// A call that any key may make.
const CALL: &str = "/corefy.gateway.v1.GatewayService/GetGatewayInfo";
/// The ways in which a key is sent: the header, and the words before the key.
const WAYS: [(&str, &str); 4] =
    [("authorization", "Bearer "), ("authorization", "bEARER   "), ("x-api-key", ""), ("authorization", "Basic ")];

thread_local! {
    static GATEWAY: RefCell<Option<(Gateway, ())>> = const { RefCell::new(None) };
}

/// Takes a byte for the way, three for a change of the key, and headers of any bytes.
pub fn only_the_key_lets_a_call_in(bytes: &[u8]) {
    super::gateway::with(
        &GATEWAY,
        |_| (),
        |gateway, ()| {
            let mut choices = Choices::new(bytes);
            let (header, words) = *choices.one(&WAYS);
            let key = gateway.key.clone();
            let sent = |key: &[u8]| HeaderValue::from_bytes(&[words.as_bytes(), key].concat()).ok();
            let (place, change) = (choices.place(key.len()), choices.byte());
            let right = call(gateway, &[(header, sent(key.as_bytes()).expect("a key is ASCII"))]);
            assert_eq!(is_in(&right), words != "Basic ", "{header}: {words}…");
            if let Some(other) = sent(&changed(key.as_bytes(), place, change)) {
                assert!(!is_in(&call(gateway, &[(header, other)])), "let in with another byte at {place}");
            }
            let values: Vec<_> = choices.rest().split(|byte| *byte == b'\n').take(4).collect();
            let of_any =
                |(number, value): (usize, &&[u8])| Some((WAYS[number].0, HeaderValue::from_bytes(value).ok()?));
            let headers: Vec<_> = values.iter().enumerate().filter_map(of_any).collect();
            let has_key = values.iter().any(|value| value.windows(key.len()).any(|part| part == key.as_bytes()));
            assert!(has_key || !is_in(&call(gateway, &headers)), "let in by {headers:?}");
        },
    );
}

fn call(gateway: &mut Gateway, headers: &[(&'static str, HeaderValue)]) -> Answered {
    gateway.call_as(CALL, headers, frame(&[]))
}

/// Whether the call was let in; one that was not is told that its key is wrong.
fn is_in(answered: &Answered) -> bool {
    let status = answered.status.as_ref().expect("a call has an end");
    if status.code() == Code::Ok {
        return true;
    }
    is_refused_well(status, CALL);
    assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
    false
}
