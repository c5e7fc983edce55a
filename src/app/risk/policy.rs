//! The policy in force, in memory: the compiled rules and all lists. Each gateway looks for a newer one every few seconds.

use std::sync::Arc;

use tokio::sync::{Mutex, watch};

use crate::{
    domain::risk::{
        lists::{Lists, MOST_ENTRIES},
        policy::RiskPolicy,
        rule_set::RuleSet,
        rules_version::RulesVersion,
    },
    error::{Error, Reason},
    store::{self, ReadSession, Store},
};

/// Entries of lists that are read at a time.
const ENTRIES_AT_A_TIME: u32 = 5000;
/// Faults of rules that a message has.
const FAULTS_IN_SENTENCE: usize = 3;

/// The policies of this gateway, one after the other.
pub struct Policies {
    store: Store,
    current: watch::Sender<Loaded>,
    /// Held while a newer one is read, so that an older one never follows.
    turn: Mutex<()>,
}

struct Loaded {
    /// The revision that was read before all else; `None`: nothing was read yet.
    revision: Option<i64>,
    policy: Arc<RiskPolicy>,
}

impl Policies {
    /// On this database. Until the first refresh no rule and no list is known.
    pub fn new(store: Store) -> Self {
        let none = Loaded { revision: None, policy: Arc::default() };
        Self { store, current: watch::Sender::new(none), turn: Mutex::new(()) }
    }

    /// The policy in force.
    pub fn current(&self) -> Arc<RiskPolicy> {
        self.current.borrow().policy.clone()
    }

    /// Takes on what was changed here, where attempts are decided by it: a command, which decides nothing, reads nothing.
    pub(super) async fn refresh_if_used(&self) -> Result<bool, Error> {
        let is_used = self.current.borrow().revision.is_some();
        if is_used { self.refresh().await } else { Ok(false) }
    }

    /// Takes on what is stored, if it has changed; returns whether it has.
    ///
    /// # Errors
    /// When it cannot be read or compiled: what was in force stays so.
    pub async fn refresh(&self) -> Result<bool, Error> {
        let _turn = self.turn.lock().await;
        let mut session = self.store.read().await?;
        // Read first: what changes meanwhile is read again next time.
        let revision = session.risk_policy_revision().await?;
        if self.current.borrow().revision == Some(revision) {
            return Ok(false);
        }
        let lists = read_lists(&mut session).await?;
        let rules = session.latest_risk_rules().await?;
        drop(session);
        let policy = compile(rules, lists).await?;
        let (version, entries) = (policy.version, policy.lists.len());
        self.current.send_replace(Loaded { revision: Some(revision), policy: Arc::new(policy) });
        tracing::info!(revision, rules = version, entries, "the risk policy was taken on");
        Ok(true)
    }
}

/// Reads the names and kinds of all lists, which is what rules are compiled against.
pub(super) async fn read_empty_lists(session: &mut ReadSession) -> Result<Lists, store::Error> {
    let mut lists = Lists::default();
    for list in session.risk_lists().await? {
        if let Err(fault) = lists.add_list(&list.name, list.kind) {
            tracing::error!(list = list.name, %fault, "a list is left out");
        }
    }
    Ok(lists)
}

/// Reads all lists into memory.
async fn read_lists(session: &mut ReadSession) -> Result<Lists, store::Error> {
    let mut lists = read_empty_lists(session).await?;
    let mut after: Option<(String, String)> = None;
    while lists.len() < MOST_ENTRIES {
        let place = after.as_ref().map(|(list, value)| (list.as_str(), value.as_str()));
        let page = session.risk_list_entries(None, place, ENTRIES_AT_A_TIME).await?;
        for entry in &page {
            if let Err(fault) = lists.add(&entry.list, &entry.value, entry.expires_at) {
                tracing::error!(list = entry.list, %fault, "an entry of a list is left out");
            }
        }
        match page.into_iter().last() {
            Some(last) => after = Some((last.list, last.value)),
            None => break,
        }
    }
    Ok(lists)
}

/// Compiles the rules on a thread of their own: it takes milliseconds, in which calls would wait.
async fn compile(rules: Option<RulesVersion>, lists: Lists) -> Result<RiskPolicy, Error> {
    let Some(RulesVersion { version, source, .. }) = rules else {
        return Ok(RiskPolicy { version: 0, rules: None, lists });
    };
    let compiled = tokio::task::spawn_blocking(move || {
        let compiled = RuleSet::compile(&source, &lists);
        compiled.map(|rules| RiskPolicy { version, rules: Some(rules), lists })
    });
    let faults = match compiled.await {
        Ok(Ok(policy)) => return Ok(policy),
        Ok(Err(faults)) => faults,
        Err(panic) => return Err(Error::new(Reason::Internal, "the rules could not be compiled").because(panic)),
    };
    let told: Vec<_> = faults.iter().take(FAULTS_IN_SENTENCE).map(ToString::to_string).collect();
    let message = format!("version {version} of the rules cannot be used by this gateway: {}", told.join("; "));
    Err(Error::new(Reason::Internal, message))
}
