//! Secrets that go through everything and are found nowhere: not in the log of the program at its most talkative, not
//! in its database, not in an error. And yet what belongs to the caller comes back.

use std::net::{Ipv4Addr, SocketAddr};

use corefy_gateway::{
    config::local::SandboxKeys,
    domain::{
        environment::Environment, ids::PartnerId, key_pair::KeyPair, list_filters::ApiCallFilter,
        master_key::MasterKey, randomness::Randomness,
    },
    pb::{self, confirm_payment_intent_request::Source, create_payment_method_request::Details},
    sandbox::{Sandbox, faults::Fault},
};
use secrecy::ExposeSecret as _;
use serde_json::json;
use tonic::Status;
use url::Url;

use crate::{
    on_both,
    support::{
        app::{http_client, start_sandbox},
        client::{Client, card, keyed, new_key, new_refund},
        database::TestDatabase,
        program::{Program, output},
        requests::saved_as,
    },
};

on_both![secrets_are_found_nowhere];

const APPROVED: &str = "4012888888881881";
const DECLINED: &str = "4000000000009995";
const CHARGED_AND_CUT: &str = "4000000000004442";
const REFUSED: &str = "4222222222222220";
/// The card that the sandbox quotes when the request has none.
const QUOTED: &str = "4111111111111111";
const CVV: &str = "7319";
const HOLDER: &str = "Canary Holder";
const EMAIL: &str = "canary.payer@example.com";
const NAME: &str = "Canary Payer";
const PHONE: &str = "+4915112345678";
const STREET: &str = "Canary Street 77";
const CAVV: &str = "Y2FuYXJ5LWNhdnYtMTIzNDU2Nzg=";
const TOKEN: &str = "canary-wallet-token";
const MASTER_KEY: &str = "canary-master-key-0123456789abcdef";
const CONFIRM: &str = "/v1/payment-intents/{id}/confirm";

/// The gateway as a program, its Corefy, and all errors it ever answered.
struct Stage {
    client: Client,
    sandbox: Sandbox,
    http: String,
    errors: Vec<Status>,
}

async fn secrets_are_found_nowhere(database: TestDatabase) {
    let (sandbox, _stop) = start_sandbox(&Environment::system()).await;
    let corefy = sandbox.base_url();
    let directory = tempfile::tempdir().unwrap();
    let keys = SandboxKeys::default();
    let variables = [
        ("COREFY_API_KEY", keys.api_key.expose_secret()),
        ("COREFY_SECRET_KEY", keys.secret_key.expose_secret()),
        ("COREFY_CLIENT_KEY", keys.client_key.expose_secret()),
        ("COREFY_WEBHOOK_SECRET", keys.webhook_secret.expose_secret()),
        ("COREFY_BASE_URL", corefy.as_str()),
        ("COREFY_TIMEOUT_SECONDS", "2"),
        ("COREFY_RETRY_COUNT", "0"),
        ("DATABASE_URL", database.url()),
        ("GATEWAY_MASTER_KEY", MASTER_KEY),
        ("GATEWAY_GRPC_ADDR", "127.0.0.1:0"),
        ("GATEWAY_HTTP_ADDR", "127.0.0.1:0"),
        ("GATEWAY_LOG", "info,corefy_gateway=trace"),
    ];
    let create = ["keys", "create", "--partner-name=Acme", "--key-name=Backend"];
    let created = output(directory.path(), &create, &variables[7..9]);
    let key = String::from_utf8(created.stdout).unwrap().trim().to_owned();
    let mut program = Program::start(directory.path(), &["serve"], &variables);
    let grpc = program.word_after("grpc=").await;
    let http = program.word_after("http=").await;
    sandbox.set_webhook_url(Url::parse(&format!("http://{http}/webhooks/corefy")).ok());
    let client = Client::connect(grpc.parse().unwrap(), &key).await;
    let mut stage = Stage { client, sandbox, http, errors: Vec::new() };

    stage.pay().await;
    stage.name_cards().await;
    stage.take_back().await;
    stage.save().await;
    stage.ask_wrongly(&key, grpc.parse().unwrap()).await;
    stage.send_webhooks().await;
    let raw = database.raw().await;
    program.terminate();
    assert_eq!(program.exit_code().await, Some(0), "{}", program.said());

    let store = database.store_under(&MasterKey::new(MASTER_KEY.into()).into()).await;
    let calls = store.read().await.unwrap().api_calls(None, &ApiCallFilter::default(), None, 1000).await.unwrap();
    assert!(calls.len() > 15, "calls are missing in the log of calls: {}", calls.len());
    let calls = format!("{calls:?}");
    let log = program.said();
    assert!(log.contains("webhook received") && log.contains("TRACE") | log.contains("DEBUG"), "a quiet log: {log}");
    assert!(found(&raw, "Acme") && found(&raw, "customer.created"), "a dump that misses what is there");
    let quotes = |text: &str| stage.errors.iter().any(|error| format!("{error:?}").contains(text));
    assert!(quotes("card ************2220 cannot"), "Corefy quoted no card in a field: {:?}", stage.errors);
    assert!(quotes("card **** **** **** 1111 cannot"), "Corefy quoted no card in a message: {:?}", stage.errors);
    let (public, secret) = key.split_once(':').unwrap();
    for why in ["API key refused: wrong secret", "API key refused: malformed"] {
        assert!(log.contains(why), "{why}: {log}");
    }
    let of_wrong = log.lines().find(|line| line.contains("API key refused: wrong secret")).unwrap();
    assert!(
        of_wrong.contains(public) && of_wrong.contains("127.0.0.1") && of_wrong.contains("wrong_secret"),
        "{of_wrong}"
    );
    let secrets = variables[..4].iter().map(|(_, value)| *value).chain([secret, MASTER_KEY]);
    let private = [CVV, HOLDER, EMAIL, NAME, PHONE, STREET, CAVV, TOKEN].map(str::to_owned);
    let cards = [APPROVED, DECLINED, CHARGED_AND_CUT, REFUSED, QUOTED].into_iter().flat_map(written);
    for secret in secrets.map(str::to_owned).chain(private).chain(cards) {
        let lines: Vec<_> = log.lines().filter(|line| found(line.as_bytes(), &secret)).collect();
        assert!(lines.is_empty(), "{secret} is in the log: {lines:#?}");
        for (place, found) in [
            ("plain", found(&raw, &secret)),
            ("in hexadecimal", found(&raw, &base16ct::lower::encode_string(secret.as_ref()))),
        ] {
            assert!(!found, "{secret} is in the database, {place}");
        }
        assert!(!found(calls.as_bytes(), &secret), "{secret} is in the log of calls");
        for error in &stage.errors {
            assert!(!found(format!("{error:?}").as_bytes(), &secret), "{secret} is in {error:?}");
            assert!(!found(error.details(), &secret), "{secret} is in the details of {error:?}");
        }
    }
}

/// A card number in the ways people write it.
fn written(number: &str) -> [String; 3] {
    let groups: Vec<_> = number.as_bytes().chunks(4).map(|group| str::from_utf8(group).unwrap()).collect();
    [number.to_owned(), groups.join(" "), groups.join("-")]
}

/// Whether `secret` stands in `text`. A short one must stand alone there: a few digits are part of many numbers, and of the
/// groups of many ids.
fn found(text: &[u8], secret: &str) -> bool {
    let is_part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    let found = |(at, bytes): (usize, &[u8])| {
        let stands_alone = !is_part(at.checked_sub(1).and_then(|before| text.get(before)));
        bytes == secret.as_bytes() && (secret.len() > 4 || stands_alone && !is_part(text.get(at + secret.len())))
    };
    text.windows(secret.len()).enumerate().any(found)
}

#[test]
fn what_is_there_is_found() {
    assert!(found(b"cvv=7319;", CVV) && !found(b"173190", CVV) && found(b"x4012888888881881x", APPROVED));
    assert_eq!(written(APPROVED)[1..], ["4012 8888 8888 1881", "4012-8888-8888-1881"]);
}

fn canary_intent() -> pb::CreatePaymentIntentRequest {
    pb::CreatePaymentIntentRequest {
        amount: "10.00".to_owned(),
        currency: "USD".to_owned(),
        customer_email: EMAIL.to_owned(),
        customer_name: NAME.to_owned(),
        customer_phone: PHONE.to_owned(),
        description: "paid by card".to_owned(),
        billing_address: Some(canary_address()),
        ..Default::default()
    }
}

fn canary_address() -> pb::Address {
    pb::Address { line1: STREET.to_owned(), city: "Berlin".to_owned(), country: "DE".to_owned(), ..Default::default() }
}

fn canary_confirmation(id: &str, number: &str) -> pb::ConfirmPaymentIntentRequest {
    let card = pb::Card { cvv: CVV.to_owned(), holder_name: HOLDER.to_owned(), ..card(number) };
    let three_d_secure = pb::ThreeDSecure {
        version: "2.2.0".to_owned(),
        eci: "05".to_owned(),
        cavv: CAVV.to_owned(),
        ..Default::default()
    };
    pb::ConfirmPaymentIntentRequest {
        payment_intent_id: id.to_owned(),
        source: Some(Source::Card(card)),
        three_d_secure: Some(three_d_secure),
        browser_info: None,
        ..Default::default()
    }
}

fn canary_customer() -> pb::CreateCustomerRequest {
    pb::CreateCustomerRequest {
        email: EMAIL.to_owned(),
        name: NAME.to_owned(),
        phone: PHONE.to_owned(),
        address: Some(canary_address()),
        ..Default::default()
    }
}

fn canary_method(customer: &str, number: &str) -> pb::CreatePaymentMethodRequest {
    let card = pb::CardToSave {
        number: number.to_owned(),
        expiry_month: 12,
        expiry_year: 2040,
        holder_name: HOLDER.to_owned(),
    };
    saved_as(customer, Details::Card(card))
}

impl Stage {
    fn expect_error<T: std::fmt::Debug>(&mut self, answer: Result<T, Status>) {
        self.errors.push(answer.unwrap_err());
    }

    async fn intent(&self) -> pb::PaymentIntent {
        self.client.create_payment_intent(canary_intent()).await.unwrap().into_inner().payment_intent.unwrap()
    }

    /// Names cards in words of the caller's own, which is refused.
    async fn name_cards(&mut self) {
        let client = self.client.clone();
        for number in written(APPROVED) {
            let described =
                pb::CreatePaymentIntentRequest { description: format!("paid by {number}"), ..canary_intent() };
            self.expect_error(client.create_payment_intent(described).await);
            let noted =
                pb::CreatePaymentIntentRequest { metadata: [("card".to_owned(), number)].into(), ..canary_intent() };
            self.expect_error(client.create_payment_intent(noted).await);
        }
    }

    /// Gives money back, also for a reason with a card in it, which is refused, and cancels.
    async fn take_back(&mut self) {
        let client = self.client.clone();
        let intent = self.intent().await;
        client.confirm(&intent.id, APPROVED).await.unwrap();
        let reason = format!("wrong card, {APPROVED}");
        let request = pb::CreateRefundRequest { reason, ..new_refund(&intent.id, "1.00") };
        self.expect_error(client.create_refund(keyed(&new_key(), request)).await);
        client.refund(&intent.id, "1.00").await.unwrap();
        self.sandbox.faults().fail_next(1, "POST", "/v1/refunds", Fault::QuoteCard);
        self.expect_error(client.refund(&intent.id, "2.00").await);
        let request =
            pb::CancelPaymentIntentRequest { payment_intent_id: self.intent().await.id, ..Default::default() };
        client.cancel_payment_intent(request).await.unwrap();
    }

    /// Pays, is declined, left in doubt, refused by a Corefy that quotes the card.
    async fn pay(&mut self) {
        use pb::PaymentIntentState as State;
        let client = self.client.clone();
        for (number, states) in [
            (written(APPROVED)[1].as_str(), &[State::Succeeded][..]),
            (DECLINED, &[State::RequiresPaymentMethod]),
            // The webhook may have reached the gateway before the cut was seen.
            (CHARGED_AND_CUT, &[State::Processing, State::Succeeded]),
        ] {
            let intent = self.intent().await;
            let confirmed = client.confirm_payment_intent(canary_confirmation(&intent.id, number)).await.unwrap();
            let state = confirmed.into_inner().payment_intent.unwrap().state();
            assert!(states.contains(&state), "{number}: {state:?}");
            let read = client.get(&intent.id).await;
            let address = read.billing_address.unwrap();
            assert_eq!(
                [&read.customer_email, &read.customer_name, &read.customer_phone, &address.line1],
                [EMAIL, NAME, PHONE, STREET]
            );
        }
        let intent = self.intent().await;
        for number in [REFUSED, &written(REFUSED)[1]] {
            self.sandbox.faults().fail_next(1, "POST", CONFIRM, Fault::QuoteCard);
            self.expect_error(client.confirm_payment_intent(canary_confirmation(&intent.id, number)).await);
        }
        self.sandbox.faults().fail_next(1, "POST", "/v1/payment-intents", Fault::QuoteCard);
        self.expect_error(client.create_payment_intent(canary_intent()).await);
    }

    /// Saves customers and payment methods, by card and by the fields of a wallet.
    async fn save(&mut self) {
        let client = self.client.clone();
        let customer = client.create_customer(canary_customer()).await.unwrap().into_inner().customer.unwrap();
        let request = pb::GetCustomerRequest { id: customer.id.clone() };
        let read = client.get_customer(request).await.unwrap().into_inner().customer.unwrap();
        assert_eq!([&read.email, &read.name, &read.phone, &read.address.unwrap().line1], [EMAIL, NAME, PHONE, STREET]);
        let listed = client.list_customers(pb::ListCustomersRequest::default()).await.unwrap().into_inner().customers;
        assert_eq!(listed[0].email, EMAIL);
        self.sandbox.faults().fail_next(1, "POST", "/v1/customers", Fault::QuoteCard);
        self.expect_error(client.create_customer(canary_customer()).await);

        let saved = client.create_payment_method(canary_method(&customer.id, APPROVED)).await.unwrap().into_inner();
        let request = pb::GetPaymentMethodRequest { id: saved.payment_method.unwrap().id };
        let read = client.get_payment_method(request).await.unwrap().into_inner().payment_method.unwrap().card.unwrap();
        assert_eq!([&read.holder_name, &read.first6, &read.last4], [HOLDER, "401288", "1881"]);
        self.sandbox.faults().fail_next(1, "POST", "/v1/payment-methods", Fault::QuoteCard);
        self.expect_error(client.create_payment_method(canary_method(&customer.id, REFUSED)).await);
        let wallet = |kind: &str| {
            let fields = [("token".to_owned(), TOKEN.to_owned()), ("email".to_owned(), EMAIL.to_owned())].into();
            saved_as(&customer.id, Details::Other(pb::OtherMethod { payment_method_type: kind.to_owned(), fields }))
        };
        let supported = pb::ListSupportedPaymentMethodsRequest::default();
        let supported =
            client.list_supported_payment_methods(supported).await.unwrap().into_inner().supported_payment_methods;
        assert!(supported.iter().any(|method| method.r#type == "paypal"));
        client.create_payment_method(wallet("paypal")).await.unwrap();
        self.expect_error(client.create_payment_method(wallet("no_such_wallet")).await);
    }

    /// Puts secrets where they do not belong.
    async fn ask_wrongly(&mut self, key: &str, grpc: SocketAddr) {
        let client = self.client.clone();
        let wrong = pb::CreatePaymentIntentRequest {
            amount: APPROVED.to_owned(),
            currency: EMAIL.to_owned(),
            customer_email: format!("{EMAIL} {APPROVED}"),
            customer_phone: format!("{APPROVED} {CVV}"),
            return_url: format!("javascript:{APPROVED}"),
            payment_method_type: written(APPROVED)[2].clone(),
            ..canary_intent()
        };
        self.expect_error(client.create_payment_intent(wrong).await);
        let wrong = pb::Card { number: APPROVED.replace("81", "82"), cvv: format!("{CVV}9 {CVV}"), ..card(DECLINED) };
        let wrong = pb::ConfirmPaymentIntentRequest {
            source: Some(Source::Card(pb::Card { expiry_year: 2020, holder_name: HOLDER.repeat(20), ..wrong })),
            ..canary_confirmation(APPROVED, DECLINED)
        };
        self.expect_error(client.confirm_payment_intent(wrong).await);
        self.expect_error(client.get_payment_intent(pb::GetPaymentIntentRequest { id: APPROVED.to_owned() }).await);
        self.expect_error(client.refund(APPROVED, CVV).await);
        self.expect_error(client.get_customer(pb::GetCustomerRequest { id: EMAIL.to_owned() }).await);
        let (public, secret) = key.split_once(':').unwrap();
        let other = KeyPair::generate(&PartnerId::parse("acme").unwrap(), &Randomness::system()).expose();
        let guessed = format!("{public}:{}", other.expose_secret().split_once(':').unwrap().1);
        for mistyped in
            [guessed, format!("{secret}:{public}"), format!("{public}:{secret}x"), format!("{public}x:{secret}")]
        {
            let stranger = Client::connect(grpc, &mistyped).await;
            self.expect_error(stranger.test_connection(pb::TestConnectionRequest {}).await);
        }
    }

    /// Sends webhooks that reveal more than they should, genuine ones and forged ones.
    async fn send_webhooks(&mut self) {
        let talkative = json!({
            "event_type": "payment.failed", "event_id": APPROVED, "status": written(APPROVED)[1], "reference_id": APPROVED,
            "payment_method": written(DECLINED)[2], "customer": {"email": EMAIL, "name": NAME, "phone": PHONE},
            "metadata": {"card": APPROVED, "cvv": CVV, "holder": HOLDER, "cavv": CAVV}, "card_number": APPROVED,
            written(REFUSED)[1].as_str(): CVV, "description": STREET,
        });
        for body in [talkative.to_string(), format!("{APPROVED} {CVV} {EMAIL}"), format!("[{APPROVED:?}]")] {
            assert_eq!(self.sandbox.send_webhook(body.clone(), None).await.unwrap(), 200);
            assert_eq!(self.sandbox.send_webhook(body, Some(TOKEN)).await.unwrap(), 401);
        }
        self.sandbox.webhooks_idle().await;
        let health = http_client().get(format!("http://{}/healthz", self.http)).send().await.unwrap();
        assert_eq!(health.status(), 200);
        assert_eq!(self.http.parse::<SocketAddr>().unwrap().ip(), Ipv4Addr::LOCALHOST);
    }
}
