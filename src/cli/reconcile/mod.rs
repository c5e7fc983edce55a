//! `reconcile`: the gateway's books beside Corefy's, payment by payment and refund by refund, as a table, CSV or JSON.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{arguments::moment, audited::note, failure::CommandFailure};
use crate::{
    app::reconciliation::ReconciliationRun,
    config::settings::ReconcileSettings,
    domain::{
        clock::{Clock, TimeRange, Timestamp},
        ids::PartnerId,
    },
};

mod books;
mod columns;
mod cursor;
mod format;
mod listed;
mod report;
mod run;
mod setup;
mod their_file;

use columns::Columns;
use cursor::Cursor;
use format::Format;
use report::Report;
use run::Run;
use their_file::TheirFile;

/// The longest time that changes may take to get into both books, in seconds.
const LONGEST_SETTLING: u64 = 7 * 24 * 3600;

/// The command and its settings.
#[derive(Args)]
pub(super) struct ReconcileCommand {
    /// Payments created then or later: a time such as 2026-11-01T00:00:00Z, or an age such as 24h or 7d
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Timestamp,
    /// Payments created before then [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<Timestamp>,
    /// Only those of this partner, by its short name as in the keys [default: all partners]
    #[arg(long, value_parser = super::keys::partner)]
    partner: Option<PartnerId>,
    /// Compare with a file of Corefy's, CSV with a header or one JSON object a line, instead of asking Corefy: finds what is missing
    /// here as well
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// The names of the file's columns, where they are other than id, reference, amount, currency, status, refunded and created_at,
    /// separated by commas: id=payment_id,amount=sum
    #[arg(long, value_name = "NAMES", requires = "against", value_parser = Columns::parse)]
    columns: Option<Columns>,
    /// When the file was made: what changed since may be in one of the books alone [default: when it was last written]
    #[arg(long, value_name = "TIME", requires = "against", value_parser = moment)]
    as_of: Option<Timestamp>,
    /// How old a change has to be to be in both books, in seconds: 0 to 604800. What differs and is younger is pending
    #[arg(long, value_name = "SECONDS", default_value = "60",
        value_parser = clap::value_parser!(u64).range(0..=LONGEST_SETTLING))]
    settling_seconds: u64,
    /// How to print differences: json has one object a line, and the totals in the last
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// The file for csv or json, which must not exist yet, or - for standard output. The same command goes on where an earlier one
    /// was stopped
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
    /// Settle what differs: for each such payment an event reconcile.mismatch, and what Corefy says is taken over as ever
    #[arg(long)]
    apply: bool,
    /// Why, in 1 to 500 characters, for the audit log; nothing that identifies a payer
    #[arg(long, value_parser = super::audited::reason)]
    reason: Option<String>,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    settings: ReconcileSettings,
}

impl ReconcileCommand {
    /// Compares, prints and, if asked to, settles. Fails with the exit code 3 when there are differences.
    pub async fn run(self) -> Result<(), CommandFailure> {
        let to = self.to.unwrap_or_else(|| Clock::system().now());
        if to <= self.from {
            return Err(CommandFailure::Settings("--from must be before --to".to_owned()));
        }
        let file = self
            .against
            .as_deref()
            .map(|path| TheirFile::open(path, self.columns.clone().unwrap_or_default(), self.as_of));
        let file = file.transpose()?;
        let needs_corefy = file.is_none() || self.apply;
        let settling = Duration::from_secs(self.settling_seconds);
        let (reconciliation, app) = setup::open(&self.settings, settling, needs_corefy).await?;
        let (report, cursor) = Report::open(self.format, &self.out, &self.fingerprint())?;
        let cursor = cursor.unwrap_or_else(|| Cursor::new(to));
        let plan = ReconciliationRun {
            created: TimeRange { from: Some(self.from), before: Some(cursor.to) },
            partner: self.partner.clone(),
            is_against_file: file.is_some(),
            applies: self.apply,
        };
        let mut run = Run::new(reconciliation.clone(), plan.clone(), report, cursor, self.quiet);
        let ended = match file {
            Some(file) => run.against_file(file).await,
            None => run.against_corefy().await,
        };
        if ended.is_ok() {
            reconciliation.note(&note(self.reason.unwrap_or_default()), &plan, run.totals()).await?;
        }
        let ended = ended.and_then(|()| run.finish());
        // Without changes there is nothing to be written behind them either: the log of calls stays as it is.
        if let Some(app) = app.filter(|_| self.apply) {
            app.drain().await;
        }
        ended
    }

    /// The arguments that decide what is found and written.
    fn fingerprint(&self) -> String {
        let moment = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), |at| at.to_string());
        let against = self.against.as_ref().map_or("corefy".to_owned(), |path| path.display().to_string());
        format!(
            "reconcile --from {} --to {} --partner {} --against {against} --as-of {} --settling-seconds {}{}",
            self.from,
            moment(self.to),
            self.partner.as_ref().map_or("-", PartnerId::as_str),
            moment(self.as_of),
            self.settling_seconds,
            if self.apply { " --apply" } else { "" },
        )
    }
}
