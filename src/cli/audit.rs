//! `audit`: the log of what was decided, as a table or as JSON, its verification and its export.

use std::{io::Write as _, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::{
    arguments::moment,
    audited::AuditedDecision,
    database,
    failure::CommandFailure,
    new_file::output,
    table::{Table, to_the_second},
};
use crate::{
    app::audit::AuditLog,
    config::settings::AdminSettings,
    domain::{
        audit::{Anchor, AuditAction, AuditFault, AuditFilter, AuditRecord},
        clock::{TimeRange, Timestamp},
        environment::Environment,
    },
};

/// The most entries that are listed at once.
const MOST: u32 = 1000;

/// The command and its settings.
#[derive(Args)]
pub(super) struct AuditCommand {
    #[command(subcommand)]
    action: AuditSubcommand,
}

#[derive(Subcommand)]
enum AuditSubcommand {
    /// List what was decided, newest first
    List {
        #[command(flatten)]
        filter: Filter,
        /// How many to list at most: 1 to 1000
        #[arg(long, default_value = "50", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST)))]
        limit: u32,
        /// How to print them: json has one object a line, with what was before and after
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
        #[command(flatten)]
        settings: AdminSettings,
    },
    /// Verify that no row was changed, removed, moved or added by another hand, and say which was; exits with 1 if so
    Verify {
        /// A row that the log of a gateway has named, as SEQUENCE:HASH: shows whether the table was cut or made anew
        #[arg(long, value_parser = anchor)]
        head: Option<Anchor>,
        /// How to print faults: json has one object a line
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
        #[command(flatten)]
        settings: AdminSettings,
    },
    /// Write entries as JSON, one a line, oldest first; the export is audited
    Export {
        #[command(flatten)]
        filter: Filter,
        /// The file, which must not exist yet, or - for standard output
        #[arg(long, default_value = "-")]
        out: PathBuf,
        #[command(flatten)]
        decision: AuditedDecision,
    },
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    Table,
    Json,
}

#[derive(Args)]
struct Filter {
    /// Only these decisions, separated by commas, such as key.revoke or operation.resolve
    #[arg(long, value_delimiter = ',', value_parser = action)]
    action: Vec<AuditAction>,
    /// Only those of this author: a user, or the public half of a key
    #[arg(long)]
    actor: Option<String>,
    /// Only those about the object with this id
    #[arg(long, value_name = "ID")]
    object: Option<String>,
    /// Only those made since: a time such as 2026-11-23T10:00:00Z, or an age such as 24h or 30d
    #[arg(long, value_parser = moment)]
    from: Option<Timestamp>,
    /// Only those made before: a time or an age
    #[arg(long, value_parser = moment)]
    to: Option<Timestamp>,
}

impl From<Filter> for AuditFilter {
    fn from(Filter { action, actor, object, from, to }: Filter) -> Self {
        Self { actions: action, actor, object, made: TimeRange { from, before: to } }
    }
}

impl AuditCommand {
    /// Does what was asked.
    pub async fn run(self) -> Result<(), CommandFailure> {
        match self.action {
            AuditSubcommand::List { filter, limit, format, settings } => {
                print(&open(&settings).await?.list(&filter.into(), limit).await?, format);
                Ok(())
            }
            AuditSubcommand::Verify { head, format, settings } => {
                verify(&open(&settings).await?, head.as_ref(), format).await
            }
            AuditSubcommand::Export { filter, out, decision } => {
                let log = open(&decision.settings).await?;
                let mut to = output(&out)?;
                let count = log
                    .export(&filter.into(), &decision.note(), |rows| {
                        rows.iter().try_for_each(|row| writeln!(to, "{}", json(row))).map_err(CommandFailure::from)
                    })
                    .await?;
                to.flush()?;
                anstream::eprintln!("{count} entries");
                Ok(())
            }
        }
    }
}

async fn open(settings: &AdminSettings) -> Result<AuditLog, CommandFailure> {
    let store = database::open(settings).await?;
    Ok(AuditLog::new(store, Environment::system()))
}

fn print(records: &[AuditRecord], format: Format) {
    if format == Format::Json {
        records.iter().for_each(|record| anstream::println!("{}", json(record)));
        return;
    }
    let mut table = Table::new(["ROW", "TIME", "BY", "DECISION", "OBJECT", "REASON"]);
    for record in records {
        let object = if record.object.is_empty() { &record.object_kind } else { &record.object };
        table.row([
            record.sequence.to_string(),
            to_the_second(record.made_at),
            record.author(),
            record.action.clone(),
            object.clone(),
            record.reason.clone(),
        ]);
    }
    table.print();
}

async fn verify(log: &AuditLog, anchor: Option<&Anchor>, format: Format) -> Result<(), CommandFailure> {
    let report = |fault: &AuditFault| match format {
        Format::Table => anstream::println!("{fault}"),
        Format::Json => anstream::println!("{}", json!({"fault": fault.kind(), "message": fault.to_string()})),
    };
    let verified = log.verify(anchor, report).await?;
    let head = &verified.head;
    let end = format!("{}:{}", head.sequence, base16ct::lower::encode_string(&head.hash));
    let (rows, first) = (verified.rows, head.first_sequence);
    match verified.faults {
        0 => anstream::eprintln!("{rows} rows from {first} on are as they were written; the log ends with {end}"),
        1 => return Err(CommandFailure::Failed(format!("1 fault in {rows} rows"))),
        faults => return Err(CommandFailure::Failed(format!("{faults} faults in {rows} rows"))),
    }
    Ok(())
}

/// A row as a line of an export. The hashes are in hexadecimal digits.
fn json(record: &AuditRecord) -> serde_json::Value {
    let hex = base16ct::lower::encode_string;
    let values = |text: &Option<String>| text.as_ref().and_then(|text| serde_json::from_str(text).ok());
    let (before, after): (Option<serde_json::Value>, Option<_>) = (values(&record.before), values(&record.after));
    json!({
        "sequence": record.sequence,
        "id": record.id,
        "made_at": record.made_at.to_string(),
        "actor_kind": record.actor_kind,
        "actor": record.actor,
        "host": record.host,
        "action": record.action,
        "object_kind": record.object_kind,
        "object": record.object,
        "reason": record.reason,
        "before": before,
        "after": after,
        "previous_hash": hex(&record.previous_hash),
        "hash": hex(&record.hash),
    })
}

fn action(text: &str) -> Result<AuditAction, String> {
    let words = AuditAction::ALL.iter().copied().map(AuditAction::as_str).collect::<Vec<_>>().join(", ");
    AuditAction::parse(text).ok_or_else(|| format!("must be one of {words}"))
}

fn anchor(text: &str) -> Result<Anchor, String> {
    Anchor::parse(text)
        .ok_or_else(|| "must be a number and 64 hexadecimal digits, with a colon between them".to_owned())
}
