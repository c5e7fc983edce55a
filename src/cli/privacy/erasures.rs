//! Erasures: begun, shown, and listed.

use std::{io::Write as _, path::PathBuf};

use clap::{Args, ValueEnum};

use super::person::Person;
use crate::{
    app::people::{ExportSubject, People, Requester},
    cli::{
        arguments::moment,
        failure::CommandFailure,
        keys::partner,
        new_file::output,
        table::{Table, or_dash, print_values, to_the_second},
    },
    domain::{
        audit::Note,
        clock::Timestamp,
        erasure::{job::Erasure, past::PastErasure},
        ids::{ErasureId, PartnerId},
    },
};

/// How many erasures are read at a time.
const PAGE: u32 = 500;

/// Which erasures are listed, and how.
#[derive(Args)]
pub(super) struct ListArguments {
    /// Only those of this partner, by its short name as in the keys [default: all partners]
    #[arg(long, value_parser = partner)]
    partner: Option<PartnerId>,
    /// Only those that were asked for since: a time such as 2026-11-23T10:00:00Z, or an age such as 24h or 30d
    #[arg(long, value_parser = moment)]
    from: Option<Timestamp>,
    /// How to print them: jsonl has one object a line, with ids, times and keyed hashes
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// The file, which must not exist yet, or - for standard output; for jsonl
    #[arg(long, default_value = "-")]
    out: PathBuf,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    Table,
    Jsonl,
}

/// Begins to erase a person, and shows the erasures.
pub(super) async fn erase(people: &People, person: Person, note: Note) -> Result<(), CommandFailure> {
    let requester = Requester { partner_id: person.partner(people).await?, note };
    let erasures = match person.subject {
        ExportSubject::Customer(id) => vec![people.erase_customer(&requester, id).await?],
        ExportSubject::Email(email) => people.erase_payer(&requester, email.expose()).await?,
    };
    print(&erasures);
    anstream::eprintln!("the running gateway takes the steps; see how far it is with: corefy-gateway privacy show ID");
    Ok(())
}

/// Shows an erasure.
pub(super) async fn show(people: &People, id: &ErasureId) -> Result<(), CommandFailure> {
    let unknown = || CommandFailure::Failed(format!("there is no erasure {id}"));
    let erasure = people.find_erasure(id).await?.ok_or_else(unknown)?;
    print_values(&[
        ("id", erasure.id.to_string()),
        ("partner", erasure.partner_id.to_string()),
        ("customer", customer(&erasure)),
        ("stage", erasure.stage.as_str().to_owned()),
        ("emptied", erasure.emptied.to_string()),
        ("asked for by", erasure.requested_by.clone()),
        ("reason", erasure.reason.clone()),
        ("asked for", to_the_second(erasure.requested_at)),
        ("next step", or_dash((!erasure.is_done()).then_some(erasure.due_at))),
        ("finished", or_dash(erasure.finished_at)),
    ]);
    Ok(())
}

/// Lists erasures in the order of their ids, a page at a time.
pub(super) async fn list(people: &People, arguments: &ListArguments) -> Result<(), CommandFailure> {
    let ListArguments { partner, from, format, out } = arguments;
    let is_table = *format == Format::Table;
    if is_table && out.as_os_str() != "-" {
        return Err(CommandFailure::Settings("--out: needs --format jsonl".to_owned()));
    }
    let (mut to, mut after) = (output(out)?, None);
    loop {
        let page = people.erasures(partner.as_ref(), *from, after.as_ref(), PAGE).await?;
        if is_table {
            print(&page);
        } else {
            page.iter().try_for_each(|erasure| writeln!(to, "{}", PastErasure::from(erasure).line()))?;
        }
        let is_full = page.len() == PAGE as usize;
        after = page.into_iter().next_back().map(|last| last.id).filter(|_| is_full);
        if after.is_none() {
            return Ok(to.flush()?);
        }
    }
}

fn print(erasures: &[Erasure]) {
    let mut table = Table::new(["ASKED FOR", "ID", "PARTNER", "CUSTOMER", "STAGE", "EMPTIED", "FINISHED"]);
    for erasure in erasures {
        table.row([
            to_the_second(erasure.requested_at),
            erasure.id.to_string(),
            erasure.partner_id.to_string(),
            customer(erasure),
            erasure.stage.as_str().to_owned(),
            erasure.emptied.to_string(),
            or_dash(erasure.finished_at),
        ]);
    }
    table.print();
}

fn customer(erasure: &Erasure) -> String {
    erasure.customer().map_or_else(|| "-".to_owned(), ToString::to_string)
}
