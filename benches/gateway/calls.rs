//! The calls that a caller makes, and the payer's part.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use corefy_gateway::{
    domain::card::satisfies_luhn,
    pb,
    pb::{
        confirm_payment_intent_request::Source, payment_intent_service_client::PaymentIntentServiceClient,
        refund_service_client::RefundServiceClient,
    },
};
use tokio::time::sleep;
use tonic::{Code, Request, Status, transport::Channel};
use uuid::Uuid;

use crate::{load::Target, work::Work};

/// A card whose payer has to approve.
const CARD_TO_APPROVE: &str = "4000000000003220";
/// Refunds of one payment, and the amount of each.
const REFUNDS_EACH: usize = 4;
const QUARTER: &str = "25.00";
/// Refused calls that a caller keeps, to make them again after an outage.
const KEPT_REFUSED: usize = 16;

/// How long a call is repeated that is refused, and the pause before each time.
const REPEATED_FOR: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// One of the callers.
pub struct Caller {
    target: Target,
    number: usize,
    /// The payments that it refunds.
    pub paid: Vec<String>,
    /// The idempotency keys of calls that were refused in an outage.
    pub refused: Vec<String>,
}

impl Caller {
    /// A caller of `target`.
    pub fn new(target: Target, number: usize) -> Self {
        Self { target, number, paid: Vec::new(), refused: Vec::new() }
    }

    /// Does one piece of work, which is its own `turn`th. Returns whether there was anything to do.
    pub async fn work(&mut self, work: Work, turn: usize) -> Result<bool, Status> {
        match work {
            Work::Create | Work::ThreeGateways => {
                self.create().await?;
            }
            Work::Get => self.get(turn).await?,
            Work::CreateAndConfirm | Work::Screening | Work::Commerce => {
                self.paid().await?;
            }
            Work::CreateConfirmAndWebhook => self.paid_by_webhook().await?,
            Work::Refund => {
                let Some(payment) = self.paid.get(turn / REFUNDS_EACH) else { return Ok(false) };
                self.refund(payment, QUARTER, &new_key()).await?;
            }
            Work::Outage => self.create_in_vain().await?,
        }
        Ok(true)
    }

    /// Makes an intent that is paid, and returns its id.
    pub async fn paid(&self) -> Result<String, Status> {
        let id = self.create().await?;
        self.confirm(&id, &new_card()).await?;
        Ok(id)
    }

    /// Makes an intent, and returns its id.
    pub async fn create(&self) -> Result<String, Status> {
        self.create_with(&new_key()).await
    }

    /// The same under a given idempotency key.
    pub async fn create_with(&self, key: &str) -> Result<String, Status> {
        let message = pb::CreatePaymentIntentRequest {
            amount: "100.00".to_owned(),
            currency: "USD".to_owned(),
            customer_email: format!("{}@example.com", Uuid::new_v4().simple()),
            description: "order 4711".to_owned(),
            ..Default::default()
        };
        let answer = self.intents().create_payment_intent(self.mutation(message, key)).await?.into_inner();
        Ok(answer.payment_intent.unwrap_or_default().id)
    }

    /// Refunds `amount` of a payment, under a given idempotency key.
    pub async fn refund(&self, payment: &str, amount: &str, key: &str) -> Result<(), Status> {
        let message = pb::CreateRefundRequest {
            payment_id: payment.to_owned(),
            amount: Some(amount.to_owned()),
            ..Default::default()
        };
        let request = self.mutation(message, key);
        RefundServiceClient::new(self.channel()).create_refund(request).await.map(|_| ())
    }

    /// Asks for a page of intents.
    pub async fn list(&self, message: pb::ListPaymentIntentsRequest) -> Result<pb::ListPaymentIntentsResponse, Status> {
        Ok(self.intents().list_payment_intents(self.request(message)).await?.into_inner())
    }

    async fn get(&self, turn: usize) -> Result<(), Status> {
        let known = &self.target.known;
        let id = known[(self.number * 37 + turn) % known.len()].clone();
        self.intents().get_payment_intent(self.request(pb::GetPaymentIntentRequest { id })).await.map(|_| ())
    }

    async fn confirm(&self, id: &str, number: &str) -> Result<pb::PaymentIntent, Status> {
        let card = pb::Card {
            number: number.to_owned(),
            expiry_month: 12,
            expiry_year: 2035,
            cvv: "123".to_owned(),
            ..Default::default()
        };
        let message = pb::ConfirmPaymentIntentRequest {
            payment_intent_id: id.to_owned(),
            source: Some(Source::Card(card)),
            browser_info: Some(pb::BrowserInfo { ip: new_address(), ..Default::default() }),
            ..Default::default()
        };
        let request = self.mutation(message, &new_key());
        let answer = self.intents().confirm_payment_intent(request).await?.into_inner();
        Ok(answer.payment_intent.unwrap_or_default())
    }

    /// Makes an intent, has its payer approve it, and returns when its success was reported.
    async fn paid_by_webhook(&self) -> Result<(), Status> {
        let id = self.create().await?;
        let reported = self.target.outcomes.of(&id);
        let intent = self.confirm(&id, CARD_TO_APPROVE).await?;
        let page = format!("{}/3ds/{}", self.target.payer_url, intent.upstream_id);
        let form = self.target.browser.post(page).header("content-type", "application/x-www-form-urlencoded");
        let approval = form.body("decision=approve").send().await;
        approval.map_err(|error| Status::unavailable(error.to_string()))?;
        reported.wait().await
    }

    /// Fails unless the call is refused as one that Corefy does not know of.
    async fn create_in_vain(&mut self) -> Result<(), Status> {
        let key = new_key();
        match self.create_with(&key).await {
            Err(refusal) if refusal.code() == Code::Unavailable => {}
            Err(other) => return Err(other),
            Ok(id) => return Err(Status::internal(format!("{id} was made in an outage"))),
        }
        if self.refused.len() < KEPT_REFUSED {
            self.refused.push(key);
        }
        Ok(())
    }

    fn channel(&self) -> Channel {
        self.target.channels[self.number % self.target.channels.len()].clone()
    }

    fn intents(&self) -> PaymentIntentServiceClient<Channel> {
        PaymentIntentServiceClient::new(self.channel())
    }

    /// A call as the clients make it when it changes something.
    fn mutation<T>(&self, message: T, key: &str) -> Request<T> {
        let mut request = self.request(message);
        request.metadata_mut().insert("idempotency-key", key.parse().expect("digits and dashes"));
        request
    }

    /// A call as the clients make it.
    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.target.authorization.clone());
        request
    }
}

/// An idempotency key that nobody has used.
pub fn new_key() -> String {
    Uuid::now_v7().to_string()
}

/// The number of a card that nobody has used, which is charged at once: payers differ, and risk is counted for each.
fn new_card() -> String {
    let number = format!("400000{:09}", Uuid::new_v4().as_u128() % 1_000_000_000);
    let complete = |check: u32| format!("{number}{check}");
    (0..10).map(complete).find(|number| satisfies_luhn(number)).unwrap_or(number)
}

/// An address of the networks for benchmarks (RFC 2544) that hardly anybody has used.
fn new_address() -> String {
    let [.., a, b, c] = Uuid::new_v4().into_bytes();
    format!("198.{}.{b}.{c}", 18 + a % 2)
}

/// Makes a call again and again while it is answered that it cannot be served now, as clients do.
pub async fn persist<T, F>(call: impl Fn() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<T, Status>>,
{
    let began = Instant::now();
    loop {
        match call().await {
            Err(refusal) if refusal.code() == Code::Unavailable && began.elapsed() < REPEATED_FOR => sleep(PAUSE).await,
            answer => return answer,
        }
    }
}
