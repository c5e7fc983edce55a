//! What ConfirmPaymentIntent pays with: a card that is read, used once and wiped, or a saved payment method.

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::{
    app::payment_intents::SourceInput,
    domain::{
        card::Card,
        clock::Timestamp,
        confirmation::{BrowserInfo, Confirmation, ThreeDSecure},
        ids::{PaymentIntentId, PaymentMethodId},
        private::Private,
    },
    pb,
    pb::confirm_payment_intent_request::Source,
};

use super::{cards, fields::Fields, formats, payment_methods::PAYMENT_METHOD_ID};

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
        Some(Source::Card(card)) => Zeroizing::new(std::mem::take(&mut card.cvv)),
        Some(Source::PaymentMethodId(_)) | None => Zeroizing::default(),
    }
}

/// Reads a confirmation whose CVV was taken out, at the time `now`.
pub(super) fn read(
    fields: &mut Fields,
    message: pb::ConfirmPaymentIntentRequest,
    cvv: &str,
    now: Timestamp,
) -> Option<(PaymentIntentId, Confirmation<SourceInput>)> {
    let id = fields.payment_intent_id("payment_intent_id", &message.payment_intent_id);
    let source = match message.source {
        Some(Source::Card(sent)) => {
            Some(SourceInput::Card(fields.within("card", |fields| card(fields, sent, cvv, now))))
        }
        Some(Source::PaymentMethodId(sent)) => {
            fields.id("payment_method_id", &sent, PaymentMethodId::parse, PAYMENT_METHOD_ID).map(SourceInput::Saved)
        }
        None => {
            fields.refuse("card", "one of card and payment_method_id is required");
            None
        }
    };
    let three_d_secure =
        message.three_d_secure.map(|sent| fields.within("three_d_secure", |fields| three_d_secure(fields, sent)));
    let browser_info =
        message.browser_info.map(|sent| fields.within("browser_info", |fields| browser_info(fields, sent)));
    Some((id?, Confirmation { source: source?, three_d_secure, browser_info }))
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

    fn request(source: Option<Source>) -> pb::ConfirmPaymentIntentRequest {
        pb::ConfirmPaymentIntentRequest {
            payment_intent_id: PaymentIntentId::generate().payment_id(),
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

    fn confirm(mut message: pb::ConfirmPaymentIntentRequest) -> Result<Confirmation<SourceInput>, Vec<String>> {
        let mut fields = Fields::default();
        let cvv = take_cvv(&mut message);
        let input = read(&mut fields, message, &cvv, Timestamp::parse_rfc3339("2026-11-23T10:00:00Z").unwrap());
        let read = fields.finish(input).map(|(_, confirmation)| confirmation);
        read.map_err(|error| error.violations.iter().map(|wrong| wrong.field.clone()).collect())
    }

    #[test]
    fn the_cvv_reaches_the_card_but_not_what_is_fingerprinted() {
        let mut message = request(Some(Source::Card(card())));
        let without = pb::Card { cvv: String::new(), ..card() };
        let expected = pb::ConfirmPaymentIntentRequest { source: Some(Source::Card(without)), ..message.clone() };
        let cvv = take_cvv(&mut message);
        assert_eq!(*cvv, "987");
        assert!(message.encode_to_vec() == expected.encode_to_vec(), "what is left is not the message without its CVV");

        let confirmation = confirm(request(Some(Source::Card(card())))).unwrap();
        let SourceInput::Card(card) = confirmation.source else { panic!("not a card") };
        assert_eq!(card.cvv.unwrap().expose_secret(), "987");
        assert_eq!(card.number.expose_secret(), "4111111111111111");
    }

    #[test]
    fn something_to_pay_with_is_required() {
        assert_eq!(confirm(request(None)).unwrap_err(), ["card"]);
        assert_eq!(confirm(request(Some(Source::PaymentMethodId(String::new())))).unwrap_err(), ["payment_method_id"]);
        let id = PaymentMethodId::generate();
        let confirmation = confirm(request(Some(Source::PaymentMethodId(id.to_string())))).unwrap();
        assert!(matches!(confirmation.source, SourceInput::Saved(saved) if saved == id));
    }

    #[test]
    fn everything_wrong_with_a_confirmation_is_told_at_once() {
        let message = pb::ConfirmPaymentIntentRequest {
            payment_intent_id: String::new(),
            source: Some(Source::Card(pb::Card { cvv: "12".to_owned(), expiry_month: 1, ..card() })),
            three_d_secure: Some(pb::ThreeDSecure { eci: "5".to_owned(), cavv: "?".to_owned(), ..Default::default() }),
            browser_info: Some(pb::BrowserInfo {
                ip: "here".to_owned(),
                color_depth: Some(49),
                screen_width: Some(-1),
                timezone_offset_minutes: Some(841),
                ..Default::default()
            }),
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
        ];
        assert_eq!(confirm(message).unwrap_err(), expected);
    }
}
