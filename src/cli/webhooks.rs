//! `webhooks`: lists, shows and replays the webhooks from Corefy.

use std::io::{self, IsTerminal as _, Write as _};

use clap::{Args, Subcommand};

use super::{
    arguments::moment,
    audited::AuditedDecision,
    database,
    failure::CommandFailure,
    table::{Table, or_dash, print_values, to_the_second},
};
use crate::{
    app::webhook_admin::{Replayed, WebhookAdmin},
    config::settings::AdminSettings,
    domain::{audit::Note, clock::Timestamp, environment::Environment, ids::WebhookId},
    store::{WebhookFilter, WebhookRecord, WebhookState},
};

/// The most webhooks that are listed at once.
const MOST: u32 = 1000;
/// Width of the bar that shows how far a replay has come.
const BAR: usize = 30;

/// The command and its settings.
#[derive(Args)]
pub(super) struct WebhooksCommand {
    #[command(subcommand)]
    action: WebhooksAction,
}

#[derive(Subcommand)]
enum WebhooksAction {
    /// List webhooks, newest first
    List {
        #[command(flatten)]
        filter: Filter,
        /// How many to list at most: 1 to 1000
        #[arg(long, default_value = "50", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST)))]
        limit: u32,
        #[command(flatten)]
        settings: AdminSettings,
    },
    /// Show all that is kept of a webhook; its body is kept redacted
    Show {
        /// Its id, wh_…
        #[arg(value_parser = webhook_id)]
        id: WebhookId,
        #[command(flatten)]
        settings: AdminSettings,
    },
    /// Have the running gateway process webhooks again: one by its id, or all that a filter finds
    #[command(group = clap::ArgGroup::new("which").required(true).multiple(true).args(["id", "state", "event_type", "since"]))]
    Replay {
        /// Its id, wh_…
        #[arg(value_parser = webhook_id, conflicts_with_all = ["state", "event_type", "since"])]
        id: Option<WebhookId>,
        #[command(flatten)]
        filter: Filter,
        /// Do not ask whether to go on
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        decision: AuditedDecision,
    },
}

#[derive(Args)]
struct Filter {
    /// Only those in these states, separated by commas: waiting, processed, parked (about an object that is not known),
    /// dead (failed too often)
    #[arg(long, value_delimiter = ',', value_parser = state)]
    state: Vec<WebhookState>,
    /// Only those of this type of event, as Corefy calls it
    #[arg(long)]
    event_type: Option<String>,
    /// Only those received since: a time such as 2026-11-23T10:00:00Z, or an age such as 24h
    #[arg(long, value_parser = moment)]
    since: Option<Timestamp>,
}

impl From<Filter> for WebhookFilter {
    fn from(filter: Filter) -> Self {
        Self { states: filter.state, event_type: filter.event_type, since: filter.since, before: None }
    }
}

impl WebhooksCommand {
    /// Does what was asked.
    pub async fn run(self) -> Result<(), CommandFailure> {
        match self.action {
            WebhooksAction::List { filter, limit, settings } => {
                print_table(&open(&settings).await?.list(&filter.into(), limit).await?);
                Ok(())
            }
            WebhooksAction::Show { id, settings } => {
                let webhook = open(&settings).await?.show(&id).await?;
                print_webhook(&webhook.ok_or_else(|| unknown(&id))?);
                Ok(())
            }
            WebhooksAction::Replay { id: Some(id), decision, .. } => {
                replay_one(&open(&decision.settings).await?, &id, &decision.note()).await
            }
            WebhooksAction::Replay { id: None, filter, yes, decision } => {
                replay(&open(&decision.settings).await?, &filter.into(), &decision.note(), yes).await
            }
        }
    }
}

async fn open(settings: &AdminSettings) -> Result<WebhookAdmin, CommandFailure> {
    let store = database::open(settings).await?;
    Ok(WebhookAdmin::new(store, Environment::system()))
}

fn unknown(id: &WebhookId) -> CommandFailure {
    CommandFailure::Failed(format!("there is no webhook {id}"))
}

async fn replay_one(inbox: &WebhookAdmin, id: &WebhookId, note: &Note) -> Result<(), CommandFailure> {
    inbox.show(id).await?.ok_or_else(|| unknown(id))?;
    if !inbox.replay_one(id, note).await? {
        return Err(CommandFailure::Failed(format!("{id} is being processed at this moment")));
    }
    anstream::println!("{id} is due again; the running gateway processes it");
    Ok(())
}

async fn replay(
    inbox: &WebhookAdmin,
    filter: &WebhookFilter,
    note: &Note,
    is_agreed: bool,
) -> Result<(), CommandFailure> {
    let total = inbox.count(filter).await?;
    if total == 0 {
        anstream::println!("no webhook matches");
        return Ok(());
    }
    if !is_agreed && !agrees(total)? {
        return Err(CommandFailure::Failed("nothing was replayed".to_owned()));
    }
    let is_terminal = io::stderr().is_terminal();
    let Replayed { due, busy } = inbox
        .replay(filter, note, |so_far| {
            if is_terminal {
                show(so_far, total)
            }
        })
        .await?;
    if is_terminal {
        anstream::eprintln!();
    }
    anstream::println!("{due} due again; the running gateway works them off");
    if busy > 0 {
        anstream::println!("{busy} being processed at this moment, and left alone");
    }
    Ok(())
}

/// Asks the person at the terminal; where there is none, the flag has to say it.
fn agrees(total: u64) -> Result<bool, CommandFailure> {
    if !io::stdin().is_terminal() {
        return Err(CommandFailure::Settings(format!("{total} webhooks are like that; say --yes to replay them")));
    }
    anstream::print!("{total} webhooks are like that. Replay them? [y/N] ");
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

/// Rewrites the line that shows how far the replay has come.
fn show(so_far: Replayed, total: u64) {
    anstream::eprint!("\r{}", bar(so_far.due + so_far.busy, total));
}

fn bar(done: u64, total: u64) -> String {
    let (done, total) = (done.min(total), total.max(1));
    let filled = usize::try_from(done.saturating_mul(BAR as u64) / total).unwrap_or(BAR);
    format!("[{}{}] {done} of {total}", "#".repeat(filled), "-".repeat(BAR - filled))
}

fn print_table(webhooks: &[WebhookRecord]) {
    let mut table = Table::new(["WEBHOOK", "RECEIVED", "STATE", "TRIES", "TYPE", "ERROR"]);
    for webhook in webhooks {
        table.row([
            webhook.id.to_string(),
            to_the_second(webhook.received_at),
            webhook.state.as_str().to_owned(),
            webhook.attempts.to_string(),
            webhook.event_type.clone(),
            webhook.error.clone().unwrap_or_default(),
        ]);
    }
    table.print();
}

fn print_webhook(webhook: &WebhookRecord) {
    print_values(&[
        ("webhook", webhook.id.to_string()),
        ("state", webhook.state.as_str().to_owned()),
        ("received", to_the_second(webhook.received_at)),
        ("processed", or_dash(webhook.processed_at)),
        ("tries", webhook.attempts.to_string()),
        ("came again", webhook.duplicates.to_string()),
        ("error", webhook.error.clone().unwrap_or_else(|| "none".to_owned())),
        ("event at Corefy", webhook.event_id.clone()),
        ("type", webhook.event_type.clone()),
        ("from", webhook.source_address.clone()),
        ("SHA-256", webhook.body_hash.clone()),
        ("headers", webhook.headers.clone()),
        ("body", webhook.body.clone()),
    ]);
}

fn webhook_id(text: &str) -> Result<WebhookId, String> {
    WebhookId::parse(text).ok_or_else(|| "must be the id of a webhook, wh_…".to_owned())
}

fn state(text: &str) -> Result<WebhookState, String> {
    WebhookState::parse(text).ok_or_else(|| "must be waiting, processed, parked or dead".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills_up() {
        assert_eq!(bar(0, 4), format!("[{}] 0 of 4", "-".repeat(30)));
        assert_eq!(bar(2, 4), format!("[{}{}] 2 of 4", "#".repeat(15), "-".repeat(15)));
        assert_eq!(bar(5, 4), format!("[{}] 4 of 4", "#".repeat(30)));
    }
}
