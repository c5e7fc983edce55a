//! The database: reachable, migrated, writable, durable, in time, private, and readable under the master key.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use secrecy::ExposeSecret as _;

use super::findings::Findings;
use crate::{
    config::DatabaseConfig,
    domain::{
        api_call::UNREADABLE,
        clock::{Clock, Timestamp},
        event::EventType,
        master_key::MasterKeys,
        retention::{RetainedKind, Retention},
    },
    server::open_store_as_it_is,
    store::{Dialect, Error, Schema, Setting, Store},
};

/// The subject of these checks in the report.
const SUBJECT: &str = "database";
/// Leases and schedules go by the machine's clock: replicas whose clocks differ by more get in each other's way.
const MOST_SKEW: Duration = Duration::from_secs(2);
/// How long no webhook may come while payments succeed.
const LONGEST_SILENCE: Duration = Duration::from_secs(3 * 3600);
/// How far back answers are looked at.
const ANSWERS_OF: Duration = Duration::from_secs(24 * 3600);
/// How long rows may be past their time before something must be wrong.
const OVERDUE: Duration = Duration::from_secs(2 * 24 * 3600);
/// The permissions of all users but the owner.
const OTHERS: u32 = 0o077;

const MASTER_KEY: &str = "master key";
const MASTER_KEY_ADVICE: &str = "set GATEWAY_MASTER_KEY to the key that this database is sealed under";

/// Checks all of it, as far as one thing can be checked without the one before.
pub(super) async fn check(
    config: &DatabaseConfig,
    retention: &Retention,
    master_keys: &MasterKeys,
    findings: &mut Findings,
) {
    let url = config.url.expose_secret();
    if let Some(path) = Dialect::file(url) {
        if !path.exists() {
            let text = format!("{} does not exist yet; `corefy-gateway migrate` or `serve` creates it", path.display());
            return findings.warn(SUBJECT, &text);
        }
        check_permissions(&path, findings);
    }
    let store = match open_store_as_it_is(config, master_keys).await {
        Ok(store) => store,
        Err(error @ Error::MasterKey) => return findings.fail(MASTER_KEY, &format!("{error}; {MASTER_KEY_ADVICE}")),
        Err(error @ Error::OtherMasterKey) => {
            return findings.fail(MASTER_KEY, &format!("GATEWAY_MASTER_KEY_OTHER {error}"));
        }
        Err(error) => return findings.fail(SUBJECT, &format!("{error}; correct DATABASE_URL, or start the database")),
    };
    if let Err(error) = check_open(&store, retention, findings).await {
        findings.fail(SUBJECT, &error.to_string());
    }
    store.close().await;
}

async fn check_open(store: &Store, retention: &Retention, findings: &mut Findings) -> Result<(), Error> {
    check_settings(&store.settings().await?, findings);
    check_clock(store, findings).await?;
    if !is_migrated(&store.schema().await?, findings) {
        return Ok(());
    }
    match store.try_write().await {
        Ok(()) => findings.passed(SUBJECT, "can be written"),
        Err(error) => {
            findings.fail(
                SUBJECT,
                &format!("cannot be written: {error}; give its user the right to, and space on the disk"),
            );
        }
    }
    check_master_key(store, findings).await;
    check_keys(store, findings).await?;
    check_webhooks(store, findings).await?;
    check_answers(store, findings).await?;
    check_retention(store, retention, findings).await
}

/// Reports when Corefy last sent a webhook, and payments that succeeded without one.
async fn check_webhooks(store: &Store, findings: &mut Findings) -> Result<(), Error> {
    const SUBJECT: &str = "webhooks";
    let now = Clock::system().now();
    let mut session = store.read().await?;
    let last = session.webhook_last().await?;
    let came = last.map_or_else(|| "no webhook ever came".to_owned(), |last| format!("the last one came at {last}"));
    let is_silent = last.is_none_or(|last| last.is_over(now, LONGEST_SILENCE));
    if is_silent && session.event_since(EventType::PaymentIntentSucceeded, now.before(LONGEST_SILENCE)).await? {
        let text = format!(
            "{came}, though payments succeeded since; see that Corefy's dashboard has the URL of /webhooks/corefy"
        );
        findings.warn(SUBJECT, &text);
    } else {
        findings.passed(SUBJECT, &came);
    }
    Ok(())
}

/// Reports how much is past its time, and what should have gone by now.
async fn check_retention(store: &Store, retention: &Retention, findings: &mut Findings) -> Result<(), Error> {
    const SUBJECT: &str = "retention";
    let now = Clock::system().now();
    let mut session = store.read().await?;
    let (mut due, mut overdue) = (0, Vec::new());
    for kind in RetainedKind::ALL.iter().copied() {
        let kept = retention.of(kind);
        let retained = session.retained(kind, now.before(kept)).await?;
        due += retained.due;
        if retained.due > 0 && retained.oldest.is_some_and(|oldest| oldest.is_over(now, kept + OVERDUE)) {
            overdue.push(kind.as_str());
        }
    }
    match &overdue[..] {
        [] => findings.passed(SUBJECT, &format!("{due} rows are past their time and go while a gateway runs")),
        kinds => {
            let kinds = kinds.join(", ");
            let text = format!(
                "{kinds}: rows should have gone days ago; see that a gateway runs and reaches Corefy; `retention show` has them"
            );
            findings.warn(SUBJECT, &text);
        }
    }
    Ok(())
}

/// Reports answers of Corefy's of which parts were left out.
async fn check_answers(store: &Store, findings: &mut Findings) -> Result<(), Error> {
    const SUBJECT: &str = "answers";
    let now = Clock::system().now();
    let since = Timestamp(now.0 - i64::try_from(ANSWERS_OF.as_micros()).unwrap_or(i64::MAX));
    match store.read().await?.api_calls_unreadable(since).await? {
        0 => findings.passed(SUBJECT, "all that Corefy answered in the last day could be read"),
        calls => {
            let text = format!(
                "{calls} of Corefy's in the last day have parts that could not be read; `corefy-gateway calls` shows them as {UNREADABLE}"
            );
            findings.warn(SUBJECT, &text);
        }
    }
    Ok(())
}

fn is_migrated(schema: &Schema, findings: &mut Findings) -> bool {
    let (version, missing) = (schema.version(), schema.missing());
    if !schema.foreign().is_empty() {
        let text = format!("is at version {version}, which this program does not know; run a newer gateway");
        findings.fail(SUBJECT, &text);
    } else if missing.is_empty() {
        findings.passed(SUBJECT, &format!("is up to date, at version {version}"));
        return true;
    } else {
        let text = format!("lacks the migrations {missing:?}; run `corefy-gateway migrate`, or start the gateway");
        findings.warn(SUBJECT, &text);
    }
    false
}

fn check_settings(settings: &[Setting], findings: &mut Findings) {
    for Setting { name, value, required } in settings {
        match required {
            Some(required) if value != required => {
                let text = format!("{name} is {value}, so that a crash can lose payments; set it to {required}");
                findings.fail(SUBJECT, &text);
            }
            _ => findings.passed(SUBJECT, &format!("{name} is {value}")),
        }
    }
}

async fn check_clock(store: &Store, findings: &mut Findings) -> Result<(), Error> {
    let clock = Clock::system();
    let before = clock.now();
    let Some(theirs) = store.clock().await? else { return Ok(()) };
    let after = clock.now();
    let skew = skew(theirs, before, after);
    if skew > MOST_SKEW {
        let text = format!("its clock and this machine's differ by {} s; have both set by NTP", skew.as_secs());
        findings.warn(SUBJECT, &text);
    } else {
        findings.passed(SUBJECT, "its clock agrees with this machine's");
    }
    Ok(())
}

/// How far a moment that was read between two others lies outside of them.
pub(super) fn skew(read: Timestamp, before: Timestamp, after: Timestamp) -> Duration {
    before.since(read).max(read.since(after))
}

async fn check_master_key(store: &Store, findings: &mut Findings) {
    const SUBJECT: &str = MASTER_KEY;
    let found = async {
        let mut session = store.read().await?;
        Ok((session.is_under_two_master_keys().await?, session.event_newest().await?))
    };
    match found.await {
        Ok((true, _)) => {
            let text = "is being changed; run `corefy-gateway master-key rotate` once every gateway has the new one";
            findings.warn(SUBJECT, text);
        }
        Ok((false, Some(_))) => findings.passed(SUBJECT, "opens what is stored"),
        Ok((false, None)) => findings.passed(SUBJECT, "nothing is stored yet that it would have to open"),
        Err::<_, Error>(error) => findings.fail(SUBJECT, &format!("{error}; {MASTER_KEY_ADVICE}")),
    }
}

async fn check_keys(store: &Store, findings: &mut Findings) -> Result<(), Error> {
    const SUBJECT: &str = "API keys";
    let keys = store.read().await?.api_keys(None).await?;
    let now = Clock::system().now();
    match keys.iter().filter(|key| key.is_good(now).is_ok()).count() {
        0 => findings.warn(SUBJECT, "nobody can call; make a key by `corefy-gateway keys create`"),
        good => findings.passed(SUBJECT, &format!("{good} of {} can be used", keys.len())),
    }
    Ok(())
}

fn check_permissions(path: &Path, findings: &mut Findings) {
    const SUBJECT: &str = "database file";
    let shown = path.display();
    match fs::metadata(path) {
        Ok(file) if file.permissions().mode() & OTHERS != 0 => {
            let text = format!("others can read or write {shown}; run `chmod 600 {shown}*`");
            findings.warn(SUBJECT, &text);
        }
        Ok(_) => findings.passed(SUBJECT, "only its owner can read it"),
        Err(error) => findings.fail(SUBJECT, &format!("{shown}: {error}; give this user access to it")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_off_by_what_the_question_cannot_have_taken() {
        let at = Timestamp::from_seconds;
        assert_eq!(skew(at(5), at(4), at(6)), Duration::ZERO);
        assert_eq!(skew(at(1), at(4), at(6)), Duration::from_secs(3));
        assert_eq!(skew(at(9), at(4), at(6)), Duration::from_secs(3));
    }
}
