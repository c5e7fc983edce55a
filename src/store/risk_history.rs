//! The history of an attempt's subjects: their rows, read together with those of other attempts, and what came of attempts of
//! theirs before.

use std::sync::LazyLock;

use sqlx::{
    Any, AssertSqlSafe, SqlSafeStr,
    any::{AnyArguments, AnyRow},
    query::Query,
};

use super::{
    Change, Error, Store, Tracked,
    columns::{get, optional_time, parse},
};
use crate::domain::{
    clock::Timestamp,
    risk::{
        buckets::{BucketLength, Tally},
        guard::{self, GuardFinding, Past, SCHEME_WINDOW},
        history::{BinCount, RiskSubject, velocities},
        outcome::{CardDeclines, CustomerOutcomes, Declines, IpDeclines, MOST_OUTCOMES, PastOutcomes},
        subject::{Dimension, SubjectId},
        velocity::{Velocities, Window},
    },
};

/// The subjects of an attempt, with what was before it.
#[derive(Default)]
pub struct RiskHistory {
    /// Known ones, and new ones, which have no row yet.
    subjects: Vec<Tracked<RiskSubject>>,
    outcomes: PastOutcomes,
    bins: Vec<BinCount>,
}

impl RiskHistory {
    /// Outcomes of the attempts before.
    pub fn outcomes(&self) -> &PastOutcomes {
        &self.outcomes
    }

    /// Velocities of the attempts before.
    pub fn velocities(&self, now: Timestamp) -> Velocities {
        velocities(self.subjects.iter().map(|subject| &**subject), &self.outcomes, &self.bins, now)
    }

    /// The first guard that blocks the attempt, if any does.
    pub fn guard(&self, is_sandbox: bool, now: Timestamp) -> Option<GuardFinding> {
        let subjects: Vec<_> = self.subjects.iter().map(|subject| &**subject).collect();
        guard::check(&Past { subjects: &subjects, outcomes: &self.outcomes, is_sandbox, now })
    }

    /// Counts the attempt, which is let through, for each of its subjects; its BIN is counted with its decision.
    pub fn note_attempt(&mut self, base_amount: Option<i64>, now: Timestamp) {
        let is_card = |subject: &&Tracked<RiskSubject>| subject.id.dimension() == Some(Dimension::Card);
        let card = self.subjects.iter().find(is_card).map(|card| card.id.clone());
        for subject in &mut self.subjects {
            subject.note_attempt(card.as_ref(), base_amount, now);
        }
    }

    /// Has the guard that blocked the attempt go on blocking, unless it does already.
    pub fn note_finding(&mut self, finding: &GuardFinding, now: Timestamp) {
        let Some(subject) = self.subjects.iter_mut().find(|subject| subject.id == finding.subject) else { return };
        let mut held = subject.cool_downs(now);
        if !held.any(|held| held.until == finding.until && held.with == finding.with) {
            drop(held);
            subject.cool_down(finding.cool_down(now), now);
        }
    }

    /// The subjects that were changed, to be written.
    pub fn changes(&self) -> impl Iterator<Item = Change> {
        self.subjects.iter().filter(|subject| subject.is_pending()).cloned().map(Change::RiskSubject)
    }
}

/// The outcomes of the attempts of a card ($1), an IP address ($2), an email address ($3), a customer ($4, whose id is $5), and the
/// counters of a BIN ($6). A row is of one `kind`, which says what its numbers are. $7 to $10 begin the windows, $11 that of the card schemes; $12
/// to $15 are the buckets in which the windows begin.
static HISTORY: LazyLock<String> = LazyLock::new(|| {
    let windows = "COUNT(CASE WHEN found_at > $7 THEN 1 END) AS a, COUNT(CASE WHEN found_at > $8 THEN 1 END) AS b,
         COUNT(CASE WHEN found_at > $9 THEN 1 END) AS c, COUNT(CASE WHEN found_at > $10 THEN 1 END) AS d";
    let latest = format!("ORDER BY found_at DESC LIMIT {MOST_OUTCOMES}) AS latest");
    let all = |outcome: &str| {
        format!(
            "(SELECT COUNT(*) FROM (SELECT 1 FROM risk_outcomes WHERE customer_id = $5 AND outcome = '{outcome}'
             LIMIT {MOST_OUTCOMES}) AS latest)"
        )
    };
    let (successes, chargebacks) = (all("succeeded"), all("charged_back"));
    let bin = |window: &str, resolution: &str, first: &str| {
        format!(
            "UNION ALL SELECT 'bin' AS kind, '{window}' AS id, CAST(SUM(attempts) AS BIGINT) AS a,
             CAST(SUM(declines) AS BIGINT) AS b, CAST(SUM(amount) AS BIGINT) AS c, NULL AS d, NULL AS e, NULL AS f, NULL AS g
         FROM risk_bin_counters WHERE bin = $6 AND resolution = '{resolution}' AND bucket >= {first}
         HAVING COUNT(*) > 0"
        )
    };
    let bins = [bin("10m", "5m", "$12"), bin("1h", "5m", "$13"), bin("24h", "3h", "$14"), bin("7d", "3h", "$15")];
    format!(
        "SELECT 'card' AS kind, CAST($1 AS TEXT) AS id, {windows}, COUNT(*) AS e, MIN(found_at) AS f,
             MAX(CASE WHEN is_hard = 1 THEN found_at END) AS g
         FROM (SELECT found_at, is_hard FROM risk_outcomes WHERE card = $1 AND found_at > $11 {latest}
         UNION ALL SELECT 'ip' AS kind, $2 AS id, {windows},
             COUNT(CASE WHEN found_at > $8 AND card = $1 THEN 1 END) AS e, NULL AS f, NULL AS g
         FROM (SELECT found_at, card FROM risk_outcomes WHERE ip = $2 AND found_at > $10 {latest}
         UNION ALL SELECT 'email' AS kind, $3 AS id, {windows}, NULL AS e, NULL AS f, NULL AS g
         FROM (SELECT found_at FROM risk_outcomes WHERE email = $3 AND found_at > $10 {latest}
         UNION ALL SELECT 'customer' AS kind, $4 AS id, {windows}, COUNT(*) AS e, {successes} AS f,
             {chargebacks} AS g
         FROM (SELECT found_at FROM risk_outcomes WHERE customer_id = $5 AND outcome = 'declined' {latest}
         {}",
        bins.join(" ")
    )
});

impl Store {
    /// The history of the subjects of an attempt, at most one of each kind, and of its BIN, if that is asked for.
    ///
    /// Most payers are new: nothing came of attempts of theirs before. A subject has a row for as long as anything counts that came
    /// of its attempts ([`RiskSubject::note_attempt`]), so that only those that have one are asked about further.
    pub async fn risk_history(
        &self,
        subjects: &[SubjectId],
        bin: Option<&str>,
        now: Timestamp,
    ) -> Result<RiskHistory, Error> {
        let mut history = RiskHistory { subjects: self.risk_subjects(subjects).await?, ..RiskHistory::default() };
        let known: Vec<_> =
            history.subjects.iter().filter(|subject| subject.has_row()).map(|known| known.id.clone()).collect();
        if bin.is_some() || !known.is_empty() {
            let sql = AssertSqlSafe(HISTORY.as_str());
            let mut session = self.read().await?;
            for row in &asking(sql, &known, bin, now).fetch_all(session.connection()).await? {
                history.read(row)?;
            }
        }
        Ok(history)
    }
}

/// `sql`, which is [`HISTORY`] or its plan, about these subjects.
fn asking(
    sql: impl SqlSafeStr,
    subjects: &[SubjectId],
    bin: Option<&str>,
    now: Timestamp,
) -> Query<'static, Any, AnyArguments> {
    let of = |dimension| subjects.iter().find(|subject| subject.dimension() == Some(dimension));
    let text = |dimension| of(dimension).map_or("", SubjectId::as_str).to_owned();
    let customer = text(Dimension::Customer);
    let customer_id = customer.split_once(':').map_or("", |(_, id)| id).to_owned();
    let mut query = sqlx::query(sql)
        .bind(text(Dimension::Card))
        .bind(text(Dimension::Ip))
        .bind(text(Dimension::Email))
        .bind(customer)
        .bind(customer_id)
        .bind(bin.unwrap_or_default().to_owned());
    for window in Window::ALL {
        query = query.bind(now.before(window.length()).0);
    }
    query = query.bind(now.before(SCHEME_WINDOW).0);
    for window in Window::ALL {
        let length = if *window <= Window::Hour { BucketLength::FiveMinutes } else { BucketLength::ThreeHours };
        query = query.bind(length.first_of(window.length(), now));
    }
    query
}

impl RiskHistory {
    fn read(&mut self, row: &AnyRow) -> Result<(), Error> {
        let kind: String = get(row, "kind")?;
        match kind.as_str() {
            "card" => {
                self.outcomes.card = CardDeclines {
                    declines: declines(row)?,
                    in_scheme_window: get(row, "e")?,
                    first_in_scheme_window: optional_time(row, "f")?,
                    last_hard: optional_time(row, "g")?,
                }
            }
            "ip" => self.outcomes.ip = IpDeclines { declines: declines(row)?, of_the_card: get(row, "e")? },
            "email" => self.outcomes.email = declines(row)?,
            "customer" => {
                self.outcomes.customer = CustomerOutcomes {
                    declines: declines(row)?,
                    all_declines: get(row, "e")?,
                    successes: get(row, "f")?,
                    chargebacks: get(row, "g")?,
                }
            }
            "bin" => {
                let tally = Tally { attempts: get(row, "a")?, amount: get(row, "c")? };
                self.bins.push(BinCount { window: parse(row, "id", Window::parse)?, tally, declines: get(row, "b")? });
            }
            _ => {}
        }
        Ok(())
    }
}

fn declines(row: &AnyRow) -> Result<Declines, Error> {
    Ok(Declines([get(row, "a")?, get(row, "b")?, get(row, "c")?, get(row, "d")?]))
}

#[cfg(test)]
mod tests;
