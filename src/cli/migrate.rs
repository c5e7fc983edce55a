//! `migrate`: brings the database up to date without serving.

use clap::Args;
use secrecy::ExposeSecret as _;

use super::failure::CommandFailure;
use crate::{config::settings::MigrateSettings, store};

/// The command and its settings.
#[derive(Args)]
pub(super) struct MigrateCommand {
    #[command(flatten)]
    settings: MigrateSettings,
}

impl MigrateCommand {
    /// Migrates, and says from which version to which.
    pub async fn run(self) -> Result<(), CommandFailure> {
        let database = self.settings.read()?;
        let before = store::migrate(database.url.expose_secret()).await?;
        let (from, to) = (before.version(), before.known.last().copied().unwrap_or_default());
        match before.missing().len() {
            0 => anstream::println!("the database is up to date, at version {from}"),
            1 => {
                anstream::println!("the database went from version {from} to version {}, by 1 migration", to.max(from))
            }
            count => anstream::println!(
                "the database went from version {from} to version {}, by {count} migrations",
                to.max(from)
            ),
        }
        Ok(())
    }
}
