//! `risk lists`: what is on the lists.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};

use super::shared::{Change, open, read_text};
use crate::{
    app::risk::{
        Risk,
        lists::{MOST_AT_ONCE, NewEntry},
    },
    cli::{
        failure::CommandFailure,
        table::{Table, or_dash, to_the_second},
    },
    config::settings::AdminSettings,
    domain::{
        audit::Note,
        clock::{Clock, Timestamp},
        risk::{
            list_entry::ListEntry,
            lists::{ListKind, MOST_ENTRIES, hard_list},
        },
    },
};

/// The longest life of an entry, in days: ten years.
const MAX_DAYS: u64 = 3650;
/// Bytes of a file that is imported, at most.
const MOST_BYTES: usize = 32 * 1024 * 1024;
/// Entries that are read at a time.
const PAGE: u32 = 1000;

/// The command and its settings.
#[derive(Args)]
pub(super) struct ListsCommand {
    #[command(subcommand)]
    action: ListsAction,
}

#[derive(Subcommand)]
enum ListsAction {
    /// Make a list for rules to ask for; the lists that block by themselves exist always
    Create {
        /// Its name: 1 to 40 of a-z, 0-9 and _
        list: String,
        /// The kind of its entries: card, bin, email, domain, ip, country or customer
        #[arg(long, value_parser = kind)]
        kind: ListKind,
        #[command(flatten)]
        change: Change,
    },
    /// Put an entry on a list, or change when it expires
    Add {
        /// The list
        list: String,
        /// The entry: a BIN, domain, network, country or cus_…, or an email or IP address, or a card:…, email:… or ip:… of a
        /// decision; - reads it from standard input, which a card number has to come from
        value: String,
        /// Days until it expires: 1 to 3650 [default: never]
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..=MAX_DAYS))]
        expires_in_days: Option<u64>,
        #[command(flatten)]
        change: Change,
    },
    /// Take an entry off a list
    Remove {
        /// The list
        list: String,
        /// The entry, as it is shown or as it was added; - reads it from standard input
        value: String,
        #[command(flatten)]
        change: Change,
    },
    /// Show all lists, or the entries of one
    Show {
        /// The list [default: all, without their entries]
        list: Option<String>,
        #[command(flatten)]
        settings: AdminSettings,
    },
    /// Put the lines of a file on a list; empty lines and those that begin with # are passed over
    Import {
        /// The list
        list: String,
        /// The file, or - for standard input: at most 100,000 entries
        file: PathBuf,
        /// Days until they expire: 1 to 3650 [default: never]
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..=MAX_DAYS))]
        expires_in_days: Option<u64>,
        #[command(flatten)]
        change: Change,
    },
}

impl ListsCommand {
    /// Does what was asked.
    pub async fn run(self) -> Result<(), CommandFailure> {
        match self.action {
            ListsAction::Create { list, kind, change } => {
                let (risk, note) = change.open().await?;
                let made = risk.create_list(&list, kind, &note).await?;
                anstream::println!("{} is a list of the kind {}", made.name, made.kind.as_str());
            }
            ListsAction::Add { list, value, expires_in_days, change } => {
                let entry = NewEntry { value: given(value)?, expires_at: expires_in_days.map(in_days) };
                let (risk, note) = change.open().await?;
                print_entries(&risk.add_list_entries(&list, &[entry], &note).await?);
            }
            ListsAction::Remove { list, value, change } => {
                let value = given(value)?;
                let (risk, note) = change.open().await?;
                risk.remove_list_entry(&list, &value, &note).await?;
                anstream::println!("the entry is off {list}");
            }
            ListsAction::Show { list: None, settings } => print_lists(&open(&settings).await?).await?,
            ListsAction::Show { list: Some(list), settings } => {
                print_entries(&all_entries(&open(&settings).await?, &list).await?);
            }
            ListsAction::Import { list, file, expires_in_days, change } => {
                let text = read_text(&file, MOST_BYTES)?;
                let (risk, note) = change.open().await?;
                import(&risk, &list, &text, expires_in_days.map(in_days), &note).await?;
            }
        }
        Ok(())
    }
}

/// The value, which stands on the command line unless it is a card number: the shell keeps what stands there.
fn given(value: String) -> Result<String, CommandFailure> {
    if value != "-" {
        if crate::domain::card_number::is_written_in(&value) {
            let sentence =
                "a card number must not be an argument, which the shell keeps: give - and send it to standard input";
            return Err(CommandFailure::Settings(sentence.to_owned()));
        }
        return Ok(value);
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

/// Adds the lines of a text, in batches, once all of them are fit.
async fn import(
    risk: &Risk,
    list: &str,
    text: &str,
    expires_at: Option<Timestamp>,
    note: &Note,
) -> Result<(), CommandFailure> {
    let is_entry = |(_, line): &(usize, &str)| !line.is_empty() && !line.starts_with('#');
    let lines: Vec<_> = (1..).zip(text.lines().map(str::trim)).filter(is_entry).collect();
    if lines.len() > MOST_ENTRIES {
        return Err(CommandFailure::Failed(format!(
            "must have at most {MOST_ENTRIES} entries, and has {}",
            lines.len()
        )));
    }
    let misfits = risk.misfits(list, lines.iter().map(|(_, value)| *value)).await?;
    if let Some((_, must)) = misfits.first() {
        let numbers: Vec<_> = misfits.iter().take(10).map(|(place, _)| lines[*place].0.to_string()).collect();
        let sentence = format!(
            "{} lines do not fit, and nothing was added: each {must} (lines {})",
            misfits.len(),
            numbers.join(", ")
        );
        return Err(CommandFailure::Failed(sentence));
    }
    let mut added = 0;
    for batch in lines.chunks(MOST_AT_ONCE) {
        let entries: Vec<_> =
            batch.iter().map(|(_, value)| NewEntry { value: (*value).to_owned(), expires_at }).collect();
        let stopped = |error| CommandFailure::Failed(format!("{added} lines were added until this happened: {error}"));
        risk.add_list_entries(list, &entries, note).await.map_err(stopped)?;
        added += batch.len();
    }
    anstream::println!("{added} lines are on {list}");
    Ok(())
}

async fn all_entries(risk: &Risk, list: &str) -> Result<Vec<ListEntry>, CommandFailure> {
    let mut entries: Vec<ListEntry> = Vec::new();
    loop {
        let after = entries.last().map(|entry| entry.value.clone());
        let page = risk.list_entries(list, after.as_deref(), PAGE).await?;
        if page.is_empty() {
            return Ok(entries);
        }
        entries.extend(page);
    }
}

async fn print_lists(risk: &Risk) -> Result<(), CommandFailure> {
    let mut table = Table::new(["LIST", "KIND", "ENTRIES", "BLOCKS BY ITSELF"]);
    for list in risk.list_lists().await? {
        let blocks = if hard_list(&list.name).is_some() { "yes" } else { "no" };
        table.row([list.name, list.kind.as_str().to_owned(), list.entries.to_string(), blocks.to_owned()]);
    }
    table.print();
    Ok(())
}

fn print_entries(entries: &[ListEntry]) {
    let mut table = Table::new(["ENTRY", "EXPIRES", "ADDED", "BY", "REASON"]);
    for entry in entries {
        let (expires, added) = (or_dash(entry.expires_at), to_the_second(entry.added_at));
        table.row([entry.value.clone(), expires, added, entry.added_by.clone(), entry.reason.clone()]);
    }
    table.print();
}

fn in_days(days: u64) -> Timestamp {
    Clock::system().now() + Duration::from_secs(days * 24 * 3600)
}

fn kind(text: &str) -> Result<ListKind, String> {
    let kinds: Vec<_> = ListKind::ALL.iter().map(|kind| kind.as_str()).collect();
    ListKind::parse(text).ok_or_else(|| format!("must be one of {}", kinds.join(", ")))
}
