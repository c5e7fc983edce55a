//! `privacy`: erases a person, exports what is kept of one, and shows erasures or begins them again.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{
    audited::{note, reason},
    database,
    failure::CommandFailure,
};
use crate::{
    app::people::People,
    config::settings::{AdminSettings, RetentionSettings},
    domain::{environment::Environment, retention::Retention},
};

mod erasures;
mod export;
mod person;
mod reapply;

/// The command and its settings.
#[derive(Args)]
pub(super) struct PrivacyCommand {
    #[command(subcommand)]
    action: PrivacyAction,
}

#[derive(Subcommand)]
enum PrivacyAction {
    /// Begin to erase a person; the running gateway takes the steps
    Erase {
        #[command(flatten)]
        person: person::PersonArguments,
        #[command(flatten)]
        why: Why,
        #[command(flatten)]
        settings: AdminSettings,
    },
    /// Write all that is kept of a person as one JSON document; the export is audited
    Export {
        #[command(flatten)]
        person: person::PersonArguments,
        /// The file, which must not exist yet, or - for standard output
        #[arg(long)]
        out: PathBuf,
        #[command(flatten)]
        why: Why,
        #[command(flatten)]
        retention: RetentionSettings,
        #[command(flatten)]
        settings: AdminSettings,
    },
    /// Show how far an erasure has come
    Show {
        /// Its id, era_…
        #[arg(value_parser = person::erasure)]
        id: crate::domain::ids::ErasureId,
        #[command(flatten)]
        settings: AdminSettings,
    },
    /// List the erasures of all partners; as jsonl, it is the file that `reapply` takes
    Erasures {
        #[command(flatten)]
        list: erasures::ListArguments,
        #[command(flatten)]
        settings: AdminSettings,
    },
    /// Begin again, after a restore, the erasures of a file that the database lacks; the running gateway takes the steps
    Reapply {
        /// The file, as `erasures --format jsonl` writes it
        file: PathBuf,
        #[command(flatten)]
        why: Why,
        #[command(flatten)]
        settings: AdminSettings,
    },
}

/// The reason, which these decisions require.
#[derive(Args)]
struct Why {
    /// Why, in 1 to 500 characters, for the audit log; nothing that identifies a payer
    #[arg(long, value_parser = reason)]
    reason: String,
}

impl PrivacyCommand {
    /// Does what was asked.
    pub async fn run(self) -> Result<(), CommandFailure> {
        match self.action {
            PrivacyAction::Erase { person, why, settings } => {
                let people = open(&settings, Retention::default()).await?;
                erasures::erase(&people, person.read()?, note(why.reason)).await
            }
            PrivacyAction::Export { person, out, why, retention, settings } => {
                let people = open(&settings, retention.checked()?).await?;
                export::run(&people, person.read()?, note(why.reason), &out).await
            }
            PrivacyAction::Show { id, settings } => {
                erasures::show(&open(&settings, Retention::default()).await?, &id).await
            }
            PrivacyAction::Erasures { list, settings } => {
                erasures::list(&open(&settings, Retention::default()).await?, &list).await
            }
            PrivacyAction::Reapply { file, why, settings } => {
                reapply::run(&open(&settings, Retention::default()).await?, &file, &note(why.reason)).await
            }
        }
    }
}

/// Opens the database. The times of retention are those that an export names.
async fn open(settings: &AdminSettings, retention: Retention) -> Result<People, CommandFailure> {
    let store = database::open(settings).await?;
    Ok(People::new(store, Environment::system(), retention))
}
