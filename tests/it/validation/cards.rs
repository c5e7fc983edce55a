//! The rules of a card, and of the data about the payer beside it.

use corefy_gateway::pb::{self, confirm_payment_intent_request::Source};

use super::rules::{bounded, judge, rule, words};
use crate::support::{
    app::TestApp,
    client::{APPROVED, card, confirmation},
    database::TestDatabase,
    refusal::wrong_fields,
};

crate::on_both!(a_card_s_fields_follow_their_rules, an_authentication_s_and_a_browser_s_fields_follow_their_rules);

async fn a_card_s_fields_follow_their_rules(database: TestDatabase) {
    type R = pb::Card;
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let numbers = [
        APPROVED,
        "4111-1111 1111-1111",
        "4111\u{a0}1111\u{2009}1111\u{2011}1111",
        "4111.1111.1111.1111\t\n",
        "378282246310005",
        "6304000000000000",
    ];
    let no_numbers =
        ["", "4111111111111112", "41111111111", "41111111111111111111", "4111x11111111111", "3782822463100005"];
    let rules = vec![
        rule("card.number", |r: &mut R, v| r.number = v, &numbers, &no_numbers),
        rule("card.cvv", |r, v| r.cvv = v, &["123", "1234"], &["", "12", "12345", "12a", "1 3"]),
        rule("card.expiry_month", |r, v| r.expiry_month = v.parse().unwrap(), &["1", "12"], &["0", "13", "-1"]),
        // The clock of the tests says November 2026.
        rule(
            "card.expiry_month",
            |r, v| (r.expiry_year, r.expiry_month) = (2026, v.parse().unwrap()),
            &["11"],
            &["10", "1"],
        ),
        rule(
            "card.expiry_year",
            |r, v| r.expiry_year = v.parse().unwrap(),
            &["2026", "9999"],
            &["0", "26", "2025", "10000"],
        ),
        words("card.holder_name", |r, v| r.holder_name = v, 100),
    ];
    judge(card(APPROVED), rules, async |card| {
        let intent = client.intent("1.00").await;
        let request =
            pb::ConfirmPaymentIntentRequest { source: Some(Source::Card(card)), ..confirmation(&intent.id, "") };
        client.confirm_payment_intent(request).await.map(|_| ())
    })
    .await;
}

async fn an_authentication_s_and_a_browser_s_fields_follow_their_rules(database: TestDatabase) {
    type R = pb::ConfirmPaymentIntentRequest;
    fn secure(request: &mut R) -> &mut pb::ThreeDSecure {
        request.three_d_secure.get_or_insert_default()
    }
    fn browser(request: &mut R) -> &mut pb::BrowserInfo {
        request.browser_info.get_or_insert_default()
    }
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let pixels = (&["0", "100000"], &["-1", "100001"]);
    let offset: fn(&mut R, String) = |r, v| browser(r).timezone_offset_minutes = v.parse().ok();
    let rules = vec![
        rule("three_d_secure.eci", |r: &mut R, v| secure(r).eci = v, &["", "05"], &["5", "055", "0a"]),
        rule("three_d_secure.cavv", |r, v| secure(r).cavv = v, &["", "AAAB"], &["?", "AAA", &"A".repeat(68)]),
        bounded("three_d_secure.version", |r, v| secure(r).version = v, 10),
        bounded("three_d_secure.xid", |r, v| secure(r).xid = v, 64),
        bounded("three_d_secure.ds_transaction_id", |r, v| secure(r).ds_transaction_id = v, 64),
        rule("browser_info.ip", |r, v| browser(r).ip = v, &["", "10.0.0.1", "2001:db8::1"], &["10.0.0", "::g", "host"]),
        rule(
            "browser_info.language",
            |r, v| browser(r).language = v,
            &["", "en", "en-US", "zh-Hant-TW"],
            &["en_US", "e n", "-"],
        ),
        bounded("browser_info.user_agent", |r, v| browser(r).user_agent = v, 2048),
        bounded("browser_info.accept_header", |r, v| browser(r).accept_header = v, 2048),
        rule("browser_info.color_depth", |r, v| browser(r).color_depth = v.parse().ok(), &["0", "48"], &["-1", "49"]),
        rule("browser_info.screen_height", |r, v| browser(r).screen_height = v.parse().ok(), pixels.0, pixels.1),
        rule("browser_info.screen_width", |r, v| browser(r).screen_width = v.parse().ok(), pixels.0, pixels.1),
        rule("browser_info.window_height", |r, v| browser(r).window_height = v.parse().ok(), pixels.0, pixels.1),
        rule("browser_info.window_width", |r, v| browser(r).window_width = v.parse().ok(), pixels.0, pixels.1),
        rule("browser_info.timezone_offset_minutes", offset, &["-840", "840"], &["-841", "841"]),
    ];
    judge(confirmation("", APPROVED), rules, async |mut request| {
        request.payment_intent_id = client.intent("1.00").await.id;
        client.confirm_payment_intent(request).await.map(|_| ())
    })
    .await;
    let intent = client.intent("1.00").await;
    let nothing = R { source: None, ..confirmation(&intent.id, APPROVED) };
    assert_eq!(wrong_fields(client.confirm_payment_intent(nothing).await), ["card"]);
}
