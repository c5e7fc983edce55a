//! `find`: says what a text is the name of, and the command to go on with.

use clap::Args;

use super::{
    database,
    failure::CommandFailure,
    table::{Table, to_the_second},
};
use crate::{
    app::finding::{Finder, Finding},
    config::settings::AdminSettings,
    domain::{
        card_number,
        ids::{
            ApiCallId, AuditEntryId, ChargebackId, CustomerId, ErasureId, EventId, OperationId, PaymentIntentId,
            PaymentMethodId, RefundId, RiskDecisionId, WebhookId,
        },
        key_pair::{KeyPair, PublicKey},
    },
};

/// The longest text that is looked for, in characters: that of an idempotency key.
const MAX_TEXT: usize = 255;

/// The command and its settings.
#[derive(Args)]
pub(super) struct FindCommand {
    /// An id of ours or of Corefy's, the public half of a key, a reference, a request id, an idempotency key, an email address, or the
    /// first six and last four digits of a card as 411111-1111
    anything: String,
    #[command(flatten)]
    settings: AdminSettings,
}

impl FindCommand {
    /// Shows what is found, of every partner.
    pub async fn run(self) -> Result<(), CommandFailure> {
        check(&self.anything).map_err(CommandFailure::Settings)?;
        let store = database::open(&self.settings).await?;
        let found = Finder::new(store).find(&self.anything).await?;
        if found.is_empty() {
            return Err(CommandFailure::Failed("nothing here has this name".to_owned()));
        }
        let mut table = Table::new(["KIND", "ID", "FOUND BY", "PARTNER", "MADE", "GO ON WITH"]);
        for Finding { by, row } in &found {
            let partner = row.partner.clone().unwrap_or_else(|| "-".to_owned());
            let kind = KINDS.iter().find(|kind| row.id.starts_with(kind.prefix));
            let about = row.about.as_deref().unwrap_or_default();
            let next = kind.and_then(|kind| (kind.next)(&row.id, about)).unwrap_or_else(|| "-".to_owned());
            let name = kind.map_or("-", |kind| kind.name).to_owned();
            table.row([name, row.id.clone(), (*by).to_owned(), partner, to_the_second(row.made_at), next]);
        }
        table.print();
        Ok(())
    }
}

/// A kind of thing that is found.
struct Kind {
    prefix: &'static str,
    name: &'static str,
    /// The command to go on with, of its id and that of the object that it is about.
    next: fn(&str, &str) -> Option<String>,
}

const KINDS: [Kind; 13] = [
    Kind { prefix: PaymentIntentId::PREFIX, name: "payment", next: |id, _| Some(format!("payments show {id}")) },
    Kind { prefix: RefundId::PREFIX, name: "refund", next: |id, _| Some(format!("timeline {id}")) },
    Kind { prefix: ChargebackId::PREFIX, name: "chargeback", next: |_, about| Some(format!("payments show {about}")) },
    Kind { prefix: CustomerId::PREFIX, name: "customer", next: |id, _| Some(format!("payments list --customer {id}")) },
    Kind {
        prefix: PaymentMethodId::PREFIX,
        name: "payment method",
        next: |id, _| Some(format!("calls --object {id}")),
    },
    Kind { prefix: EventId::PREFIX, name: "event", next: |_, about| of_object(about) },
    Kind { prefix: OperationId::PREFIX, name: "operation", next: |id, _| Some(format!("operations show {id}")) },
    Kind { prefix: WebhookId::PREFIX, name: "webhook", next: |id, _| Some(format!("webhooks show {id}")) },
    Kind { prefix: RiskDecisionId::PREFIX, name: "risk decision", next: |id, _| Some(format!("risk explain {id}")) },
    Kind { prefix: ApiCallId::PREFIX, name: "call to Corefy", next: |_, about| of_object(about) },
    Kind { prefix: PublicKey::PREFIX, name: "key", next: |id, _| audited(id) },
    Kind { prefix: ErasureId::PREFIX, name: "erasure", next: |id, _| Some(format!("privacy show {id}")) },
    Kind { prefix: AuditEntryId::PREFIX, name: "audit entry", next: |_, about| audited(about) },
];

/// The command that shows more of an object.
fn of_object(id: &str) -> Option<String> {
    if PaymentIntentId::parse(id).is_some() || RefundId::parse(id).is_some() {
        return Some(format!("timeline {id}"));
    }
    (!id.is_empty()).then(|| format!("find {id}"))
}

/// The command that shows what was decided about an object.
fn audited(id: &str) -> Option<String> {
    (!id.is_empty()).then(|| format!("audit list --object {id}"))
}

/// Refuses what must not be looked for, without repeating it.
fn check(text: &str) -> Result<(), String> {
    if card_number::is_written_in(text) {
        return Err("this is a card number: give the first six and the last four digits, as 411111-1111".to_owned());
    }
    if KeyPair::parse(text).is_some() {
        return Err("this is a key with its secret: give the public half, which begins with pk_".to_owned());
    }
    let fits = (1..=MAX_TEXT).contains(&text.chars().count());
    if fits { Ok(()) } else { Err(format!("a text of 1 to {MAX_TEXT} characters can be looked for")) }
}
