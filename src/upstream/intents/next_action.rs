//! The step of a payer, read from an answer.

use super::wire;
use crate::domain::next_action::{DisplayDetails, DisplayKind, NextAction, Redirect};
use crate::domain::private::Private;
use crate::upstream::{payer_page::payer_page, sanitize};

/// The longest details that are shown to a payer, in characters: a QR code holds no more.
const LONGEST_DETAILS: usize = 4096;
/// The longest instructions for a payer, in characters; longer ones are cut.
const LONGEST_INSTRUCTIONS: usize = 2000;

/// The step of the payer, when it is one that we know: details to show, or a web page to go to, whatever its kind is called.
pub fn next_action(action: wire::WireNextAction) -> Option<NextAction> {
    match DisplayKind::parse(&sanitize::code(&action.kind)) {
        Some(kind) => display(kind, action).map(NextAction::Display),
        None => redirect(&action.url).map(NextAction::Redirect),
    }
}

fn redirect(url: &str) -> Option<Redirect> {
    payer_page(url).map(|url| Redirect { url, method: "GET".to_owned(), params: Default::default() })
}

/// Details are shown as they are or not at all: a part of an account number would lead the money elsewhere.
fn display(kind: DisplayKind, action: wire::WireNextAction) -> Option<DisplayDetails> {
    let data = action.data.trim();
    let is_text = !data.is_empty() && !data.contains(|c: char| c.is_control() && c != '\n');
    (is_text && data.chars().count() <= LONGEST_DETAILS).then(|| DisplayDetails {
        kind,
        data: Private::new(data),
        text: Private::new(instructions(&action.text)),
        expires_at: action.expires_at.map(|moment| moment.0),
    })
}

/// Sentences with their line breaks, without other control characters.
fn instructions(told: &str) -> String {
    let is_shown = |c: &char| !c.is_control() || *c == '\n';
    told.trim().chars().filter(is_shown).take(LONGEST_INSTRUCTIONS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::Timestamp;
    use crate::upstream::payer_page::LONGEST_URL;
    use serde_json::{Value, json};

    fn read(action: Value) -> Option<NextAction> {
        next_action(serde_json::from_value(action).unwrap())
    }

    fn address(action: Value) -> Option<String> {
        match read(action)? {
            NextAction::Redirect(redirect) => Some(redirect.url.expose().to_owned()),
            NextAction::Display(details) => panic!("{details:?}"),
        }
    }

    #[test]
    fn a_payer_is_sent_only_to_a_web_page() {
        let url = |url: &str| address(json!({"type": "redirect", "url": url}));
        assert_eq!(url("https://bank.test/3ds").as_deref(), Some("https://bank.test/3ds"));
        for wrong in ["", "bank.test", "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd"] {
            assert_eq!(url(wrong), None, "{wrong}");
        }
        let long = |length: usize| format!("https://bank.test/{}", "x".repeat(length - 18));
        for action in [
            json!({"type": null, "url": "https://bank.test/3ds"}),
            json!({"url": " https://bank.test/3ds\n"}),
            json!({"type": "redirect", "url": long(8000)}),
            json!({"type": "a_new_kind", "url": "https://bank.test/3ds"}),
            json!({"type": [], "url": long(LONGEST_URL)}),
        ] {
            assert!(address(action.clone()).is_some(), "{action}");
        }
        assert_eq!(url(&long(LONGEST_URL + 1)), None);
    }

    #[test]
    fn details_are_read_whole_or_not_at_all() {
        // Digits that satisfy the Luhn check: what a payer has to type is never masked.
        let voucher = "4111111111111111";
        for kind in DisplayKind::ALL {
            let action =
                json!({"type": kind.as_str(), "data": voucher, "text": "Pay\nsoon.\u{7}", "expires_at": 1_800_000_000});
            let Some(NextAction::Display(details)) = read(action) else { panic!("{kind:?}") };
            assert_eq!((details.kind, details.data.expose()), (kind, voucher));
            assert_eq!(details.text.expose(), "Pay\nsoon.");
            assert_eq!(details.expires_at, Some(Timestamp::from_seconds(1_800_000_000)));
        }
        let bare = read(json!({"type": "QrCode", "data": "a\nb", "text": [], "expires_at": "soon"}));
        let Some(NextAction::Display(bare)) = bare else { panic!("{bare:?}") };
        assert_eq!((bare.data.expose(), bare.text.expose(), bare.expires_at), ("a\nb", "", None));
        for odd in [json!(""), json!(null), json!("a\u{0}b"), json!({}), json!("x".repeat(LONGEST_DETAILS + 1))] {
            assert_eq!(read(json!({"type": "qr_code", "data": odd})), None, "{odd}");
        }
        assert_eq!(read(json!({"type": "a_new_kind", "data": "123"})), None);
    }

    #[test]
    fn no_step_of_a_payer_is_printed() {
        let details = read(json!({"type": "voucher", "data": "canary", "text": "canary"})).unwrap();
        let page = read(json!({"url": "https://bank.test/canary"})).unwrap();
        assert!(!format!("{details:?} {page:?}").contains("canary"));
    }
}
