//! How Corefy speaks in a dialect, for the suite: each answer as the steps of a script, for a dialect may need several requests
//! for one operation.

use url::Url;

use crate::{
    domain::{customer::Customer, payment_intent::PaymentIntent, refund::Refund, upstream_state::UpstreamState},
    upstream::{
        Upstream,
        scripted::{ScriptedRequest, ScriptedStep},
    },
};

/// The outcome of an attempt to pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    Paid,
    Declined,
    Challenged,
    Processing,
}

impl Attempt {
    pub const ALL: [Self; 4] = [Self::Paid, Self::Declined, Self::Challenged, Self::Processing];
}

/// A webhook: its body, and the signature that its header carries.
pub struct Signed {
    pub body: Vec<u8>,
    pub signature: String,
}

/// A dialect in the suite. The last step of a script is repeated for ever.
pub trait Dialect {
    type Corefy: Upstream + std::fmt::Debug;

    /// The secrets that it is made with.
    const SECRETS: &'static [&'static str];

    /// Answers in a form that is not Corefy's.
    const NOT_COREFYS: &'static [&'static str];

    /// The dialect before the Corefy at this address.
    fn corefy(url: Url) -> Self::Corefy;

    /// The intent has been created.
    fn created(intent: &PaymentIntent) -> Vec<ScriptedStep>;

    /// Its reference is taken, and the payment that has it is shown: this one.
    fn taken_by(shown: &PaymentIntent) -> Vec<ScriptedStep>;

    /// A creation whose answer was lost is looked up, and made where Corefy has it not: this payment is there, or it is made.
    fn looked_up(shown: &PaymentIntent, is_there: bool) -> Vec<ScriptedStep>;

    /// The notes that the dialect has made about the intent since it was created.
    fn notes(_: &PaymentIntent) -> UpstreamState {
        UpstreamState::default()
    }

    /// The customer has been made.
    fn customer_made(customer: &Customer) -> Vec<ScriptedStep>;

    /// An attempt was made, with this outcome.
    fn attempted(intent: &PaymentIntent, attempt: Attempt) -> Vec<ScriptedStep>;

    /// The payment is shown after an attempt with this outcome, and with a refund; `None`: before any.
    fn shown(intent: &PaymentIntent, attempt: Option<Attempt>, refund: Option<&Refund>) -> Vec<ScriptedStep>;

    /// The payment is looked up while the answer to an attempt is missing that had this outcome; `None`: that was not made.
    fn shown_in_doubt(intent: &PaymentIntent, attempt: Option<Attempt>) -> Vec<ScriptedStep> {
        Self::shown(intent, attempt, None)
    }

    /// The payment is not there.
    fn absent() -> Vec<ScriptedStep>;

    /// Money is on its way back: this amount, in minor units.
    fn refunded(intent: &PaymentIntent, refund: &Refund, minor: i64) -> Vec<ScriptedStep>;

    /// The card's number is refused, in a sentence that repeats it.
    fn card_refused(number: &str) -> Vec<ScriptedStep>;

    /// The credentials are refused.
    fn credentials_refused() -> Vec<ScriptedStep>;

    /// The answer to a connection test that succeeds.
    fn connected() -> Vec<ScriptedStep>;

    /// Whether a request moves money, or could.
    fn moves_money(request: &ScriptedRequest) -> bool;

    /// A webhook about the intent, which names its payer.
    fn webhook(intent: &PaymentIntent, payer: &str) -> Signed;
}
