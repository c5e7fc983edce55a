//! API keys as an operator manages them, by command. Each decision is audited in the commit that carries it out.

use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;
use serde_json::json;

use crate::{
    domain::{
        api_key::{ApiKey, Scope},
        audit::{AuditAction, AuditEntry, Note},
        clock::Timestamp,
        environment::Environment,
        hash_key::Purpose,
        ids::PartnerId,
        key_pair::{KeyPair, PublicKey, SecretKey},
    },
    error::Error,
    store::{Change, Store},
};

/// How many numbers are tried behind a short name that another partner has.
const SHORT_NAME_TRIES: u32 = 99;

/// The properties of a new key.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The partner's name, for people; the partner is made when there is none of this name.
    pub partner_name: String,
    /// Name of the key, for its owner.
    pub key_name: String,
    /// The scopes that it gets.
    pub scopes: Vec<Scope>,
    /// Where it may be used from; empty: anywhere.
    pub allowed: Vec<IpNet>,
    /// From when on it is no longer good.
    pub expires_at: Option<Timestamp>,
}

/// The management of keys, which needs the database but not Corefy.
pub struct KeyAdmin {
    store: Store,
    environment: Environment,
    note: Note,
}

impl KeyAdmin {
    /// On this database. What is decided is audited with this note.
    pub fn new(store: Store, environment: Environment, note: Note) -> Self {
        Self { store, environment, note }
    }

    /// Makes a key. The pair `pk_…:sk_…` is shown here and never again.
    pub async fn create(&self, new: NewKey) -> Result<SecretString, Error> {
        let partner_id = self.partner(&new.partner_name, self.environment.clock.now()).await?;
        let pair = KeyPair::generate(&partner_id, &self.environment.randomness);
        self.keep(new, partner_id, &pair).await?;
        Ok(pair.expose())
    }

    /// Makes a key of a pair that is given, for a gateway that guards nothing real. One that is there already stays.
    pub async fn create_given(&self, new: NewKey, pair: &KeyPair) -> Result<(), Error> {
        if self.list(None).await?.iter().any(|key| key.id == pair.public) {
            return Ok(());
        }
        let partner_id = self.partner(&new.partner_name, self.environment.clock.now()).await?;
        self.keep(new, partner_id, pair).await
    }

    /// Writes a key down, of which only the hash of the secret is kept.
    async fn keep(&self, new: NewKey, partner_id: PartnerId, pair: &KeyPair) -> Result<(), Error> {
        let now = self.environment.clock.now();
        let key = ApiKey {
            id: pair.public.clone(),
            partner_id,
            name: new.key_name,
            secret_hash: pair.secret.hash(&self.store.hash_key().derive(Purpose::Pepper)).to_vec(),
            previous_secret_hash: None,
            previous_expires_at: None,
            scopes: new.scopes,
            allowed: new.allowed,
            expires_at: new.expires_at,
            revoked_at: None,
            last_used_at: None,
            created_at: now,
        };
        let made = json!({
            "partner": key.partner_id.as_str(),
            "name": key.name,
            "scopes": key.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>(),
            "allowed": key.allowed.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "expires_at": key.expires_at.map(|time| time.to_string()),
        });
        let entry = self.entry(AuditAction::KeyCreate, &key.id, now).to(&made);
        self.commit([Change::NewApiKey(Box::new(key)), Change::AuditEntry(Box::new(entry))]).await?;
        Ok(())
    }

    /// Every key; of one partner, if one is named.
    pub async fn list(&self, partner: Option<&PartnerId>) -> Result<Vec<ApiKey>, Error> {
        Ok(self.store.read().await?.api_keys(partner).await?)
    }

    /// Gives a key another secret; the one it had is good beside it for `overlap`. The pair is shown here and never again.
    /// `None`: there is no such key, or it is revoked or expired.
    pub async fn rotate(&self, id: &PublicKey, overlap: Duration) -> Result<Option<SecretString>, Error> {
        let now = self.environment.clock.now();
        let pair = KeyPair { public: id.clone(), secret: SecretKey::generate(&self.environment.randomness) };
        let secret_hash = pair.secret.hash(&self.store.hash_key().derive(Purpose::Pepper));
        let overlap_until = now + overlap;
        let rotation = Change::RotateApiKey { id: id.clone(), secret_hash, overlap_until, rotated_at: now };
        let entry = self
            .entry(AuditAction::KeyRotate, id, now)
            .to(&json!({"previous_secret_valid_until": overlap_until.to_string()}));
        let stands = self.commit([rotation, Change::AuditEntry(Box::new(entry))]).await?;
        Ok(stands.then(|| pair.expose()))
    }

    /// Revokes a key. `false`: there is no such key, or it is revoked already.
    pub async fn revoke(&self, id: &PublicKey) -> Result<bool, Error> {
        let now = self.environment.clock.now();
        let entry = self.entry(AuditAction::KeyRevoke, id, now).to(&json!({"revoked_at": now.to_string()}));
        self.commit([Change::RevokeApiKey(id.clone(), now), Change::AuditEntry(Box::new(entry))]).await
    }

    /// The entry of the audit log for a decision about a key.
    fn entry(&self, action: AuditAction, key: &PublicKey, now: Timestamp) -> AuditEntry {
        AuditEntry::new(&self.environment.ids, now, &self.note, action, ("api_key", key.as_str()))
    }

    /// Commits changes; returns whether they stand.
    async fn commit(&self, changes: impl IntoIterator<Item = Change>) -> Result<bool, Error> {
        Ok(self.store.commit_once(&changes.into_iter().collect()).await?)
    }

    /// The partner of this name, made if need be under the first short name that is free: `acme`, `acme2`, `acme3` …
    async fn partner(&self, name: &str, now: Timestamp) -> Result<PartnerId, Error> {
        let unusable = || Error::field("partner_name", "must have a letter or digit of a to z, 0 to 9");
        let short = PartnerId::from_name(name).ok_or_else(unusable)?;
        for number in 1..=SHORT_NAME_TRIES {
            if let Some(known) = self.partner_named(name).await? {
                return Ok(known);
            }
            let candidate = if number == 1 { Some(short.clone()) } else { numbered(&short, number) };
            let Some(id) = candidate else { continue };
            // A conflict may be with itself, where the database did not say that it stands: then it has the name.
            self.commit([Change::NewPartner { id, name: name.to_owned(), created_at: now }]).await?;
        }
        let taken = || Error::field("partner_name", "has a short form that too many other partners have");
        self.partner_named(name).await?.ok_or_else(taken)
    }

    async fn partner_named(&self, name: &str) -> Result<Option<PartnerId>, Error> {
        Ok(self.store.read().await?.partner_named(name).await?)
    }
}

/// The short name with a number behind it, cut so that it still fits.
fn numbered(short: &PartnerId, number: u32) -> Option<PartnerId> {
    let stem: String = short.as_str().chars().take(18).collect();
    PartnerId::parse(&format!("{stem}{number}"))
}
