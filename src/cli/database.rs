//! The database of a command that works on it alone.

use super::failure::CommandFailure;
use crate::{
    config::settings::AdminSettings,
    domain::{environment::Environment, master_key::MasterKey},
    server::open_store,
    store::Store,
};

/// Opens the database for a command that works on it alone.
pub(super) async fn open(settings: &AdminSettings) -> Result<(Store, MasterKey), CommandFailure> {
    let config = settings.read()?;
    let master_key = MasterKey::new(config.master_key);
    let store = open_store(&config.database, &master_key, &Environment::system()).await?;
    Ok((store, master_key))
}
