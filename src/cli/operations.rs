//! `operations`: the calls to Corefy whose outcome is not known, and their manual resolution.

use clap::{Args, Subcommand};

use super::{
    audited::reason,
    database,
    failure::CommandFailure,
    table::{Table, or_dash, print_values, to_the_second},
};
use crate::{
    app::operations::{OperationAdmin, OperationDetail, Resolution, ResolveError},
    config::{operator::this_operator, settings::AdminSettings},
    domain::{
        audit::AuditRecord,
        clock::{Clock, Timestamp},
        environment::Environment,
        event::Event,
        ids::{OperationId, PartnerId},
        list_filters::OperationFilter,
        operation::{OperationKind, OperationState},
        resolution::StatedOutcome,
    },
    store::OperationRecord,
};

/// The most operations that are listed at once.
const MOST: u32 = 1000;

/// The command and its settings.
#[derive(Args)]
pub(super) struct OperationsCommand {
    #[command(subcommand)]
    action: OperationsAction,
}

#[derive(Subcommand)]
enum OperationsAction {
    /// List the operations whose outcome is not known, oldest first
    List {
        /// Only those in these states, separated by commas: sent, in_doubt, needs_operator
        #[arg(long, value_delimiter = ',', default_value = "in_doubt,needs_operator", value_parser = state)]
        state: Vec<OperationState>,
        /// Only those of this kind, such as confirm_payment_intent or create_refund
        #[arg(long, value_parser = kind)]
        kind: Option<OperationKind>,
        /// Only those of this partner, by its short name as in the keys
        #[arg(long, value_parser = super::keys::partner)]
        partner: Option<PartnerId>,
        /// How many to list at most: 1 to 1000
        #[arg(long, default_value = "100", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST)))]
        limit: u32,
        #[command(flatten)]
        settings: AdminSettings,
    },
    /// Show an operation with its object, the events of that, and what operators decided
    Show {
        /// Its id, op_…
        #[arg(value_parser = operation_id)]
        id: OperationId,
        #[command(flatten)]
        settings: AdminSettings,
    },
    /// Have the running gateway ask Corefy about every payment that was created or changed since then, and its refunds
    Recheck {
        /// A time such as 2026-11-23T10:00:00Z, or an age such as 24h or 7d: after restoring a back-up, earlier than that
        #[arg(long, value_parser = super::arguments::moment)]
        since: Timestamp,
        #[command(flatten)]
        settings: AdminSettings,
    },
    /// Resolve an operation by what you know from Corefy or the acquirer; recorded in the audit log
    Resolve {
        /// Its id, op_…
        #[arg(value_parser = operation_id)]
        id: OperationId,
        /// Outcome: succeeded (the money moved) or failed (it did not, and will not)
        #[arg(long, value_parser = outcome)]
        outcome: StatedOutcome,
        /// How you know, in 1 to 500 characters; nothing that identifies the payer
        #[arg(long, value_parser = reason)]
        reason: String,
        /// Amount received, when a confirmation succeeded: a decimal such as 10.00 [default: the intent's amount]
        #[arg(long)]
        received_amount: Option<String>,
        #[command(flatten)]
        settings: AdminSettings,
    },
}

impl From<ResolveError> for CommandFailure {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::Failed(error) => error.into(),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl OperationsCommand {
    /// Does what was asked.
    pub async fn run(self) -> Result<(), CommandFailure> {
        match self.action {
            OperationsAction::List { state, kind, partner, limit, settings } => {
                let filter = OperationFilter { states: state, kind, partner };
                print_table(&open(&settings).await?.list(&filter, limit).await?);
            }
            OperationsAction::Show { id, settings } => {
                let detail = open(&settings).await?.show(&id).await?;
                print_detail(&detail.ok_or(ResolveError::NotFound(id))?);
            }
            OperationsAction::Recheck { since, settings } => {
                let operations = open(&settings).await?;
                let count = operations.recheck(since, &this_operator(), |_| {}).await?;
                match count {
                    0 => anstream::println!("no payment was created or changed since then"),
                    1 => anstream::println!("1 payment is due for a look; the running gateway asks Corefy about it"),
                    _ => anstream::println!(
                        "{count} payments are due for a look; the running gateway asks Corefy about them"
                    ),
                }
            }
            OperationsAction::Resolve { id, outcome, reason, received_amount, settings } => {
                if received_amount.is_some() && outcome == StatedOutcome::Failed {
                    return Err(CommandFailure::Settings(
                        "--received-amount goes with --outcome succeeded only".to_owned(),
                    ));
                }
                let resolution = Resolution { outcome, received: received_amount, reason, operator: this_operator() };
                open(&settings).await?.resolve(&id, resolution).await?;
                anstream::println!("{id} is resolved as {}", outcome.as_str());
            }
        }
        Ok(())
    }
}

async fn open(settings: &AdminSettings) -> Result<OperationAdmin, CommandFailure> {
    let store = database::open(settings).await?;
    Ok(OperationAdmin::new(store, Environment::system()))
}

fn print_table(operations: &[OperationRecord]) {
    let now = Clock::system().now();
    let mut table = Table::new(["OPERATION", "STATE", "KIND", "PARTNER", "SUBJECT", "AGE", "MISSES", "NEXT CHECK"]);
    for OperationRecord { operation, next_check_at, .. } in operations {
        table.row([
            operation.id.to_string(),
            operation.state.as_str().to_owned(),
            operation.kind.as_str().to_owned(),
            operation.partner_id.to_string(),
            operation.subject_id.clone(),
            age(operation.sent_at, now),
            operation.misses.to_string(),
            or_dash(*next_check_at),
        ]);
    }
    table.print();
}

fn print_detail(detail: &OperationDetail) {
    print_operation(&detail.stored);
    anstream::println!("\n{}", detail.stored.operation.subject_id);
    print_values(&detail.object);
    if !detail.events.is_empty() {
        anstream::println!();
        print_events(&detail.events);
    }
    if !detail.decisions.is_empty() {
        anstream::println!();
        print_decisions(&detail.decisions);
    }
}

fn print_operation(OperationRecord { operation, next_check_at, finished_at, .. }: &OperationRecord) {
    let held_until = Some(operation.lease_until).filter(|until| *until > Clock::system().now());
    print_values(&[
        ("operation", operation.id.to_string()),
        ("state", operation.state.as_str().to_owned()),
        ("kind", operation.kind.as_str().to_owned()),
        ("partner", operation.partner_id.to_string()),
        ("request", operation.request_id.clone()),
        ("sent", to_the_second(operation.sent_at)),
        ("misses", operation.misses.to_string()),
        ("next check", or_dash(*next_check_at)),
        ("finished", or_dash(*finished_at)),
        ("held until", or_dash(held_until)),
    ]);
}

fn print_events(events: &[Event]) {
    let mut table = Table::new(["EVENT", "TIME", "TYPE"]);
    for event in events {
        table.row([event.id.to_string(), to_the_second(event.created_at), event.kind.clone()]);
    }
    table.print();
}

fn print_decisions(decisions: &[AuditRecord]) {
    let mut table = Table::new(["DECIDED", "BY", "DECISION", "TO", "REASON"]);
    for record in decisions {
        let (at, to) = (to_the_second(record.made_at), record.after.clone().unwrap_or_default());
        table.row([at, record.author(), record.action.clone(), to, record.reason.clone()]);
    }
    table.print();
}

/// How long ago something was, by its largest unit.
fn age(then: Timestamp, now: Timestamp) -> String {
    match now.since(then).as_secs() {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds @ 3600..86_400 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

fn operation_id(text: &str) -> Result<OperationId, String> {
    OperationId::parse(text).ok_or_else(|| "must be the id of an operation, op_…".to_owned())
}

fn state(text: &str) -> Result<OperationState, String> {
    let open = OperationState::parse(text).filter(|state| *state != OperationState::Done);
    open.ok_or_else(|| "must be sent, in_doubt or needs_operator".to_owned())
}

fn kind(text: &str) -> Result<OperationKind, String> {
    let kinds = OperationKind::ALL.map(OperationKind::as_str).join(", ");
    OperationKind::parse(text).ok_or_else(|| format!("must be one of {kinds}"))
}

fn outcome(text: &str) -> Result<StatedOutcome, String> {
    StatedOutcome::parse(text).ok_or_else(|| "must be succeeded or failed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_by_its_largest_unit() {
        let ages = [59, 60, 3599, 3600, 86_399, 86_400];
        let stopped = ages.map(|seconds| age(Timestamp(0), Timestamp::from_seconds(seconds)));
        assert_eq!(stopped, ["59s", "1m", "59m", "1h", "23h", "1d"]);
    }
}
