//! The key of callers of `dev`: the one that is given, that of a database that was kept, or a new one.

use std::fs;

use secrecy::{ExposeSecret as _, SecretString};

use super::{audited::note, failure::CommandFailure};
use crate::{
    app::key_admin::{KeyAdmin, NewKey},
    config::{Config, local::DevConfig},
    domain::{
        api_key::{ApiKey, Scope},
        environment::Environment,
        hash_key::Purpose,
        key_pair::KeyPair,
    },
    server::open_store,
};

/// The file with the key, in the directory of `dev`.
pub(super) const KEY_FILE: &str = "api-key";

/// The key of callers, which the database knows afterwards. `is_kept`: the database is that of an earlier run, whose key goes on
/// working. Fails when a key that is given does not open that database.
pub(super) async fn callers_key(
    dev: &DevConfig,
    config: &Config,
    environment: &Environment,
    is_kept: bool,
) -> Result<SecretString, CommandFailure> {
    let store = open_store(&config.database, &config.master_keys, environment).await?;
    let pepper = store.hash_key().derive(Purpose::Pepper);
    let keys = KeyAdmin::new(store, environment.clone(), note("a database of dev".to_owned()));
    let left = || fs::read_to_string(dev.dir.join(KEY_FILE)).ok().filter(|_| is_kept);
    let wanted = dev.api_key.clone().or_else(|| left().map(|text| text.trim().into()));
    let Some((key, pair)) = wanted.and_then(|key| KeyPair::parse(key.expose_secret()).map(|pair| (key, pair))) else {
        return Ok(keys.create(new_key()).await?);
    };
    let known = keys.list(None).await?;
    match known.iter().find(|known| known.id == pair.public) {
        Some(known) if opens(known, &pair, &pepper) => Ok(key),
        Some(_) if dev.api_key.is_some() => Err(CommandFailure::Failed(format!(
            "GATEWAY_DEV_API_KEY: the database kept in {} knows this key with another secret, or as revoked",
            dev.dir.display()
        ))),
        Some(_) => Ok(keys.create(new_key()).await?),
        None => {
            keys.create_given(new_key(), &pair).await?;
            Ok(key)
        }
    }
}

fn opens(known: &ApiKey, pair: &KeyPair, pepper: &[u8]) -> bool {
    known.revoked_at.is_none() && known.secret_hash == pair.secret.hash(pepper)
}

fn new_key() -> NewKey {
    NewKey {
        partner_name: "Acme".to_owned(),
        key_name: "dev".to_owned(),
        scopes: Scope::ALL.to_vec(),
        allowed: Vec::new(),
        expires_at: None,
    }
}
