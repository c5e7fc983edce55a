//! The export of what is kept of a person: one payment in memory at a time.

use std::{fs, io::Write, path::Path};

use serde_json::Value;

use super::person::Person;
use crate::{
    app::people::{People, Requester},
    cli::{failure::CommandFailure, new_file::output},
    domain::audit::Note,
};

/// Writes the document, as `ExportPersonalData` answers it on one page. A document that could not be ended is removed.
pub(super) async fn run(people: &People, person: Person, note: Note, out: &Path) -> Result<(), CommandFailure> {
    let requester = Requester { partner_id: person.partner(people).await?, note };
    let mut document = Document { to: output(out)?, records: 0 };
    let written = write(people, &requester, &person, &mut document).await;
    let records = written.inspect_err(|_| {
        if out != Path::new("-") {
            // The failure of the export is the one to report.
            let _ = fs::remove_file(out);
        }
    })?;
    anstream::eprintln!("{records} records");
    Ok(())
}

async fn write(
    people: &People,
    requester: &Requester,
    person: &Person,
    document: &mut Document,
) -> Result<u64, CommandFailure> {
    document.begin(&people.now().to_string())?;
    document.add(&people.export_person(requester, &person.subject).await?)?;
    let mut after = None;
    while let Some(payment) = people.export_next_payment(requester, &person.subject, after).await? {
        document.add(&payment.kept)?;
        after = Some(payment.position);
    }
    document.end()
}

/// A document on its way into a file.
struct Document {
    to: Box<dyn Write + Send>,
    records: u64,
}

impl Document {
    fn begin(&mut self, exported_at: &str) -> Result<(), CommandFailure> {
        Ok(write!(self.to, "{{\"exported_at\":{},\"records\":[", Value::from(exported_at))?)
    }

    fn add(&mut self, records: &[Value]) -> Result<(), CommandFailure> {
        for record in records {
            let before = if self.records == 0 { "" } else { "," };
            write!(self.to, "{before}\n{record}")?;
            self.records += 1;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<u64, CommandFailure> {
        writeln!(self.to, "\n]}}")?;
        self.to.flush()?;
        Ok(self.records)
    }
}
