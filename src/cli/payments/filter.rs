//! The filters of `payments list`.

use clap::Args;

use crate::{
    app::finding::card_ends,
    cli::arguments::moment,
    domain::{
        clock::{TimeRange, Timestamp},
        ids::CustomerId,
        list_filters::{AmountRange, PaymentIntentFilter},
        money::{Currency, Money},
        payment_intent::PaymentIntentState,
        search_term::SearchTerm,
    },
};

/// The filters as flags.
#[derive(Args)]
pub(super) struct FilterArguments {
    /// Only those in these states, separated by commas, such as processing or requires_payment_method
    #[arg(long, value_delimiter = ',', value_parser = state)]
    state: Vec<PaymentIntentState>,
    /// Only those of this customer, cus_…
    #[arg(long, value_parser = customer)]
    customer: Option<CustomerId>,
    /// Only the one with this reference
    #[arg(long)]
    reference: Option<String>,
    /// Only those with a reference that begins so, in the order of their references within a partner
    #[arg(long, value_name = "TEXT")]
    reference_prefix: Option<String>,
    /// Only those with this email address of the payer, in upper or lower case
    #[arg(long)]
    email: Option<String>,
    /// Only those last tried with this card, by its first six and last four digits: 411111-1111
    // Read behind the command line, whose errors repeat what was given: it may be a whole number.
    #[arg(long, value_name = "ENDS")]
    card: Option<String>,
    /// Only those with this entry of metadata; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = entry)]
    metadata: Vec<SearchTerm>,
    /// Only those declined with this code, such as insufficient_funds
    #[arg(long, value_name = "CODE")]
    decline_code: Option<String>,
    /// Only those with this type of payment method, such as card
    #[arg(long, value_name = "CODE")]
    method: Option<String>,
    /// Only those in this currency, such as USD
    #[arg(long, value_parser = currency)]
    currency: Option<Currency>,
    /// Only those of this amount or more, in --currency, such as 10.00
    #[arg(long, value_name = "AMOUNT", requires = "currency")]
    amount_from: Option<String>,
    /// Only those of this amount or less, in --currency
    #[arg(long, value_name = "AMOUNT", requires = "currency")]
    amount_to: Option<String>,
    /// Only those with a refund, or with false only those without one
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    has_refunds: Option<bool>,
    /// Only those of which an answer of Corefy's is missing
    #[arg(long)]
    outcome_unknown: bool,
    /// Only those created then or later: a time such as 2026-11-23T10:00:00Z, or an age such as 24h
    #[arg(long, value_name = "TIME", value_parser = moment)]
    created_from: Option<Timestamp>,
    /// Only those created before then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    created_before: Option<Timestamp>,
    /// Only those last changed then or later
    #[arg(long, value_name = "TIME", value_parser = moment)]
    updated_from: Option<Timestamp>,
    /// Only those last changed before then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    updated_before: Option<Timestamp>,
}

impl FilterArguments {
    /// The filter that they are.
    pub(super) fn read(self) -> Result<PaymentIntentFilter, String> {
        let bound = |name: &str, text: Option<&String>| match (text, self.currency) {
            (Some(text), Some(currency)) => {
                Money::parse(text, currency).map(|money| Some(money.minor)).map_err(|why| format!("{name} {why}"))
            }
            _ => Ok(None),
        };
        let amount = AmountRange {
            from: bound("--amount-from", self.amount_from.as_ref())?,
            to: bound("--amount-to", self.amount_to.as_ref())?,
        };
        // First the one that finds the fewest.
        let mut terms: Vec<_> = self.email.as_deref().map(SearchTerm::email).into_iter().collect();
        terms.extend(self.card.as_deref().map(card).transpose()?);
        terms.extend(self.metadata);
        terms.extend(self.decline_code.map(SearchTerm::DeclineCode));
        terms.extend(self.method.map(SearchTerm::PaymentMethodType));
        Ok(PaymentIntentFilter {
            states: self.state,
            customer_id: self.customer,
            reference_id: self.reference,
            reference_prefix: self.reference_prefix,
            terms,
            currency: self.currency,
            amount,
            has_refunds: self.has_refunds,
            only_outcome_unknown: self.outcome_unknown,
            created: TimeRange { from: self.created_from, before: self.created_before },
            updated: TimeRange { from: self.updated_from, before: self.updated_before },
        })
    }
}

fn state(text: &str) -> Result<PaymentIntentState, String> {
    PaymentIntentState::parse(text).ok_or_else(|| {
        let all: Vec<_> = PaymentIntentState::ALL.iter().map(|state| state.as_str()).collect();
        format!("must be one of {}", all.join(", "))
    })
}

fn customer(text: &str) -> Result<CustomerId, String> {
    CustomerId::parse(text).ok_or_else(|| "must be an id of a customer, cus_…".to_owned())
}

fn card(text: &str) -> Result<SearchTerm, String> {
    let ends = card_ends(text).map(|(first6, last4)| SearchTerm::card(first6, last4));
    ends.ok_or_else(|| "--card must be the first six and the last four digits of a card, as 411111-1111".to_owned())
}

fn entry(text: &str) -> Result<SearchTerm, String> {
    let entry = text.split_once('=').map(|(key, value)| SearchTerm::metadata(key, value));
    entry.ok_or_else(|| "must be a key and a value, as order=7".to_owned())
}

fn currency(text: &str) -> Result<Currency, String> {
    Currency::parse_existing(text).ok_or_else(|| "must be an ISO 4217 code in upper case such as USD".to_owned())
}
