//! The steps that all handlers share: the caller, the input, the idempotency key and the response.

use prost::Message;
use tonic::{
    Request, Response,
    metadata::{MetadataMap, MetadataValue},
};
use zeroize::Zeroizing;

use crate::{
    app::{
        Answer, Caller, Payments,
        paging::{Page, Paged},
    },
    domain::ids::PaymentIntentId,
    error::{Error, Reason},
};

use super::{fields::Fields, formats, metadata::IDEMPOTENCY_KEY, sizes::MAX_RESPONSE_BYTES};

/// The metadata of an answer that was given before.
pub(super) const REPLAYED: &str = "idempotent-replayed";
/// The longest idempotency key, in characters.
pub(super) const MAX_IDEMPOTENCY_KEY: usize = 255;

/// A call that passed the key check; travels in the request's extensions.
#[derive(Clone, Debug)]
pub(super) struct AdmittedCall {
    /// The caller that the key belongs to.
    pub(super) caller: Caller,
    /// The call's path, `/service/method`.
    pub(super) path: String,
}

/// Reads a call that changes nothing.
pub(super) fn query<M, I>(
    request: Request<M>,
    read: impl FnOnce(&mut Fields, M) -> Option<I>,
) -> Result<(Caller, I), Error> {
    let (_, mut extensions, message) = request.into_parts();
    let admission = extensions.remove::<AdmittedCall>().ok_or_else(not_admitted)?;
    let mut fields = Fields::default();
    let input = read(&mut fields, message);
    Ok((admission.caller, fields.finish(input)?))
}

/// Reads a call that changes something. The message must no longer have what a fingerprint must not be made of.
pub(super) fn mutation<M: Message, I>(
    payments: &Payments,
    request: Request<M>,
    read: impl FnOnce(&mut Fields, M) -> Option<I>,
) -> Result<(Caller, I), Error> {
    let (metadata, mut extensions, message) = request.into_parts();
    let AdmittedCall { mut caller, path } = extensions.remove().ok_or_else(not_admitted)?;
    let mut fields = Fields::default();
    let key = idempotency_key(&mut fields, &metadata);
    let encoded = Zeroizing::new(message.encode_to_vec());
    let input = read(&mut fields, message);
    let input = fields.finish(input)?;
    caller.idempotency = key.map(|key| payments.idempotency(&caller.partner_id, &key, &path, &encoded));
    Ok((caller, input))
}

/// Answers with a page of a list. Where the objects are so large that the page would not fit into an answer, it is
/// shorter than was asked for: one object always fits.
pub(super) async fn page<T, M: Message, F>(
    mut page: Page,
    list: impl Fn(Page) -> F,
    wrap: impl Fn(Paged<T>) -> M,
) -> Result<Response<M>, Error>
where
    F: Future<Output = Result<Paged<T>, Error>>,
{
    loop {
        let answer = wrap(list(page.clone()).await?);
        if answer.encoded_len() <= MAX_RESPONSE_BYTES || page.size == 1 {
            return Ok(Response::new(answer));
        }
        page.size /= 2;
    }
}

/// Answers a call that changed something, or would have if it had not been made before.
pub(super) fn answer<T, M>(answer: Answer<T>, wrap: impl FnOnce(T) -> M) -> Response<M> {
    let mut response = Response::new(wrap(answer.resource));
    if answer.is_replayed {
        response.metadata_mut().insert(REPLAYED, MetadataValue::from_static("true"));
    }
    response
}

/// Has a refusal name a payment as the caller did, `sent`: by `pay_…` or by `pi_…`.
pub(super) fn naming(sent: &str) -> impl FnOnce(Error) -> Error + use<> {
    let ours = PaymentIntentId::parse_any(sent).filter(|id| id.as_str() != sent);
    move |error| match (ours, error.metadata.get("resource_id")) {
        (Some(ours), Some(named)) if error.reason == Reason::ResourceNotFound && named == ours.as_str() => {
            let sent = ours.payment_id();
            error.worded(format!("there is no payment {sent}")).with("resource_id", sent)
        }
        _ => error,
    }
}

fn idempotency_key(fields: &mut Fields, metadata: &MetadataMap) -> Option<String> {
    let mut given = metadata.get_all(IDEMPOTENCY_KEY).iter();
    let first = given.next()?;
    let key = formats::visible_ascii(first.as_bytes(), MAX_IDEMPOTENCY_KEY).filter(|_| given.next().is_none());
    if key.is_none() {
        fields.refuse(IDEMPOTENCY_KEY, "must be given as metadata at most once, as 1 to 255 visible ASCII characters");
    }
    key.map(str::to_owned)
}

fn not_admitted() -> Error {
    Error::new(Reason::Internal, "the call came past the key check")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Ids;

    fn read(keys: &[&'static str]) -> Result<Option<String>, Error> {
        let mut metadata = MetadataMap::new();
        for key in keys {
            metadata.append(IDEMPOTENCY_KEY, key.parse().unwrap());
        }
        let mut fields = Fields::default();
        let key = idempotency_key(&mut fields, &metadata);
        fields.finish(Some(key))
    }

    #[test]
    fn an_idempotency_key_is_one_bounded_visible_text() {
        let longest: &'static str = "k".repeat(255).leak();
        let too_long: &'static str = "k".repeat(256).leak();
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(read(&["order-1"]).unwrap().as_deref(), Some("order-1"));
        assert_eq!(read(&[longest]).unwrap().as_deref(), Some(longest));
        for wrong in [&[""][..], &["a b"], &[too_long], &["a", "a"], &["a", "b"]] {
            assert_eq!(read(wrong).unwrap_err().violations[0].field, "idempotency-key", "{wrong:?}");
        }
    }

    #[test]
    fn a_missing_payment_is_named_as_the_caller_named_it() {
        let id = PaymentIntentId::generate(&Ids::system());
        let (ours, payment) = (id.as_str(), id.payment_id());
        let named = |sent: &str, missing: &str| {
            let error = naming(sent)(Error::not_found("payment_intent", missing));
            (error.to_string(), error.metadata["resource_id"].clone(), error.metadata["resource_type"].clone())
        };
        let words = |text: String, id: &str| (text, id.to_owned(), "payment_intent".to_owned());
        assert_eq!(named(&payment, ours), words(format!("there is no payment {payment}"), &payment));
        assert_eq!(named(ours, ours), words(format!("there is no payment_intent {ours}"), ours));
        assert_eq!(named(&payment, "pi_2"), words("there is no payment_intent pi_2".to_owned(), "pi_2"));
    }

    #[test]
    fn a_repeated_answer_says_so() {
        let replayed = |is_replayed| answer(Answer { resource: 1, is_replayed }, |n| n);
        assert_eq!(replayed(true).metadata().get("idempotent-replayed").unwrap(), "true");
        assert!(replayed(false).metadata().is_empty());
    }

    #[test]
    fn a_call_past_the_key_check_reaches_no_use_case() {
        let error = query(Request::new(()), |_, ()| Some(())).unwrap_err();
        assert_eq!(error.reason, Reason::Internal);
    }
}
