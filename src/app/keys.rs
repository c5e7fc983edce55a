//! API keys: who may call, and their management by command.

use std::{net::IpAddr, time::Duration};

use ipnet::IpNet;
use moka::future::Cache;
use secrecy::SecretString;

use super::App;
use crate::{
    domain::{
        api_key::{ApiKey, Scope},
        clock::{Clock, Timestamp},
        ids::PartnerId,
        key_pair::{KeyPair, PublicKey, SecretHash, SecretKey},
        master_key::{MasterKey, Purpose},
    },
    error::{Error, Reason},
    store::Store,
};

/// How long a key is remembered: a revocation takes effect on every replica within this time.
const REMEMBERED: Duration = Duration::from_secs(5);
/// How many keys are remembered.
const REMEMBERED_KEYS: u64 = 10_000;
/// The last use of a key is written at most this often.
const LAST_USE_INTERVAL: Duration = Duration::from_secs(60);
/// How many numbers are tried behind a short name that another partner has.
const SHORT_NAME_TRIES: u32 = 99;

/// The keys that were used of late, with the time at which each was read.
pub(super) struct Admissions(Cache<String, (ApiKey, Timestamp)>);

impl Admissions {
    pub(super) fn new() -> Self {
        Self(Cache::new(REMEMBERED_KEYS))
    }
}

/// A caller that was let in.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// Whose objects it may see.
    pub partner_id: PartnerId,
    /// The public key it presented; may be logged.
    pub key_id: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
}

impl App {
    /// Lets a caller in who presents `pk_…:sk_…`, and counts the call. Every refusal of a key is the same error, so that
    /// it tells nothing; an address that was refused too often is told so, and nothing is looked up for it.
    pub async fn authenticate(&self, pair: &str, address: Option<IpAddr>) -> Result<Admitted, Error> {
        let admitted = self.admit(pair, address).await;
        match (&admitted, address) {
            (Ok(admitted), _) => self.limits.take_call(&admitted.key_id, self.now()).await?,
            (Err(error), Some(address)) if error.reason == Reason::CredentialsInvalid => {
                self.limits.note_auth_failure(address, self.now()).await;
            }
            (Err(_), _) => {}
        }
        admitted
    }

    async fn admit(&self, pair: &str, address: Option<IpAddr>) -> Result<Admitted, Error> {
        let refused = || Error::new(Reason::CredentialsInvalid, "the API key is not accepted");
        let pair = KeyPair::parse(pair);
        // Hashed also for a key that does not exist, so that hashing tells nothing of which keys there are.
        let presented = pair.map(|pair| (pair.secret.hash(&self.master_key.derive(Purpose::Pepper)), pair.public));
        if let Some(address) = address
            && !self.was_admitted(presented.as_ref(), address).await
        {
            self.limits.check_address(address, self.now()).await?;
        }
        let (presented, public) = presented.ok_or_else(refused)?;
        let (key, read_at) = self.key(&public).await?.ok_or_else(refused)?;
        if let Err(why) = key.admits(&presented, address, self.now()) {
            tracing::warn!(key = key.id.as_str(), %why, "API key refused");
            return Err(refused());
        }
        self.note_use(&key, read_at).await;
        Ok(Admitted { partner_id: key.partner_id, key_id: key.id.as_str().to_owned(), scopes: key.scopes })
    }

    /// Whether the caller shows the right secret of a key that was in use of late. Such a caller does not guess, and must
    /// not suffer for others who share its address, as all do behind a proxy.
    async fn was_admitted(&self, presented: Option<&(SecretHash, PublicKey)>, address: IpAddr) -> bool {
        let Some((presented, id)) = presented else { return false };
        let known = self.admissions.0.get(id.as_str()).await;
        known.is_some_and(|(key, _)| key.admits(presented, Some(address), self.now()).is_ok())
    }

    /// The key, and when it was read.
    async fn key(&self, id: &PublicKey) -> Result<Option<(ApiKey, Timestamp)>, Error> {
        let now = self.now();
        let known = self.admissions.0.get(id.as_str()).await;
        // A clock that was turned back must not make a revoked key live longer.
        let is_fresh = |read_at: Timestamp| read_at <= now && now.since(read_at) < REMEMBERED;
        if let Some(known) = known.filter(|(_, read_at)| is_fresh(*read_at)) {
            return Ok(Some(known));
        }
        let Some(key) = self.store.read().await?.api_key(id).await? else {
            // Not remembered: who guesses must not push out the keys that exist.
            return Ok(None);
        };
        self.admissions.0.insert(id.as_str().to_owned(), (key.clone(), now)).await;
        Ok(Some((key, now)))
    }

    /// Has the last use written behind the call, which does not wait for it.
    async fn note_use(&self, key: &ApiKey, read_at: Timestamp) {
        let now = self.now();
        if key.last_used_at.is_some_and(|last| now.since(last) < LAST_USE_INTERVAL) {
            return;
        }
        let used = ApiKey { last_used_at: Some(now), ..key.clone() };
        let (app, id) = (self.clone(), key.id.clone());
        self.admissions.0.insert(id.as_str().to_owned(), (used, read_at)).await;
        self.tasks.spawn(async move {
            let written = async {
                let mut tx = app.store.begin().await?;
                tx.api_key_used(&id, now).await?;
                tx.commit().await
            };
            if let Err(error) = written.await {
                tracing::warn!(key = id.as_str(), %error, "the last use of a key could not be written");
            }
        });
    }
}

/// What a new key is to be.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Whose key it is: a name for people; the partner is made when there is none of this name.
    pub partner_name: String,
    /// What its owner calls it.
    pub key_name: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// Where it may be used from; empty: anywhere.
    pub allowed: Vec<IpNet>,
    /// From when on it is no longer good.
    pub expires_at: Option<Timestamp>,
}

/// The management of keys, which needs the database and the master key but not Corefy.
pub struct Keys {
    store: Store,
    master_key: MasterKey,
    clock: Clock,
}

impl Keys {
    /// On this database, with the master key of the gateway that uses it.
    pub fn new(store: Store, master_key: MasterKey, clock: Clock) -> Self {
        Self { store, master_key, clock }
    }

    /// Makes a key. The pair `pk_…:sk_…` is shown here and never again.
    pub async fn create(&self, new: NewKey) -> Result<SecretString, Error> {
        let now = self.clock.now();
        let partner_id = self.partner(&new.partner_name, now).await?;
        let pair = KeyPair::generate(&partner_id);
        let key = ApiKey {
            id: pair.public.clone(),
            partner_id,
            name: new.key_name,
            secret_hash: pair.secret.hash(&self.master_key.derive(Purpose::Pepper)).to_vec(),
            previous_secret_hash: None,
            previous_expires_at: None,
            scopes: new.scopes,
            allowed: new.allowed,
            expires_at: new.expires_at,
            revoked_at: None,
            last_used_at: None,
            created_at: now,
        };
        self.store.change(async |tx| tx.api_key_insert(&key).await).await?;
        Ok(pair.expose())
    }

    /// Every key; of one partner, if one is named.
    pub async fn list(&self, partner: Option<&PartnerId>) -> Result<Vec<ApiKey>, Error> {
        Ok(self.store.read().await?.api_keys(partner).await?)
    }

    /// Gives a key another secret; the one it had is good beside it for `overlap`. The pair is shown here and never again.
    /// `None`: there is no such key, or it is revoked or expired.
    pub async fn rotate(&self, id: &PublicKey, overlap: Duration) -> Result<Option<SecretString>, Error> {
        let now = self.clock.now();
        let pair = KeyPair { public: id.clone(), secret: SecretKey::generate() };
        let hash = pair.secret.hash(&self.master_key.derive(Purpose::Pepper));
        let was_rotated = self.store.change(async |tx| tx.api_key_rotate(id, &hash, now + overlap, now).await).await?;
        Ok(was_rotated.then(|| pair.expose()))
    }

    /// Revokes a key. `false`: there is no such key, or it is revoked already.
    pub async fn revoke(&self, id: &PublicKey) -> Result<bool, Error> {
        let now = self.clock.now();
        Ok(self.store.change(async |tx| tx.api_key_revoke(id, now).await).await?)
    }

    /// The partner of this name, made if need be under the first short name that is free: `acme`, `acme2`, `acme3` …
    async fn partner(&self, name: &str, now: Timestamp) -> Result<PartnerId, Error> {
        let mut tx = self.store.begin().await?;
        if let Some(known) = tx.partner_named(name).await? {
            return Ok(known);
        }
        let unusable = || Error::field("partner_name", "must have a letter or digit of a to z, 0 to 9");
        let short = PartnerId::from_name(name).ok_or_else(unusable)?;
        for number in 1..=SHORT_NAME_TRIES {
            let candidate = if number == 1 { Some(short.clone()) } else { numbered(&short, number) };
            let Some(candidate) = candidate else { continue };
            if tx.partner_insert(&candidate, name, now).await? {
                tx.commit().await?;
                return Ok(candidate);
            }
        }
        Err(Error::field("partner_name", "has a short form that too many other partners have"))
    }
}

/// The short name with a number behind it, cut so that it still fits.
fn numbered(short: &PartnerId, number: u32) -> Option<PartnerId> {
    let stem: String = short.as_str().chars().take(18).collect();
    PartnerId::parse(&format!("{stem}{number}"))
}
