//! Rules by examples.

use corefy_gateway::pb;
use tonic::Status;

use crate::support::{client::APPROVED, refusal::wrong_fields};

/// A card number among words.
const PAID_WITH: &str = "paid with 4111 1111 1111 1111";

/// One field's rule by examples.
pub struct FieldRule<R> {
    field: &'static str,
    set: fn(&mut R, String),
    fits: Vec<String>,
    does_not: Vec<String>,
}

pub fn rule<R>(field: &'static str, set: fn(&mut R, String), fits: &[&str], does_not: &[&str]) -> FieldRule<R> {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    FieldRule { field, set, fits: owned(fits), does_not: owned(does_not) }
}

/// The rule of a text of at most `max` characters, of any script but without control characters.
pub fn bounded<R>(field: &'static str, set: fn(&mut R, String), max: usize) -> FieldRule<R> {
    let (longest, too_long) = ("ü".repeat(max), "ü".repeat(max + 1));
    rule(field, set, &[&longest], &[&too_long, "a\nb", "a\0b", "\u{7f}", "\u{85}"])
}

/// The rule of words of the caller's own that are kept: a bounded text without card numbers.
pub fn words<R>(field: &'static str, set: fn(&mut R, String), max: usize) -> FieldRule<R> {
    let mut rule = bounded(field, set, max);
    rule.does_not.push(APPROVED.to_owned());
    rule
}

/// Sends `base` with each example in its field.
pub async fn judge<R: Clone>(base: R, rules: Vec<FieldRule<R>>, send: impl AsyncFn(R) -> Result<(), Status>) {
    for FieldRule { field, set, fits, does_not } in rules {
        let with = |text: &String| {
            let mut request = base.clone();
            set(&mut request, text.clone());
            request
        };
        for text in &fits {
            send(with(text)).await.unwrap_or_else(|status| panic!("{field} {text:?}: {status:?}"));
        }
        for text in &does_not {
            assert_eq!(wrong_fields(send(with(text)).await), [field], "{text:?}");
        }
    }
}

/// The rule of a text of at most `max` characters, which may have lines and tabs but no other control characters.
pub fn prose<R>(field: &'static str, set: fn(&mut R, String), max: usize) -> FieldRule<R> {
    let (longest, too_long) = ("ü".repeat(max), "ü".repeat(max + 1));
    rule(
        field,
        set,
        &[&longest, "a\nb", "a\r\n\tb\n"],
        &[&too_long, "a\0b", "\u{7f}", "\u{85}", "\u{1b}[31m", PAID_WITH],
    )
}

/// The rule of a reference: a text that no other looks like.
pub fn reference<R>(set: fn(&mut R, String)) -> FieldRule<R> {
    let (longest, too_long) = ("ü".repeat(100), "ü".repeat(101));
    let fits = [&longest, "order 7", "注文-7"];
    let does_not = [
        &too_long,
        "a\nb",
        "a\0b",
        " ",
        "order ",
        " order",
        "order\u{a0}",
        "or\u{2009}der",
        "or\u{200b}der",
        "order\u{200d}",
        "\u{feff}order",
        "\u{202e}redro",
        "Gro\u{308}ße",
        APPROVED,
    ];
    rule("reference_id", set, &fits, &does_not)
}

pub const EMAILS: [&str; 5] = [
    "jane@example.com",
    "jane.doe+tag@mail.example.co.uk",
    "o'neil@example.com",
    "jane@xn--kse-qla.example",
    "jane@käse.example",
];
pub const NO_EMAILS: [&str; 12] = [
    "jane",
    "jane@",
    "@example.com",
    "jane@localhost",
    "Jane <jane@example.com>",
    "a b@example.com",
    "user@exam!ple.com",
    "user@example.com/x",
    "user@example.com#frag",
    "user@192.0.2.1",
    "user@[192.0.2.1]",
    "a@b.c_d",
];
pub const PHONES: [&str; 3] = ["", "+1 (415) 555-2671", "415.555.2671"];
pub const NO_PHONES: [&str; 6] =
    ["call me", "+-+", "555x123", "123456789012345678901", "+1 555 0100 x22", "+1-415-555-2671;ext=22"];
pub const NO_COUNTRIES: [&str; 6] = ["de", "DEU", "XX", "Germany", "xk", "EU"];

/// The address, made if need be.
pub fn at(address: &mut Option<pb::Address>) -> &mut pb::Address {
    address.get_or_insert_default()
}
