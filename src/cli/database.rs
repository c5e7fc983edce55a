//! The database of a command that works on it alone.

use super::failure::CommandFailure;
use crate::{config::settings::AdminSettings, domain::environment::Environment, server::open_store, store::Store};

/// Opens the database for a command that works on it alone.
pub(super) async fn open(settings: &AdminSettings) -> Result<Store, CommandFailure> {
    let config = settings.read()?;
    Ok(open_store(&config.database, &config.master_keys, &Environment::system()).await?)
}
