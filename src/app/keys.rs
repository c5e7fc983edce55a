//! API keys: which callers are admitted, and for how long a stream of theirs may go on.

use std::{collections::HashSet, fmt, net::IpAddr, time::Duration};

use moka::future::Cache;
use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;

use super::limits::Limits;
use crate::{
    domain::{
        api_key::{ApiKey, Refusal, Scope},
        clock::{Clock, Timestamp},
        hash_key::Purpose,
        ids::PartnerId,
        key_pair::{KeyPair, PublicKey, SecretHash},
        proxies::{CallSource, Proxies},
    },
    error::{Error, Reason},
    store::{Change, Changes, Store},
    telemetry::{Telemetry, catalogue::KEYS_REFUSED},
};

/// How long a key is remembered: a revocation takes effect on every replica within this time.
const REMEMBERED: Duration = Duration::from_secs(5);
/// How many keys are remembered.
const REMEMBERED_KEYS: u64 = 10_000;
/// The last use of a key is written at most this often.
const LAST_USE_INTERVAL: Duration = Duration::from_secs(60);

/// Keys as they were last read.
pub(super) struct KnownKeys {
    /// Keys that were used of late, with the time at which each was read.
    used: Cache<String, (ApiKey, Timestamp)>,
    /// The names of all that are not revoked, and when they were last looked for.
    names: Mutex<Option<(HashSet<String>, Timestamp)>>,
}

impl KnownKeys {
    pub(super) fn new() -> Self {
        Self { used: Cache::new(REMEMBERED_KEYS), names: Mutex::new(None) }
    }
}

/// A caller that was let in.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// The partner whose objects it may see.
    pub partner_id: PartnerId,
    /// The public key it presented; may be logged.
    pub key_id: String,
    /// The scopes of its key.
    pub scopes: Vec<Scope>,
    /// The key that was shown, to be looked at again.
    pub presented: PresentedKey,
}

/// A key as a caller showed it, its secret hashed, and from where.
#[derive(Clone)]
pub struct PresentedKey {
    public: PublicKey,
    secret: SecretHash,
    source: Option<CallSource>,
}

impl PresentedKey {
    fn address(&self) -> Option<IpAddr> {
        self.source?.address
    }
}

impl fmt::Debug for PresentedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresentedKey").field("public", &self.public).finish_non_exhaustive()
    }
}

/// Decides which callers are let in.
pub struct Admission {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) proxies: Proxies,
    pub(super) known: KnownKeys,
    pub(super) limits: Limits,
    pub(super) tasks: TaskTracker,
    pub(super) telemetry: Telemetry,
}

impl Admission {
    /// The proxies before the gateway that are trusted.
    pub fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    /// Admits a caller that presents `pk_…:sk_…`, and counts the call. Every refusal of a key is the same error, so that
    /// it tells nothing; an address that was refused too often is told so, and no key that does not exist is looked up
    /// for it.
    pub async fn authenticate(&self, pair: &str, source: Option<CallSource>) -> Result<Admitted, Error> {
        let admitted = self.admit(pair, source).await;
        match (&admitted, source) {
            (Ok(admitted), _) => self.limits.take_call(&admitted.key_id, self.clock.now()).await?,
            (Err(error), Some(source)) if error.reason == Reason::CredentialsInvalid => {
                self.limits.note_auth_failure(source.counted_as(), self.clock.now()).await;
            }
            (Err(_), _) => {}
        }
        admitted
    }

    /// Checks again whether a caller that was admitted still would be. Nothing is counted.
    ///
    /// # Errors
    /// As a call would be refused; also when the database does not answer.
    pub async fn readmit(&self, presented: &PresentedKey, scope: Scope) -> Result<(), Error> {
        let (admitted, ..) = self.check(presented).await?;
        self.require(&admitted, scope)
    }

    /// Refuses a call that needs a scope which the key lacks.
    pub fn require(&self, admitted: &Admitted, scope: Scope) -> Result<(), Error> {
        if admitted.scopes.contains(&scope) {
            return Ok(());
        }
        self.note_refusal(Refusal::ScopeMissing, Some(&admitted.presented));
        let message = format!("the key lacks the scope {}", scope.as_str());
        Err(Error::new(Reason::ScopeMissing, message).with("scope", scope.as_str()))
    }

    async fn admit(&self, pair: &str, source: Option<CallSource>) -> Result<Admitted, Error> {
        // Hashed also for a key that does not exist, so that hashing tells nothing of which keys there are.
        let presented = KeyPair::parse(pair).map(|pair| {
            let secret = pair.secret.hash(&self.store.hash_key().derive(Purpose::Pepper));
            PresentedKey { public: pair.public, secret, source }
        });
        if let Some(source) = source {
            self.check_address(presented.as_ref(), source.counted_as()).await?;
        }
        let why = if pair.is_empty() { Refusal::Missing } else { Refusal::Malformed };
        let presented = presented.ok_or_else(|| self.refuse(why, None))?;
        let (admitted, key, read_at) = self.check(&presented).await?;
        self.note_use(&key, read_at).await;
        Ok(admitted)
    }

    /// Whether the key admits the caller; with the key, and when it was read.
    async fn check(&self, presented: &PresentedKey) -> Result<(Admitted, ApiKey, Timestamp), Error> {
        let known = self.key(&presented.public).await?;
        let (key, read_at) = known.ok_or_else(|| self.refuse(Refusal::Unknown, Some(presented)))?;
        if let Err(why) = key.admits(&presented.secret, presented.address(), self.clock.now()) {
            return Err(self.refuse(why, Some(presented)));
        }
        let (partner_id, scopes) = (key.partner_id.clone(), key.scopes.clone());
        let admitted =
            Admitted { partner_id, key_id: key.id.as_str().to_owned(), scopes, presented: presented.clone() };
        Ok((admitted, key, read_at))
    }

    /// Refuses a key. The caller is told the same of every key, so that it tells nothing; the log and the metrics say why.
    fn refuse(&self, why: Refusal, presented: Option<&PresentedKey>) -> Error {
        self.note_refusal(why, presented);
        Error::new(Reason::CredentialsInvalid, "the API key is not accepted")
    }

    fn note_refusal(&self, why: Refusal, presented: Option<&PresentedKey>) {
        self.telemetry.count(&KEYS_REFUSED, [why.label()]);
        let key = presented.map(|presented| presented.public.as_str());
        let source = presented.and_then(|presented| presented.source).map(tracing::field::display);
        tracing::warn!(key, source, check = why.label(), "API key refused: {why}");
    }

    /// Refuses an address that has shown too many wrong keys, but for a caller with the right secret of a key that exists.
    /// Such a caller does not guess, and must not suffer for others that share its address, as all do behind a proxy.
    async fn check_address(&self, presented: Option<&PresentedKey>, address: IpAddr) -> Result<(), Error> {
        let Err(refusal) = self.limits.check_address(address, self.clock.now()).await else { return Ok(()) };
        // Not logged: of these there may be any number.
        let limited = || {
            self.telemetry.count(&KEYS_REFUSED, [Refusal::Limited.label()]);
            Err(refusal)
        };
        let Some(presented) = presented else { return limited() };
        let name = presented.public.as_str();
        if !self.known.used.contains_key(name) && !self.exists(name).await {
            return limited();
        }
        let known = self.key(&presented.public).await?;
        let is_right =
            known.is_some_and(|(key, _)| key.admits(&presented.secret, presented.address(), self.clock.now()).is_ok());
        if is_right { Ok(()) } else { limited() }
    }

    /// Whether there is a key of this name, by a list that is read at most every few seconds, however many names strangers
    /// make up. So the database is asked for a single key at most as often as there are keys.
    async fn exists(&self, name: &str) -> bool {
        let mut names = self.known.names.lock().await;
        let now = self.clock.now();
        if let Some((known, read_at)) = &*names
            && is_fresh(*read_at, now)
        {
            return known.contains(name);
        }
        let read = async { self.store.read().await?.api_key_names().await };
        let known = read.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the names of the keys could not be read");
            HashSet::new()
        });
        names.insert((known, now)).0.contains(name)
    }

    /// The key, and when it was read.
    async fn key(&self, id: &PublicKey) -> Result<Option<(ApiKey, Timestamp)>, Error> {
        let now = self.clock.now();
        let known = self.known.used.get(id.as_str()).await;
        if let Some(known) = known.filter(|(_, read_at)| is_fresh(*read_at, now)) {
            return Ok(Some(known));
        }
        let Some(key) = self.store.read().await?.api_key(id).await? else {
            // Not remembered: guesses must not push out the keys that exist.
            return Ok(None);
        };
        self.known.used.insert(id.as_str().to_owned(), (key.clone(), now)).await;
        Ok(Some((key, now)))
    }

    /// Has the last use written behind the call, which does not wait for it.
    async fn note_use(&self, key: &ApiKey, read_at: Timestamp) {
        let now = self.clock.now();
        if key.last_used_at.is_some_and(|last| !last.is_over(now, LAST_USE_INTERVAL)) {
            return;
        }
        let used = ApiKey { last_used_at: Some(now), ..key.clone() };
        let (store, id) = (self.store.clone(), key.id.clone());
        self.known.used.insert(id.as_str().to_owned(), (used, read_at)).await;
        self.tasks.spawn(async move {
            let changes = Changes::from_iter([Change::ApiKeyUsed(id.clone(), now)]);
            if let Err(error) = store.commit(&changes).await {
                tracing::warn!(key = id.as_str(), %error, "the last use of a key could not be written");
            }
        });
    }
}

/// Whether what was read then is still good. A clock that was turned back must not make a revoked key live longer.
fn is_fresh(read_at: Timestamp, now: Timestamp) -> bool {
    read_at <= now && now.since(read_at) < REMEMBERED
}
