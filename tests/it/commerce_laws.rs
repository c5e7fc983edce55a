//! The laws of `fuzz/laws` on answers and callbacks that are made at random: as the fuzzers try them, but in a second, and nearer to
//! what can be read.

use proptest::{collection::vec, prelude::*, sample::select};

use crate::fuzzing::laws::{BETWEEN_ANSWERS, amounts, answers, callbacks};

/// Values of members, as they are written: of the right form, at the limits, and of other forms.
const VALUES: [&str; 46] = [
    "null",
    "[]",
    "{}",
    "true",
    "\"\"",
    "0",
    "-0",
    "-1",
    "1",
    "10.5",
    "10.50",
    "10.5000000000000001",
    "10.499",
    "10.4999999999999",
    "0.1",
    "1e1",
    "1e400",
    "1e-400",
    "1E+2",
    "-1e9999999999999999999",
    "9223372036854775807",
    "92233720368547758.07",
    "92233720368547758.08",
    "79228162514264337593543950335",
    "0.0000000000000000000000000001",
    "\"10.50\"",
    "\" 10.5 \"",
    "\"ten\"",
    "1700000000",
    "1700000001",
    "1800000000000",
    "253402300800",
    "99999999999.9999999",
    "\"2026-11-23T10:00:00Z\"",
    "\"$REF\"",
    "\"$ID\"",
    "\"EUR\"",
    "\"eur\"",
    "\"JPY\"",
    "\"XXX\"",
    "\"https://corefy.test/hpp\"",
    "[{\"id\":\"ref_1\",\"status\":\"processed\",\"amount\":10.5,\"currency\":\"EUR\",\"reference_id\":\"re_1\"},7]",
    "{\"token\":\"t\",\"payment_card\":{\"brand\":\"visa\",\"last\":\"1111\",\"expiry_month\":13,\"expiry_year\":9}}",
    "{\"action\":\"https://corefy.test\",\"method\":\"POST\",\"params\":{\"MD\":\"1\",\"n\":1.5},\"metadata\":{\"token\":\"a.e30.b\"}}",
    "[{\"id\":\"ref_1\",\"status\":\"processed\",\"amount\":92233720368547758.07,\"currency\":\"EUR\"},{\"id\":\"ref_2\",\"status\":\"processed\",\"amount\":92233720368547758.07,\"currency\":\"EUR\"}]",
    "[[[[[[[[[[1]]]]]]]]]]",
];

/// The members that are read of an invoice, a refund, a sale, an account, an error or a service.
const MEMBERS: [&str; 27] = [
    "status",
    "resolution",
    "resolution_message",
    "reference_id",
    "amount",
    "currency",
    "processed_amount",
    "refunded_amount",
    "charged_back_amount",
    "refunds",
    "flow_data",
    "hpp_url",
    "payload",
    "created",
    "updated",
    "auth_payload",
    "test_mode",
    "currency_accounts",
    "services",
    "fields",
    "method",
    "token",
    "code",
    "title",
    "detail",
    "message",
    "source",
];

const STATUSES: [&str; 20] = [
    "created",
    "processing",
    "process_pending",
    "process_error",
    "processed",
    "partially_processed",
    "process_failed",
    "expired",
    "terminated",
    "refunding",
    "refund_pending",
    "partially_refunded",
    "refunded",
    "refund_failed",
    "charged_back",
    "partially_charged_back",
    "verified",
    " Processed ",
    "on_hold",
    "",
];

/// The forms of a document around its members.
const FORMS: [(&str, &str); 6] = [
    (r#"{"data":{"type":"payment-invoices","id":"$ID","attributes":"#, "}}"),
    (r#"{"data":[{"type":"payment-invoices","id":"$ID","attributes":"#, "}]}"),
    (r#"{"data":{"type":"refunds","id":"ref_1","attributes":"#, "}}"),
    ("", ""),
    (r#"{"errors":["#, "]}"),
    (r#"{"data":{"services":{"ideal_eur_hpp":"#, r#"}}}"#),
];

/// Amounts as they are written: the right one twice as often as the others.
const AMOUNTS: [&str; 9] =
    ["10.5", "10.50", "null", "0", "-10.5", "10.5000000000000001", "5", "92233720368547758.07", "92233720368547758.08"];

/// The members of an invoice or a refund with these amounts, in this status.
fn attributes(status: &str, [amount, processed, refunded, charged_back, of_refund]: [&str; 5], other: &str) -> String {
    let refund = |id| {
        format!(r#"{{"id":"{id}","status":"processed","amount":{of_refund},"currency":"EUR","reference_id":"{id}"}}"#)
    };
    let refunds = format!("[{},{}]", refund("re_1"), refund("re_2"));
    format!(
        r#"{{"status":"{status}","amount":{amount},"processed_amount":{processed},"refunded_amount":{refunded},
        "charged_back_amount":{charged_back},"refunds":{refunds},"currency":"EUR","reference_id":"$REF",
        "updated":1700000100,"hpp_url":"https://corefy.test/hpp"{other}}}"#
    )
}

/// Members of an object: such as an invoice has, of which some are replaced or new, because a later one counts.
fn members() -> impl Strategy<Value = String> {
    let other = prop_oneof![Just(Vec::new()), vec((select(&MEMBERS[..]), select(&VALUES[..])), 1..5)];
    let amounts = prop::array::uniform5(select(&AMOUNTS[..]));
    (select(&STATUSES[..]), amounts, other).prop_map(|(status, amounts, other)| {
        let other: String = other.iter().map(|(name, value)| format!(r#","{name}":{value}"#)).collect();
        attributes(status, amounts, &other)
    })
}

/// A document, whole or cut, with a byte that was changed or not.
fn document() -> impl Strategy<Value = Vec<u8>> {
    let damage = prop_oneof![4 => Just(None), 1 => any::<(prop::sample::Index, u8, bool)>().prop_map(Some)];
    (select(&FORMS[..]), members(), damage).prop_map(|((before, after), members, damage)| {
        let mut bytes = [before, &members, after].concat().into_bytes();
        if let Some((place, byte, is_cut)) = damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
            bytes.truncate(if is_cut { place + 1 } else { bytes.len() });
        }
        bytes
    })
}

/// The byte for the status, then a document, or one for lookups and one for everything else.
fn answer() -> impl Strategy<Value = Vec<u8>> {
    let status = prop_oneof![3 => 0..2_u8, 1 => any::<u8>()];
    let for_lookups = members().prop_map(|members| [&in_list(&members).into_bytes()[..], &[BETWEEN_ANSWERS]].concat());
    let for_lookups = prop_oneof![Just(Vec::new()), for_lookups];
    (status, for_lookups, document())
        .prop_map(|(status, for_lookups, document)| [&[status], &for_lookups[..], &document].concat())
}

fn in_list(members: &str) -> String {
    let (before, after) = FORMS[1];
    [before, members, after].concat()
}

#[test]
fn the_laws_look_at_every_answer_that_can_be_read() {
    let read = |status: u8, members: &str| {
        let (before, after) = FORMS[0];
        let single = [before, members, after].concat();
        answers::any_answer_of_commerce_is_read(
            &[&[status], in_list(members).as_bytes(), &[BETWEEN_ANSWERS], single.as_bytes()].concat(),
        )
    };
    let paid = |other: &str| attributes("processed", ["10.5", "10.5", "0", "0", "1"], other);
    let token = r#","flow_data":{"metadata":{"token":"e30.eyJleHAiOjQ4NTM2MDAwMDB9.c2ln"}}"#;
    for failure in 8..14 {
        assert_eq!(
            read(failure, &paid("")),
            0,
            "an answer with the status {}",
            answers::STATUSES[usize::from(failure)]
        );
    }
    assert_eq!((read(1, "{}"), read(1, &paid("")), read(1, &paid(token))), (17, 23, 27));
}

/// An amount of each length and in each form.
fn amount() -> impl Strategy<Value = Vec<u8>> {
    let number = (0..64_u32, any::<u64>()).prop_map(|(shift, number)| number >> shift);
    (number, any::<u8>(), any::<u8>())
        .prop_map(|(number, currency, form)| [&number.to_le_bytes()[..], &[currency, form]].concat())
}

proptest! {
    // Each case is thirty calls; PROPTEST_CASES makes more of all.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]

    #[test]
    fn an_answer_that_can_nearly_be_read_breaks_no_law(answer in answer()) {
        let _ = answers::any_answer_of_commerce_is_read(&answer);
    }

    #[test]
    fn an_answer_of_any_bytes_breaks_no_law(bytes in vec(any::<u8>(), 0..200)) {
        let _ = answers::any_answer_of_commerce_is_read(&bytes);
    }
}

proptest! {
    #[test]
    fn an_amount_is_sent_and_read_as_it_is(bytes in amount()) {
        amounts::any_amount_stays_what_it_is(&bytes);
    }

    #[test]
    fn only_a_callback_that_was_signed_byte_for_byte_is_verified(
        (change, mode) in (any::<[u8; 3]>(), select(&["true", "false", "1", "null", "{}"][..])), body in vec(any::<u8>(), 0..200),
    ) {
        callbacks::only_what_was_signed_is_verified_by_commerce(&[&change[..], &body].concat());
        let told = format!(r#"{{"data":{{"type":"payment-invoices","attributes":{{"test_mode":{mode}}}}}}}"#);
        callbacks::only_what_was_signed_is_verified_by_commerce(&[&change[..], told.as_bytes()].concat());
    }
}
