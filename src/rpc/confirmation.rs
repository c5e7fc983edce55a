//! The source of money of ConfirmPaymentIntent: a card that is read, used once and wiped, or a saved payment method.

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::{
    domain::{
        card::Card,
        clock::Timestamp,
        confirmation::{
            BrowserInfo, Confirmation, Initiator, PaymentSource, StorageReason, StoredCredential, ThreeDSecure,
        },
        ids::{PaymentIntentId, PaymentMethodId},
        private::Private,
    },
    pb,
    pb::confirm_payment_intent_request::Source as Sent,
};

use super::{
    cards,
    fields::Fields,
    formats,
    payment_methods::{PAYMENT_METHOD_ID, other},
};

/// The longest protocol version, in characters.
const MAX_VERSION: usize = 10;
/// The longest transaction id, in characters.
const MAX_TRANSACTION_ID: usize = 64;
/// The longest header of a browser, in characters.
const MAX_HEADER: usize = 2048;
/// The most bits a pixel.
const MAX_COLOR_DEPTH: i32 = 48;
/// The most pixels of a side.
const MAX_PIXELS: i32 = 100_000;
/// The furthest a time zone is from UTC, in minutes.
const MAX_TIMEZONE_OFFSET: i32 = 840;

/// Takes the CVV out of the message before anything else sees it: no fingerprint may be made of it.
pub(super) fn take_cvv(message: &mut pb::ConfirmPaymentIntentRequest) -> Zeroizing<String> {
    match &mut message.source {
        Some(Sent::Card(card)) => Zeroizing::new(std::mem::take(&mut card.cvv)),
        Some(Sent::PaymentMethodId(_) | Sent::Other(_) | Sent::HostedPage(_)) | None => Zeroizing::default(),
    }
}

/// Reads a confirmation at the time `now`; its CVV was taken out before.
pub(super) fn read(
    fields: &mut Fields,
    message: pb::ConfirmPaymentIntentRequest,
    cvv: &str,
    now: Timestamp,
) -> Option<(PaymentIntentId, Confirmation<PaymentMethodId>)> {
    let id = fields.payment_intent_id("payment_intent_id", &message.payment_intent_id);
    refuse_contradictions(fields, &message);
    let source = source(fields, message.source, cvv, now);
    let three_d_secure =
        message.three_d_secure.map(|sent| fields.within("three_d_secure", |fields| three_d_secure(fields, sent)));
    let browser_info =
        message.browser_info.map(|sent| fields.within("browser_info", |fields| browser_info(fields, sent)));
    let stored_credential = match message.stored_credential {
        Some(sent) => Some(fields.within("stored_credential", |fields| stored_credential(fields, sent))?),
        None => None,
    };
    let save_payment_method = message.save_payment_method;
    let confirmation =
        Confirmation { source: source?, three_d_secure, browser_info, save_payment_method, stored_credential };
    Some((id?, confirmation))
}

/// Refuses what makes no sense beside what is paid with.
fn refuse_contradictions(fields: &mut Fields, message: &pb::ConfirmPaymentIntentRequest) {
    if message.save_payment_method && matches!(message.source, Some(Sent::PaymentMethodId(_))) {
        fields.refuse("save_payment_method", "must be false with payment_method_id, which is saved already");
    }
    if message.three_d_secure.is_some() && matches!(message.source, Some(Sent::Other(_) | Sent::HostedPage(_))) {
        fields.refuse("three_d_secure", "must be given only with card or payment_method_id");
    }
}

fn source(
    fields: &mut Fields,
    sent: Option<Sent>,
    cvv: &str,
    now: Timestamp,
) -> Option<PaymentSource<PaymentMethodId>> {
    match sent {
        Some(Sent::Card(sent)) => {
            Some(PaymentSource::Card(fields.within("card", |fields| card(fields, sent, cvv, now))))
        }
        Some(Sent::PaymentMethodId(sent)) => {
            fields.id("payment_method_id", &sent, PaymentMethodId::parse, PAYMENT_METHOD_ID).map(PaymentSource::Saved)
        }
        Some(Sent::Other(sent)) => Some(PaymentSource::Other(fields.within("other", |fields| other(fields, sent)))),
        Some(Sent::HostedPage(pb::HostedPage {})) => Some(PaymentSource::HostedPage),
        None => {
            fields.refuse("card", "one of card, payment_method_id, other and hosted_page is required");
            None
        }
    }
}

/// Reads it; `None` when a part that it needs was refused.
fn stored_credential(fields: &mut Fields, sent: pb::StoredCredential) -> Option<StoredCredential> {
    let initiator = match sent.initiator() {
        pb::StoredCredentialInitiator::Customer => Some(Initiator::Customer),
        pb::StoredCredentialInitiator::Merchant => Some(Initiator::Merchant),
        pb::StoredCredentialInitiator::Unspecified => {
            fields.refuse("initiator", "must be a StoredCredentialInitiator");
            None
        }
    };
    let reason = match sent.reason() {
        pb::StoredCredentialReason::Recurring => Some(StorageReason::Recurring),
        pb::StoredCredentialReason::Instalment => Some(StorageReason::Instalment),
        pb::StoredCredentialReason::Unscheduled => Some(StorageReason::Unscheduled),
        pb::StoredCredentialReason::Unspecified => {
            fields.refuse("reason", "must be a StoredCredentialReason");
            None
        }
    };
    let rule = formats::text(MAX_TRANSACTION_ID);
    let network_transaction_id = fields.optional("network_transaction_id", sent.network_transaction_id, rule);
    Some(StoredCredential { initiator: initiator?, reason: reason?, network_transaction_id })
}

fn card(fields: &mut Fields, sent: pb::Card, cvv: &str, now: Timestamp) -> Card {
    let without_cvv = pb::CardToSave {
        number: sent.number,
        expiry_month: sent.expiry_month,
        expiry_year: sent.expiry_year,
        holder_name: sent.holder_name,
    };
    let cvv = cards::cvv(fields, cvv);
    Card { cvv: Some(cvv), ..cards::card(fields, without_cvv, now) }
}

fn three_d_secure(fields: &mut Fields, sent: pb::ThreeDSecure) -> ThreeDSecure {
    let cavv = Zeroizing::new(fields.optional("cavv", sent.cavv, formats::cavv));
    ThreeDSecure {
        version: fields.optional("version", sent.version, formats::text(MAX_VERSION)),
        eci: fields.optional("eci", sent.eci, formats::eci),
        cavv: SecretString::from(cavv.as_str()),
        xid: fields.optional("xid", sent.xid, formats::text(MAX_TRANSACTION_ID)),
        ds_transaction_id: fields.optional(
            "ds_transaction_id",
            sent.ds_transaction_id,
            formats::text(MAX_TRANSACTION_ID),
        ),
    }
}

fn browser_info(fields: &mut Fields, sent: pb::BrowserInfo) -> BrowserInfo {
    let offset = -MAX_TIMEZONE_OFFSET..=MAX_TIMEZONE_OFFSET;
    BrowserInfo {
        ip: Private::new(fields.optional("ip", sent.ip, formats::ip)),
        user_agent: fields.optional("user_agent", sent.user_agent, formats::text(MAX_HEADER)),
        accept_header: fields.optional("accept_header", sent.accept_header, formats::text(MAX_HEADER)),
        language: fields.optional("language", sent.language, formats::language),
        color_depth: fields.optional_number("color_depth", sent.color_depth, 0..=MAX_COLOR_DEPTH),
        screen_height: fields.optional_number("screen_height", sent.screen_height, 0..=MAX_PIXELS),
        screen_width: fields.optional_number("screen_width", sent.screen_width, 0..=MAX_PIXELS),
        window_height: fields.optional_number("window_height", sent.window_height, 0..=MAX_PIXELS),
        window_width: fields.optional_number("window_width", sent.window_width, 0..=MAX_PIXELS),
        timezone_offset_minutes: fields.optional_number(
            "timezone_offset_minutes",
            sent.timezone_offset_minutes,
            offset,
        ),
        java_enabled: sent.java_enabled,
        javascript_enabled: sent.javascript_enabled,
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::domain::ids::Ids;

    fn request(source: Option<Sent>) -> pb::ConfirmPaymentIntentRequest {
        pb::ConfirmPaymentIntentRequest {
            payment_intent_id: PaymentIntentId::generate(&Ids::system()).payment_id(),
            source,
            ..Default::default()
        }
    }

    fn card() -> pb::Card {
        pb::Card {
            number: "4111-1111-1111-1111".to_owned(),
            expiry_month: 12,
            expiry_year: 2030,
            cvv: "987".to_owned(),
            holder_name: "Jane Doe".to_owned(),
        }
    }

    fn confirm(mut message: pb::ConfirmPaymentIntentRequest) -> Result<Confirmation<PaymentMethodId>, Vec<String>> {
        let mut fields = Fields::default();
        let cvv = take_cvv(&mut message);
        let input = read(&mut fields, message, &cvv, Timestamp::parse_rfc3339("2026-11-23T10:00:00Z").unwrap());
        let read = fields.finish(input).map(|(_, confirmation)| confirmation);
        read.map_err(|error| error.violations.iter().map(|wrong| wrong.field.clone()).collect())
    }

    #[test]
    fn the_cvv_reaches_the_card_but_not_what_is_fingerprinted() {
        let mut message = request(Some(Sent::Card(card())));
        let without = pb::Card { cvv: String::new(), ..card() };
        let expected = pb::ConfirmPaymentIntentRequest { source: Some(Sent::Card(without)), ..message.clone() };
        let cvv = take_cvv(&mut message);
        assert_eq!(*cvv, "987");
        assert!(message.encode_to_vec() == expected.encode_to_vec(), "what is left is not the message without its CVV");

        let confirmation = confirm(request(Some(Sent::Card(card())))).unwrap();
        let PaymentSource::Card(card) = confirmation.source else { panic!("not a card") };
        assert_eq!(card.cvv.unwrap().expose_secret(), "987");
        assert_eq!(card.number.expose_secret(), "4111111111111111");
    }

    #[test]
    fn something_to_pay_with_is_required() {
        assert_eq!(confirm(request(None)).unwrap_err(), ["card"]);
        assert_eq!(confirm(request(Some(Sent::PaymentMethodId(String::new())))).unwrap_err(), ["payment_method_id"]);
        let id = PaymentMethodId::generate(&Ids::system());
        let confirmation = confirm(request(Some(Sent::PaymentMethodId(id.to_string())))).unwrap();
        assert!(matches!(confirmation.source, PaymentSource::Saved(saved) if saved == id));
    }

    #[test]
    fn everything_wrong_with_a_confirmation_is_told_at_once() {
        let message = pb::ConfirmPaymentIntentRequest {
            payment_intent_id: String::new(),
            source: Some(Sent::Card(pb::Card { cvv: "12".to_owned(), expiry_month: 1, ..card() })),
            three_d_secure: Some(pb::ThreeDSecure { eci: "5".to_owned(), cavv: "?".to_owned(), ..Default::default() }),
            browser_info: Some(pb::BrowserInfo {
                ip: "here".to_owned(),
                color_depth: Some(49),
                screen_width: Some(-1),
                timezone_offset_minutes: Some(841),
                ..Default::default()
            }),
            save_payment_method: true,
            stored_credential: Some(pb::StoredCredential { reason: 9, ..Default::default() }),
        };
        let expected = [
            "payment_intent_id",
            "card.cvv",
            "three_d_secure.cavv",
            "three_d_secure.eci",
            "browser_info.ip",
            "browser_info.color_depth",
            "browser_info.screen_width",
            "browser_info.timezone_offset_minutes",
            "stored_credential.initiator",
            "stored_credential.reason",
        ];
        assert_eq!(confirm(message).unwrap_err(), expected);
    }

    #[test]
    fn what_makes_no_sense_beside_the_source_is_refused() {
        let saved = || Some(Sent::PaymentMethodId(PaymentMethodId::generate(&Ids::system()).to_string()));
        let other = |kind: &str| pb::OtherMethod { payment_method_type: kind.to_owned(), ..Default::default() };
        let save = |source| pb::ConfirmPaymentIntentRequest { save_payment_method: true, ..request(source) };
        assert_eq!(confirm(save(saved())).unwrap_err(), ["save_payment_method"]);
        for source in [Sent::Card(card()), Sent::Other(other("qr")), Sent::HostedPage(pb::HostedPage {})] {
            assert!(confirm(save(Some(source.clone()))).unwrap().save_payment_method);
            let three_d_secure = Some(pb::ThreeDSecure::default());
            let secured = confirm(pb::ConfirmPaymentIntentRequest { three_d_secure, ..request(Some(source.clone())) });
            assert_eq!(secured.is_ok(), matches!(source, Sent::Card(_)));
        }
        for wrong in ["", "card", "QR"] {
            let source = Some(Sent::Other(other(wrong)));
            assert_eq!(confirm(request(source)).unwrap_err(), ["other.payment_method_type"], "{wrong}");
        }
    }
}
