//! `payments`: lists payments of every partner by what is known of them, and shows one.

use clap::{Args, Subcommand};

use super::{
    database,
    failure::CommandFailure,
    table::{Table, print_values, to_the_second},
};
use crate::{
    app::finding::list_payments,
    config::settings::AdminSettings,
    domain::{
        chargeback::Chargeback,
        ids::{PartnerId, PaymentIntentId},
        list_filters::ChargebackFilter,
        payment_intent::PaymentIntent,
        refund::Refund,
    },
    store::Tracked,
};

mod filter;

use filter::FilterArguments;

/// The most payments that are listed, or chargebacks that are shown, at once.
const MOST: u32 = 1000;

/// The command and its settings.
#[derive(Args)]
pub(super) struct PaymentsCommand {
    #[command(subcommand)]
    action: PaymentsAction,
}

#[derive(Subcommand)]
enum PaymentsAction {
    /// List payments, the newest first; filters are combined with "and"
    List {
        /// Only those of this partner, by its short name as in the keys [default: all partners]
        #[arg(long, value_parser = super::keys::partner)]
        partner: Option<PartnerId>,
        #[command(flatten)]
        filter: Box<FilterArguments>,
        /// How many to list at most: 1 to 1000
        #[arg(long, default_value = "100", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST)))]
        limit: u32,
        #[command(flatten)]
        settings: AdminSettings,
    },
    /// Show a payment with its refunds and chargebacks, without what identifies the payer
    Show {
        /// Its id, pi_… or pay_…
        #[arg(value_parser = payment)]
        id: PaymentIntentId,
        #[command(flatten)]
        settings: AdminSettings,
    },
}

impl PaymentsCommand {
    /// Does what was asked.
    pub async fn run(self) -> Result<(), CommandFailure> {
        match self.action {
            PaymentsAction::List { partner, filter, limit, settings } => {
                let filter = filter.read().map_err(CommandFailure::Settings)?;
                let store = database::open(&settings).await?;
                let partners = match partner {
                    Some(partner) => vec![partner],
                    None => store.read().await?.partners().await?,
                };
                print_table(&list_payments(&store, &partners, &filter, limit).await?);
            }
            PaymentsAction::Show { id, settings } => {
                let store = database::open(&settings).await?;
                let mut session = store.read().await?;
                let unknown = || CommandFailure::Failed(format!("there is no payment {id}"));
                let intent = session.payment_intent_any(&id).await?.ok_or_else(unknown)?;
                print_payment(&intent);
                print_refunds(&session.refunds_of(&id).await?);
                let filter = ChargebackFilter { payment_intent_id: Some(id.clone()), ..ChargebackFilter::default() };
                print_chargebacks(&session.chargebacks(&intent.partner_id, &filter, None, MOST).await?);
                anstream::println!("\nGo on with: corefy-gateway timeline {id}");
            }
        }
        Ok(())
    }
}

fn print_table(intents: &[PaymentIntent]) {
    let mut table = Table::new(["CREATED", "ID", "PARTNER", "STATE", "AMOUNT", "CARD", "ERROR", "REFERENCE"]);
    for intent in intents {
        let error = intent.progress.last_error.as_ref().map(|error| error.code.clone());
        table.row([
            to_the_second(intent.created_at),
            intent.id.to_string(),
            intent.partner_id.to_string(),
            state(intent),
            money(intent, intent.amount.minor),
            card(intent).unwrap_or_else(dash),
            error.unwrap_or_else(dash),
            intent.reference_id.clone().unwrap_or_else(dash),
        ]);
    }
    table.print();
}

fn print_payment(intent: &PaymentIntent) {
    let error = intent.progress.last_error.as_ref().map(|error| error.code.clone());
    let references = &intent.progress.network_references;
    print_values(&[
        ("id", intent.id.to_string()),
        ("payment id", intent.id.payment_id()),
        ("partner", intent.partner_id.to_string()),
        ("state", state(intent)),
        ("amount", money(intent, intent.amount.minor)),
        ("received", money(intent, intent.received)),
        ("refunded", money(intent, intent.refunded)),
        ("refunds pending", money(intent, intent.refund_pending)),
        ("charged back", money(intent, intent.charged_back)),
        ("customer", intent.customer_id.as_ref().map_or_else(dash, ToString::to_string)),
        ("reference", intent.reference_id.clone().unwrap_or_else(dash)),
        ("id at Corefy", intent.upstream_id.clone().unwrap_or_else(dash)),
        ("payment at Corefy", intent.upstream_payment_id.clone().unwrap_or_else(dash)),
        ("method", intent.details.payment_method_type.clone()),
        ("card", card(intent).unwrap_or_else(dash)),
        ("retrieval reference", references.retrieval_reference_number.clone().unwrap_or_else(dash)),
        ("approval code", references.approval_code.clone().unwrap_or_else(dash)),
        ("acquirer reference", references.acquirer_reference_number.clone().unwrap_or_else(dash)),
        ("attempts", intent.progress.attempts.to_string()),
        ("last error", error.unwrap_or_else(dash)),
        ("created", to_the_second(intent.created_at)),
        ("changed", to_the_second(intent.updated_at)),
    ]);
}

fn print_refunds(refunds: &[Tracked<Refund>]) {
    if refunds.is_empty() {
        return;
    }
    anstream::println!();
    let mut table = Table::new(["CREATED", "REFUND", "STATE", "AMOUNT", "REFERENCE"]);
    for refund in refunds {
        let amount = format!("{} {}", refund.amount, refund.amount.currency.code());
        let (created, id) = (to_the_second(refund.created_at), refund.id.to_string());
        let reference = refund.reference_id.clone().unwrap_or_else(dash);
        table.row([created, id, refund.state.as_str().to_owned(), amount, reference]);
    }
    table.print();
}

fn print_chargebacks(chargebacks: &[Chargeback]) {
    if chargebacks.is_empty() {
        return;
    }
    anstream::println!();
    let mut table = Table::new(["CREATED", "CHARGEBACK", "AMOUNT", "TOTAL"]);
    for Chargeback { id, amount, total, created_at, .. } in chargebacks {
        let code = amount.currency.code();
        table.row([to_the_second(*created_at), id.to_string(), format!("{amount} {code}"), format!("{total} {code}")]);
    }
    table.print();
}

fn state(intent: &PaymentIntent) -> String {
    let doubt = if intent.is_outcome_unknown() { ", outcome unknown" } else { "" };
    format!("{}{doubt}", intent.state.as_str())
}

fn money(intent: &PaymentIntent, minor: i64) -> String {
    format!("{} {}", intent.money(minor), intent.amount.currency.code())
}

fn card(intent: &PaymentIntent) -> Option<String> {
    let card = intent.progress.attempt.as_ref()?.card.as_ref()?;
    Some(format!("{} {}-{}", card.brand, card.first6, card.last4))
}

fn dash() -> String {
    "-".to_owned()
}

fn payment(text: &str) -> Result<PaymentIntentId, String> {
    PaymentIntentId::parse_any(text).ok_or_else(|| "must be an id of a payment intent, pi_… or pay_…".to_owned())
}
