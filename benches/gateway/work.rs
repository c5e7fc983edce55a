//! The kinds of work that are measured.

/// A kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Work {
    /// One `CreatePaymentIntent`.
    Create,
    /// One `GetPaymentIntent`.
    Get,
    /// One `CreatePaymentIntent`, then one `ConfirmPaymentIntent`; counted as one.
    CreateAndConfirm,
    /// The same with a card that its payer has to approve, then the payer's approval, of which only Corefy's webhook tells,
    /// until the event that reports the success; counted as one.
    CreateConfirmAndWebhook,
    /// One `CreateRefund`, of a quarter of a payment.
    Refund,
    /// One `CreatePaymentIntent` that is refused, for Corefy refuses connections.
    Outage,
    /// One `CreatePaymentIntent`, then one `ConfirmPaymentIntent`, at gateways that screen it for fraud and at others that do not.
    Screening,
    /// One `CreatePaymentIntent`, then one `ConfirmPaymentIntent`, at gateways that speak Corefy's `commerce` API and at others that
    /// speak `intents`.
    Commerce,
    /// One `CreatePaymentIntent`, sent to one of three gateways on one PostgreSQL.
    ThreeGateways,
}

impl Work {
    /// All work, in the order in which every contender does it: what makes the sandbox differ for the rest comes last.
    pub const IN_TURN: [Self; 6] =
        [Self::Create, Self::Get, Self::CreateAndConfirm, Self::CreateConfirmAndWebhook, Self::Refund, Self::Outage];

    /// Its name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Get => "get",
            Self::CreateAndConfirm => "create + confirm",
            Self::CreateConfirmAndWebhook => "create + confirm + webhook",
            Self::Refund => "refund",
            Self::Outage => "create in an outage",
            Self::Screening => "create + confirm, screened",
            Self::Commerce => "create + confirm, by API",
            Self::ThreeGateways => "create at three gateways",
        }
    }
}
