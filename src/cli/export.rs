//! `export`: books as files, written page by page, resumed after whatever stopped them.

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::{
    arguments::moment,
    audited::AuditedDecision,
    database,
    failure::CommandFailure,
    progress::{Progress, share_of_time},
    resumable_file::ResumableFile,
};
use crate::{
    app::exports::Exports,
    domain::{
        books::{Export, Exported, ExportedKind, Place, RangeEnd, TextFormat, TextRows},
        clock::Timestamp,
        environment::Environment,
        ids::PartnerId,
    },
};

mod parquet_file;

/// The command and its settings.
#[derive(Args)]
pub(super) struct ExportCommand {
    /// Payments, refunds or events
    #[arg(value_parser = kind)]
    kind: ExportedKind,
    /// From this moment on: a time such as 2026-11-01T00:00:00Z, or an age such as 24h or 30d
    #[arg(long, value_parser = given_moment)]
    from: GivenMoment,
    /// Up to before this moment, at least 5 minutes back: a time or an age [default: 5 minutes back]
    #[arg(long, value_parser = given_moment)]
    to: Option<GivenMoment>,
    /// Only those of this partner, by its short name as in the keys [default: all partners]
    #[arg(long, value_parser = super::keys::partner)]
    partner: Option<PartnerId>,
    /// How to write them
    #[arg(long, value_enum)]
    format: Format,
    /// The file, which must not exist yet, or - for standard output. Until it is whole it is called FILE.part; the same command
    /// goes on with that
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Write an apostrophe before each text that a spreadsheet would run as a formula; CSV only
    #[arg(long)]
    for_spreadsheets: bool,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    decision: AuditedDecision,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    /// Values separated by commas, with a heading
    Csv,
    /// An object of JSON a line
    Jsonl,
    /// Parquet, with exact decimals; needs a file
    Parquet,
}

/// A moment, and the words in which it was given: an age is another moment each time.
#[derive(Clone)]
struct GivenMoment {
    words: String,
    at: Timestamp,
}

/// The partner whose rows come next, and the last of them that was written.
type Reached = (PartnerId, Option<Place>);

/// Where the export goes on. The range is that of the first run, whatever an age would mean now.
#[derive(Serialize, Deserialize)]
struct Cursor {
    from: Timestamp,
    before: Timestamp,
    reached: Reached,
}

impl ExportCommand {
    /// Writes the file.
    pub async fn run(self) -> Result<(), CommandFailure> {
        if self.for_spreadsheets && self.format != Format::Csv {
            return Err(CommandFailure::Settings("--for-spreadsheets is for --format csv".to_owned()));
        }
        if self.format == Format::Parquet && self.out == Path::new("-") {
            return Err(CommandFailure::Settings("--format parquet needs a file, --out FILE".to_owned()));
        }
        let store = database::open(&self.decision.settings).await?;
        let exports = Exports::new(store, Environment::system());
        let (file, cursor) = ResumableFile::open(&self.out, &self.fingerprint())?;
        let (export, reached) = self.range(&exports, cursor)?;
        let partners = exports.partners(self.partner.as_ref()).await?;
        exports.begin(&export, self.partner.as_ref(), self.format.as_str(), &self.decision.note()).await?;
        let progress = Progress::new(file.rows(), self.quiet);
        let rows = TextRows::new(self.kind, self.format.text()).for_spreadsheets(self.for_spreadsheets);
        let mut run = Run { exports, export, rows, file, progress };
        if reached.is_none() {
            run.rows.write_head(&mut run.file)?;
        }
        run.partners(&partners, reached).await?;
        run.progress.finish();
        let count = run.file.rows();
        match self.format {
            Format::Csv | Format::Jsonl => run.file.finish()?,
            Format::Parquet => {
                run.file.finish_as(|rows, to| parquet_file::write(self.kind, rows, to).map(|_| ()))?;
            }
        }
        anstream::eprintln!("{count} rows");
        Ok(())
    }

    /// The arguments that make the file what it is.
    fn fingerprint(&self) -> String {
        let partner = self.partner.as_ref().map_or(String::new(), |partner| format!(" --partner {partner}"));
        let to = self.to.as_ref().map_or(String::new(), |to| format!(" --to {}", to.words));
        let quoted = if self.for_spreadsheets { " --for-spreadsheets" } else { "" };
        let (kind, from, format) = (self.kind.as_str(), &self.from.words, self.format.as_str());
        format!("export {kind} --from {from}{to}{partner} --format {format}{quoted}")
    }

    /// The range of the run before, and where to go on; or the range that is asked for.
    fn range(&self, exports: &Exports, cursor: Option<String>) -> Result<(Export, Option<Reached>), CommandFailure> {
        if let Some(cursor) = cursor {
            let cursor: Cursor = serde_json::from_str(&cursor).map_err(|error| {
                CommandFailure::Failed(format!("the cursor beside {} cannot be read: {error}", self.out.display()))
            })?;
            let export = Export { kind: self.kind, from: cursor.from, before: cursor.before };
            return Ok((export, Some(cursor.reached)));
        }
        let before = self.to.as_ref().map(|to| to.at);
        let export = exports.range(self.kind, self.from.at, before).map_err(|(end, why)| {
            let flag = if end == RangeEnd::From { "--from" } else { "--to" };
            CommandFailure::Settings(format!("{flag} {why}"))
        })?;
        Ok((export, None))
    }
}

/// An export under way.
struct Run {
    exports: Exports,
    export: Export,
    rows: TextRows,
    file: ResumableFile,
    progress: Progress,
}

impl Run {
    /// Writes the rows of each partner, from where an earlier run came to.
    async fn partners(&mut self, partners: &[PartnerId], reached: Option<Reached>) -> Result<(), CommandFailure> {
        let (next, mut place) = reached.map_or((None, None), |(partner, place)| (Some(partner), place));
        for (number, partner) in partners.iter().enumerate() {
            if next.as_ref().is_none_or(|next| partner >= next) {
                let after = place.take().filter(|_| next.as_ref() == Some(partner));
                self.partner(partner, after, (number, partners.len())).await?;
            }
        }
        Ok(())
    }

    /// Writes the rows of one of `partners`, page by page.
    async fn partner(
        &mut self,
        partner: &PartnerId,
        after: Option<Place>,
        partners: (usize, usize),
    ) -> Result<(), CommandFailure> {
        self.checkpoint(0, partner, after.clone())?;
        let mut books = self.exports.read(&self.export, partner, after).await?;
        loop {
            let page = books.next().await?;
            let Some(last) = page.last() else { return Ok(()) };
            for object in &page {
                self.rows.write(object, &mut self.file)?;
            }
            self.checkpoint(page.len() as u64, partner, Some(last.place()))?;
            self.progress.advance(self.share(last, partners), self.file.rows());
        }
    }

    fn checkpoint(&mut self, rows: u64, partner: &PartnerId, place: Option<Place>) -> Result<(), CommandFailure> {
        let Export { from, before, .. } = self.export;
        let cursor = Cursor { from, before, reached: (partner.clone(), place) };
        let cursor = serde_json::to_string(&cursor).map_err(io::Error::from)?;
        self.file.checkpoint(rows, &cursor)
    }

    /// How much is done: of the partners, and of the time of this one.
    #[expect(clippy::cast_precision_loss, reason = "there are few partners")]
    fn share(&self, last: &Exported, (number, partners): (usize, usize)) -> f64 {
        let of_this = share_of_time((self.export.from, self.export.before), last.created_at());
        (number as f64 + of_this) / partners as f64
    }
}

impl Format {
    fn as_str(self) -> &'static str {
        match self {
            Self::Csv | Self::Jsonl => self.text().as_str(),
            Self::Parquet => "parquet",
        }
    }

    /// The format of the lines that are written first.
    fn text(self) -> TextFormat {
        match self {
            Self::Csv => TextFormat::Csv,
            Self::Jsonl | Self::Parquet => TextFormat::Jsonl,
        }
    }
}

fn kind(text: &str) -> Result<ExportedKind, String> {
    let words = ExportedKind::ALL.iter().copied().map(ExportedKind::as_str).collect::<Vec<_>>().join(", ");
    ExportedKind::parse(text).ok_or_else(|| format!("must be one of {words}"))
}

fn given_moment(text: &str) -> Result<GivenMoment, String> {
    Ok(GivenMoment { words: text.to_owned(), at: moment(text)? })
}
