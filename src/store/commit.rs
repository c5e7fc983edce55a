//! The rows of changes, which are written together, and only if everything that they are based on is still as it was read.

use tokio::time::Instant;

use super::{
    Change, Changes, CommitError, Emptied, Error, Sealer, Store, StoreContext, Tracked, api_calls, chargebacks,
    customers, emptied, erasures, events, keys,
    metrics::{EventCount, count, count_commit},
    operations, payment_intents, payment_methods, refunds, risk_bins, risk_decisions, risk_lists, risk_metrics,
    risk_metrics::DecisionCount,
    risk_outcomes, risk_reviews, risk_rules, risk_subjects,
    search_terms::Searched,
    webhooks,
    writes::Write,
};
use crate::domain::{
    ids::Ids,
    payment_intent::PaymentIntent,
    refund::Refund,
    risk::counted_attempt::CountedAttempt,
    search_term::{SearchedKind, TermHasher},
};

impl Store {
    /// Makes `changes` durable together, with the rows of their entries in the audit log, which are linked already.
    pub(super) async fn commit_rows(&self, changes: &Changes, audited: Vec<Write>) -> Result<(), CommitError> {
        let StoreContext { sealer, terms, ids, bin_shard, .. } = &*self.shared;
        let mut writes = audited;
        for change in changes.iter() {
            writes.extend(write(change, ids, sealer)?);
            writes.extend(search_terms(change, terms));
            writes.extend(additions(change, *bin_shard));
        }
        if writes.is_empty() {
            return Ok(());
        }
        // A commit that no call waits for decides nothing, and is no measure of the calls.
        let is_decision = !writes.iter().all(Write::is_patient);
        let started = Instant::now();
        let written = self.write_batcher.write(writes).await;
        if is_decision {
            count_commit(&self.shared.telemetry, &written, started.elapsed());
        }
        written?;
        let news: Vec<_> = changes.events().map(|event| EventCount::of(event.kind, &event.object)).collect();
        if !news.is_empty() {
            self.shared.signal.notify();
        }
        count(&self.shared.telemetry, &news);
        let decisions: Vec<_> = changes.risk_decisions().map(DecisionCount::of).collect();
        risk_metrics::count(&self.shared.telemetry, &decisions);
        Ok(())
    }
}

/// The row of a change; `None` when it needs none.
fn write(change: &Change, ids: &Ids, sealer: &Sealer) -> Result<Option<Write>, Error> {
    Ok(match change {
        Change::ReserveOperation { operation, idempotency, answer } => {
            Some(operations::insertion(operation, idempotency.as_ref(), answer.as_ref(), sealer)?)
        }
        Change::FinishOperation { lease, answer, finished_at } => {
            Some(operations::finish(lease, answer, *finished_at, sealer)?)
        }
        Change::LeaveOperationOpen { lease, misses, next_check_at } => {
            Some(operations::leave_open(lease, *misses, *next_check_at))
        }
        Change::ReleaseOperation(lease) => Some(operations::release(lease)),
        Change::RenewLease(lease, lease_until) => Some(operations::renew(lease, *lease_until)),
        Change::PaymentIntent(intent, poll_at) => payment_intents::write(intent, *poll_at, sealer)?,
        Change::Refund(refund) => refunds::write(refund, sealer)?,
        Change::Chargeback(chargeback) => Some(chargebacks::insertion(chargeback)),
        Change::Customer(customer) => customers::write(customer, sealer)?,
        Change::PaymentMethod(method) => payment_methods::write(method, sealer)?,
        Change::Erasure(erasure) => erasures::write(erasure)?,
        Change::Emptied(emptied) => emptied::write(emptied, sealer)?,
        Change::RiskDecision(decision) => Some(risk_decisions::insertion(decision, sealer)?),
        Change::RiskSubject(subject) => risk_subjects::write(subject)?,
        // It only takes from the counters of BINs; what it counts for its subjects is theirs.
        Change::RiskAttemptTakenBack(_) => None,
        Change::RiskOutcome(outcome) => Some(risk_outcomes::insertion(outcome)),
        Change::ApiCall(call) => Some(api_calls::write(call, sealer)?),
        Change::RiskReview(review) => Some(risk_reviews::insertion(review)),
        Change::RiskReviewDecision(review) => Some(risk_reviews::decision(review)),
        Change::RiskReviewRefund(review) => Some(risk_reviews::refund(review)),
        Change::RiskPolicy { read_revision } => Some(risk_rules::policy_write(*read_revision)),
        Change::RiskRules(rules) => Some(risk_rules::insertion(rules)),
        Change::RiskList { name, kind, created_at } => Some(risk_lists::insertion(name, *kind, *created_at)),
        Change::RiskListEntry(entry) => Some(risk_lists::entry_upsert(entry)),
        Change::RemoveRiskListEntry { list, value } => Some(risk_lists::entry_deletion(list, value)),
        // Has its row by now, which is linked to the one before it.
        Change::AuditEntry(_) => None,
        Change::NewPartner { id, name, created_at } => Some(keys::partner_insertion(id, name, *created_at)),
        Change::NewApiKey(key) => Some(keys::insertion(key)),
        Change::RotateApiKey { id, secret_hash, overlap_until, rotated_at } => {
            Some(keys::rotation(id, secret_hash, *overlap_until, *rotated_at))
        }
        Change::RevokeApiKey(id, revoked_at) => Some(keys::revocation(id, *revoked_at)),
        Change::ApiKeyUsed(id, used_at) => Some(keys::usage(id, *used_at)),
        Change::WebhookArrival(webhook) => Some(webhooks::arrival(webhook)),
        Change::WebhookAttempt(webhook, next_attempt_at) => Some(webhooks::attempt(webhook, *next_attempt_at)),
        Change::WebhookReplay(webhook, now) => Some(webhooks::replay(webhook, *now)),
        Change::Event(event) => Some(events::insertion(event, ids, sealer)?),
    })
}

/// The rows of the terms by which what a change writes is found.
fn search_terms(change: &Change, hasher: &TermHasher) -> Vec<Write> {
    match change {
        Change::PaymentIntent(intent, _) => intent_terms(intent, hasher),
        Change::Refund(refund) => refund_terms(refund, hasher),
        Change::Emptied(emptied) => match &**emptied {
            Emptied::PaymentIntent(intent) => intent_terms(intent, hasher),
            Emptied::Refund(refund) => refund_terms(refund, hasher),
            Emptied::Event(_)
            | Emptied::Answer(..)
            | Emptied::ApiCall(_)
            | Emptied::RiskDecision(_)
            | Emptied::RiskReview(_) => Vec::new(),
        },
        Change::Customer(customer) => {
            let (partner, id, created_at) = (&customer.partner_id, customer.id.as_str(), customer.created_at);
            Searched { kind: SearchedKind::Customer, partner, id, created_at }.writes(customer, hasher)
        }
        _ => Vec::new(),
    }
}

fn intent_terms(intent: &Tracked<PaymentIntent>, hasher: &TermHasher) -> Vec<Write> {
    let (partner, id, created_at) = (&intent.partner_id, intent.id.as_str(), intent.created_at);
    Searched { kind: SearchedKind::PaymentIntent, partner, id, created_at }.writes(intent, hasher)
}

fn refund_terms(refund: &Tracked<Refund>, hasher: &TermHasher) -> Vec<Write> {
    let (partner, id, created_at) = (&refund.partner_id, refund.id.as_str(), refund.created_at);
    Searched { kind: SearchedKind::Refund, partner, id, created_at }.writes(refund, hasher)
}

/// The additions of a change to the counters of BINs, in this shard.
fn additions(change: &Change, shard: i64) -> Vec<Write> {
    match change {
        Change::RiskDecision(decision) => {
            CountedAttempt::of(decision).map_or_else(Vec::new, |attempt| risk_bins::attempt(&attempt, shard))
        }
        Change::RiskAttemptTakenBack(attempt) => risk_bins::attempt_taken_back(attempt, shard),
        Change::RiskOutcome(outcome) => risk_bins::decline(outcome, shard),
        _ => Vec::new(),
    }
}
