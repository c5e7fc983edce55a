//! The walk: each step makes its calls, and says what it expects of them.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt;
use url::Url;

use super::gateway::{TestedGateway, new_key};
use super::{payer, show};
use crate::domain::network::is_this_machine;
use crate::pb::next_action::Action;
use crate::pb::{Address, Card, CreatePaymentIntentRequest, PaymentIntent, PaymentIntentState, RefundState};

/// The sandbox's card that is charged.
pub(super) const APPROVED: &str = "4111111111111111";
/// The sandbox's card that is declined for lack of money.
pub(super) const INSUFFICIENT_FUNDS: &str = "4000000000009995";
/// The sandbox's card whose payer has to act on a page.
pub(super) const THREE_D_SECURE: &str = "4000000000003220";
/// The year in which the cards expire.
const EXPIRY_YEAR: i32 = 2040;
/// How many times a state is read at most, and how often.
type PollLimits = (u32, Duration);
/// While machines act: half a minute.
const MACHINE_LIMITS: PollLimits = (30, Duration::from_secs(1));
/// While a person acts: five minutes, without filling the screen.
const PERSON_LIMITS: PollLimits = (60, Duration::from_secs(5));

/// A step that did not go as expected: a sentence.
struct StepFailed(String);

impl From<Status> for StepFailed {
    /// The error itself is on the screen already.
    fn from(status: Status) -> Self {
        Self(format!("the call failed: {}", status.message()))
    }
}

impl From<String> for StepFailed {
    fn from(sentence: String) -> Self {
        Self(sentence)
    }
}

/// The expectation of a step, once it came true.
type StepOutcome = Result<&'static str, StepFailed>;

/// The steps, in their order.
#[derive(Clone, Copy)]
enum WalkStep {
    Connection,
    Payment,
    Decline,
    ThreeDSecure,
    Refund,
    RefundTooLarge,
    Replay,
    Mistakes,
}

impl WalkStep {
    const ALL: [Self; 8] = [
        Self::Connection,
        Self::Payment,
        Self::Decline,
        Self::ThreeDSecure,
        Self::Refund,
        Self::RefundTooLarge,
        Self::Replay,
        Self::Mistakes,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Connection => "Connection to Corefy",
            Self::Payment => "Payment by card",
            Self::Decline => "Decline",
            Self::ThreeDSecure => "Payment with 3-D Secure",
            Self::Refund => "Refund of a part",
            Self::RefundTooLarge => "Refund of more than is left",
            Self::Replay => "The same request twice",
            Self::Mistakes => "A request with mistakes",
        }
    }
}

/// The walk, and what later steps need of earlier ones.
pub struct Walk {
    gateway: TestedGateway,
    manual: bool,
    /// The payment that the refunds are of.
    paid: Option<PaymentIntent>,
}

impl Walk {
    /// A walk against `gateway`; `manual` leaves 3-D Secure pages to the person at the terminal.
    pub fn new(gateway: TestedGateway, manual: bool) -> Self {
        Self { gateway, manual, paid: None }
    }

    /// Takes every step. Answers how many there were and how many went as expected.
    pub async fn take(mut self) -> (usize, usize) {
        let mut passed = 0;
        for (place, step) in WalkStep::ALL.into_iter().enumerate() {
            show::step(place + 1, step.name());
            match self.take_one(step).await {
                Ok(expectation) => {
                    passed += 1;
                    show::passed(expectation);
                }
                Err(StepFailed(sentence)) => show::failure(sentence),
            }
        }
        (WalkStep::ALL.len(), passed)
    }

    async fn take_one(&mut self, step: WalkStep) -> StepOutcome {
        match step {
            WalkStep::Connection => self.connection().await,
            WalkStep::Payment => self.payment().await,
            WalkStep::Decline => self.decline().await,
            WalkStep::ThreeDSecure => self.three_d_secure().await,
            WalkStep::Refund => self.refund().await,
            WalkStep::RefundTooLarge => self.refund_too_large().await,
            WalkStep::Replay => self.replay().await,
            WalkStep::Mistakes => self.mistakes().await,
        }
    }

    async fn connection(&self) -> StepOutcome {
        let answer = self.gateway.test_connection().await?;
        expect(answer.reachable && answer.authenticated, "the gateway reaches Corefy and is known there")
    }

    async fn payment(&mut self) -> StepOutcome {
        let intent = self.pay(APPROVED).await?;
        expect_state(&intent, PaymentIntentState::Succeeded)?;
        self.paid = Some(intent);
        Ok("the payment succeeded")
    }

    async fn decline(&self) -> StepOutcome {
        let intent = self.pay(INSUFFICIENT_FUNDS).await?;
        expect_state(&intent, PaymentIntentState::RequiresPaymentMethod)?;
        let code = intent.last_payment_error.map(|error| error.code);
        expect(code.as_deref() == Some("insufficient_funds"), "a decline is an answer with a code, not an error")
    }

    async fn three_d_secure(&self) -> StepOutcome {
        let intent = self.pay(THREE_D_SECURE).await?;
        expect_state(&intent, PaymentIntentState::RequiresAction)?;
        let redirect = match intent.next_action.and_then(|next| next.action) {
            Some(Action::Redirect(redirect)) => redirect,
            _ => return Err(StepFailed("the payer is not sent to a page".to_owned())),
        };
        // A page on this machine can only be the sandbox's.
        let page = &redirect.url;
        let by_hand = self.manual || !Url::parse(page).is_ok_and(|page| is_this_machine(&page));
        if by_hand {
            show::note(&format!("approve the payment at {page}"));
        } else {
            show::note("approving the payment on the sandbox's page");
            payer::approve(&redirect).await?;
        }
        let limits = if by_hand { PERSON_LIMITS } else { MACHINE_LIMITS };
        let intent = self
            .read_while(&intent.id, &[PaymentIntentState::RequiresAction, PaymentIntentState::Processing], limits)
            .await?;
        expect_state(&intent, PaymentIntentState::Succeeded)?;
        Ok("the payment succeeded after the payer approved it")
    }

    async fn refund(&self) -> StepOutcome {
        let mut refund = self.gateway.create_refund(&self.paid()?.payment_id, "25.00").await?;
        let (reads, pause) = MACHINE_LIMITS;
        for _ in 0..reads {
            if refund.state() != RefundState::Pending {
                break;
            }
            tokio::time::sleep(pause).await;
            refund = self.gateway.get_refund(&refund.id).await?;
        }
        expect(refund.state() == RefundState::Succeeded, "the refund succeeded")
    }

    async fn refund_too_large(&self) -> StepOutcome {
        let answer = self.gateway.create_refund(&self.paid()?.payment_id, "75.01").await;
        expect_error(answer, Code::FailedPrecondition, "REFUND_EXCEEDS_PAYMENT")?;
        Ok("no more than what was received can be given back")
    }

    async fn replay(&self) -> StepOutcome {
        let key = new_key();
        let (first, _) = self.gateway.create_payment_intent(order(), &key).await?;
        let (second, replayed) = self.gateway.create_payment_intent(order(), &key).await?;
        if replayed {
            show::note("idempotent-replayed: true");
        }
        expect(replayed && first == second, "one idempotency key, one payment intent: the second answer is the first")
    }

    async fn mistakes(&self) -> StepOutcome {
        let request = CreatePaymentIntentRequest {
            amount: "1.001".to_owned(),
            customer_email: "nobody".to_owned(),
            billing_address: Some(Address { country: "ZZ".to_owned(), ..Default::default() }),
            ..order()
        };
        let answer = self.gateway.create_payment_intent(request, &new_key()).await;
        let status = expect_error(answer, Code::InvalidArgument, "FIELDS_INVALID")?;
        let details = status.get_error_details();
        let violations = details.bad_request().map_or(&[][..], |bad_request| &bad_request.field_violations);
        let mut fields: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
        fields.sort_unstable();
        expect(fields == ["amount", "billing_address.country", "customer_email"], "every mistake is reported at once")
    }

    /// Creates an intent and confirms it by a card of this number.
    async fn pay(&self, number: &str) -> Result<PaymentIntent, StepFailed> {
        let (intent, _) = self.gateway.create_payment_intent(order(), &new_key()).await?;
        let intent = self.gateway.confirm_payment_intent(&intent.id, card(number)).await?;
        match intent.state() {
            PaymentIntentState::Processing => {
                self.read_while(&intent.id, &[PaymentIntentState::Processing], MACHINE_LIMITS).await
            }
            _ => Ok(intent),
        }
    }

    /// Reads an intent until it is in none of `states`, or patience ends.
    async fn read_while(
        &self,
        id: &str,
        states: &[PaymentIntentState],
        (reads, pause): PollLimits,
    ) -> Result<PaymentIntent, StepFailed> {
        let mut intent = self.gateway.get_payment_intent(id).await?;
        for _ in 1..reads {
            if !states.contains(&intent.state()) {
                break;
            }
            tokio::time::sleep(pause).await;
            intent = self.gateway.get_payment_intent(id).await?;
        }
        Ok(intent)
    }

    fn paid(&self) -> Result<&PaymentIntent, StepFailed> {
        self.paid.as_ref().ok_or_else(|| StepFailed("there is no payment to refund, for none succeeded".to_owned()))
    }
}

/// The order that is paid for in every step.
pub(super) fn order() -> CreatePaymentIntentRequest {
    CreatePaymentIntentRequest {
        amount: "100.00".to_owned(),
        currency: "USD".to_owned(),
        customer_email: "payer@example.com".to_owned(),
        description: "corefy-gateway try".to_owned(),
        return_url: "https://example.com/paid".to_owned(),
        ..Default::default()
    }
}

pub(super) fn card(number: &str) -> Card {
    Card {
        number: number.to_owned(),
        expiry_month: 12,
        expiry_year: EXPIRY_YEAR,
        cvv: "123".to_owned(),
        holder_name: "Test Payer".to_owned(),
    }
}

fn expect(came_true: bool, expectation: &'static str) -> StepOutcome {
    came_true.then_some(expectation).ok_or_else(|| StepFailed(format!("expected that {expectation}")))
}

fn expect_state(intent: &PaymentIntent, state: PaymentIntentState) -> Result<(), StepFailed> {
    let failure = || StepFailed(format!("expected {}", state.as_str_name()));
    (intent.state() == state).then_some(()).ok_or_else(failure)
}

/// The error, when the call failed as it should.
fn expect_error<T>(answer: Result<T, Status>, code: Code, reason: &str) -> Result<Status, StepFailed> {
    match answer {
        Err(status) if status.code() == code && reason_of(&status).as_deref() == Some(reason) => Ok(status),
        _ => Err(StepFailed(format!("expected the error {reason}"))),
    }
}

pub(super) fn reason_of(status: &Status) -> Option<String> {
    status.get_error_details().error_info().map(|info| info.reason.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::ErrorDetails;

    fn failed(code: Code, reason: &str) -> Result<(), Status> {
        let details = ErrorDetails::with_error_info(reason, "corefy-gateway", std::collections::HashMap::new());
        Err(Status::with_error_details(code, "a sentence", details))
    }

    #[test]
    fn only_the_error_with_the_right_code_and_reason_is_expected() {
        let passes = |answer| expect_error(answer, Code::NotFound, "RESOURCE_NOT_FOUND").is_ok();
        assert!(passes(failed(Code::NotFound, "RESOURCE_NOT_FOUND")));
        assert!(!passes(failed(Code::NotFound, "INTERNAL")));
        assert!(!passes(failed(Code::Internal, "RESOURCE_NOT_FOUND")));
        assert!(!passes(Err(Status::not_found("without details"))));
        assert!(!passes(Ok(())));
    }

    #[test]
    fn another_state_than_the_expected_one_is_a_surprise() {
        let intent = PaymentIntent { state: PaymentIntentState::Processing.into(), ..Default::default() };
        assert!(expect_state(&intent, PaymentIntentState::Processing).is_ok());
        assert!(expect_state(&intent, PaymentIntentState::Succeeded).is_err());
    }

    #[test]
    fn the_cards_are_valid_numbers() {
        for number in [APPROVED, INSUFFICIENT_FUNDS, THREE_D_SECURE] {
            assert!(crate::domain::card::satisfies_luhn(number), "{number}");
        }
    }
}
