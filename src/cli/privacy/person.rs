//! The person that a command is about.

use std::io::{self, Read as _};

use clap::{ArgGroup, Args};

use crate::{
    app::people::{ExportSubject, People},
    cli::{failure::CommandFailure, keys::partner},
    domain::{
        ids::{CustomerId, ErasureId, PartnerId},
        private::Private,
    },
    error::Error,
    rpc::contacts,
};

/// The longest line that is read from standard input, in bytes: an email address has at most 254 characters.
const LONGEST_LINE: u64 = 1024;

/// The flags that name a person.
#[derive(Args)]
#[command(group = ArgGroup::new("person").required(true))]
pub(super) struct PersonArguments {
    /// A customer, with all that is theirs
    #[arg(long, value_name = "CUS_ID", group = "person", value_parser = customer)]
    customer: Option<CustomerId>,
    /// The email address of a payer, with a customer or without; - reads it from standard input, so that no list of processes shows it
    #[arg(long, group = "person", requires = "partner")]
    email: Option<String>,
    /// The payer's partner, by its short name as in the keys
    #[arg(long, value_parser = partner)]
    partner: Option<PartnerId>,
}

/// The person, as the flags name it.
pub(super) struct Person {
    /// The customer, or the email address.
    pub subject: ExportSubject,
    partner: Option<PartnerId>,
}

impl PersonArguments {
    /// Reads the flags, and standard input where they say so.
    pub fn read(self) -> Result<Person, CommandFailure> {
        let subject = match (self.customer, self.email) {
            (Some(id), _) => ExportSubject::Customer(id),
            (None, Some(text)) => ExportSubject::Email(email(&text)?),
            (None, None) => return Err(CommandFailure::Settings("--customer or --email is required".to_owned())),
        };
        Ok(Person { subject, partner: self.partner })
    }
}

impl Person {
    /// The partner that the person's objects belong to.
    ///
    /// # Errors
    /// When it has no such customer.
    pub async fn partner(&self, people: &People) -> Result<PartnerId, Error> {
        match (&self.partner, &self.subject) {
            (Some(partner), _) => Ok(partner.clone()),
            (None, ExportSubject::Customer(id)) => people.partner_of(id).await,
            (None, ExportSubject::Email(_)) => Err(Error::not_found("partner", "")),
        }
    }
}

fn email(text: &str) -> Result<Private, CommandFailure> {
    let mut line = text.to_owned();
    if text == "-" {
        line.clear();
        io::stdin().take(LONGEST_LINE).read_to_string(&mut line)?;
    }
    let address = contacts::email(line.trim());
    address.map(Private::new).map_err(|why| CommandFailure::Settings(format!("--email: {why}")))
}

fn customer(text: &str) -> Result<CustomerId, String> {
    CustomerId::parse(text).ok_or_else(|| "must be an id of a customer, cus_…".to_owned())
}

/// Reads the id of an erasure.
pub(super) fn erasure(text: &str) -> Result<ErasureId, String> {
    ErasureId::parse(text).ok_or_else(|| "must be an id of an erasure, era_…".to_owned())
}
