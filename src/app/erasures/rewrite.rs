//! How objects and their records are read, emptied and written back, a bounded number a commit. What is empty already is not
//! written again, so that a step may be taken any number of times.

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    app::{
        decision::{CONFLICTS, Decision},
        payments::Payments,
    },
    domain::{
        clock::Timestamp,
        customer::Customer,
        erasure::payer_data::PayerDataRule,
        ids::{CustomerId, PaymentIntentId},
        operation::OperationKind,
        payment_intent::PaymentIntent,
        payment_method::PaymentMethod,
        refund::Refund,
    },
    error::{Error, Reason},
    store::{Change, CommitError, Emptied, FrozenAnswer, OperationRecord, ReadSession, RecordsOf, Tracked, Versioned},
};

/// How many rows are read and written at a time.
const ROWS_AT_A_TIME: u32 = 100;

/// The kinds of records that are kept of an object.
#[derive(Clone, Copy)]
enum RecordKind {
    Events,
    Operations,
    Calls,
    Decisions,
    Reviews,
}

impl RecordKind {
    const ALL: [Self; 5] = [Self::Events, Self::Operations, Self::Calls, Self::Decisions, Self::Reviews];
}

/// Records without the person, as far as they had to be written, and the last that was looked at; none at the end.
struct EmptiedPage {
    changes: Vec<Emptied>,
    last: Option<String>,
}

/// The outcome of emptying a payment.
#[derive(Default)]
pub(in crate::app) struct EmptiedPayment {
    /// How many rows were emptied.
    pub rows: i64,
    /// The moment until which it stays as it is; `None`: it is empty.
    pub stays_until: Option<Timestamp>,
    refunds: Vec<String>,
}

impl Payments {
    /// Empties an intent, its refunds, and the records of both; with a rule, only if the payer's time is over by it.
    pub(in crate::app) async fn empty_payment(
        &self,
        id: &PaymentIntentId,
        rule: Option<&PayerDataRule>,
    ) -> Result<EmptiedPayment, Error> {
        let mut emptied = self.erase_intent(id, rule).await?;
        if emptied.stays_until.is_some() {
            return Ok(emptied);
        }
        for kind in RecordKind::ALL {
            emptied.rows += self.erase_records(kind, RecordsOf::Payment(id)).await?;
        }
        // A call that moves no money is an operation on the intent alone.
        emptied.rows += self.erase_records(RecordKind::Operations, RecordsOf::Object(id.as_str())).await?;
        for refund in &emptied.refunds {
            emptied.rows += self.erase_records(RecordKind::Events, RecordsOf::Object(refund)).await?;
        }
        Ok(emptied)
    }

    /// Empties a customer's payment methods, and the records of both. Returns how many rows.
    pub(super) async fn erase_own(&self, id: &CustomerId) -> Result<i64, Error> {
        let (mut emptied, mut after) = (self.erase_object(id.as_str()).await?, String::new());
        loop {
            let methods = self.store.read().await?.payment_methods_all(id, &after, ROWS_AT_A_TIME).await?;
            let ids: Vec<_> = methods.iter().map(|method| method.id.to_string()).collect();
            emptied += self.erase_methods(methods).await?;
            for id in &ids {
                emptied += self.erase_object(id).await?;
            }
            match ids.into_iter().next_back() {
                Some(last) => after = last,
                None => return Ok(emptied),
            }
        }
    }

    /// Empties the records of a customer or a payment method.
    async fn erase_object(&self, id: &str) -> Result<i64, Error> {
        let mut emptied = 0;
        for kind in RecordKind::ALL {
            emptied += self.erase_records(kind, RecordsOf::Object(id)).await?;
        }
        Ok(emptied)
    }

    /// Empties an intent and its refunds. What begins on the payment meanwhile changes the intent, which is then read again.
    async fn erase_intent(&self, id: &PaymentIntentId, rule: Option<&PayerDataRule>) -> Result<EmptiedPayment, Error> {
        let _turn = self.queues.wait(id.as_str()).await;
        for _ in 0..CONFLICTS {
            let now = self.now();
            let Some(mut intent) = self.store.payment_intent_tracked(id).await? else {
                return Ok(EmptiedPayment::default());
            };
            let mut session = self.store.read().await?;
            let mut refunds = session.refunds_of(id).await?;
            if let Some(rule) = rule {
                let is_under_way = !session.under_way_among(&[id.to_string()]).await?.is_empty();
                let stays_until = rule.stays_until(&intent, refunds.iter().map(|refund| &**refund), is_under_way);
                if stays_until.is_some() {
                    return Ok(EmptiedPayment { stays_until, ..EmptiedPayment::default() });
                }
            }
            drop(session);
            let ids = refunds.iter().map(|refund| refund.id.to_string()).collect();
            let mut changes = Vec::new();
            if change(&mut intent, |intent| intent.erase(now)) {
                changes.push(Change::Emptied(Box::new(Emptied::PaymentIntent(intent))));
            }
            refunds.retain_mut(|refund| change(refund, |refund| refund.erase(now)));
            let refunds = refunds.into_iter().map(|refund| Change::Emptied(Box::new(Emptied::Refund(refund))));
            changes.extend(refunds);
            if let Some(rows) = self.write_emptied(changes).await? {
                return Ok(EmptiedPayment { rows, stays_until: None, refunds: ids });
            }
        }
        Err(Error::new(Reason::StoreUnavailable, "too many calls change the same payment"))
    }

    /// Empties payment methods; one that is changed meanwhile is found again by the next stage.
    async fn erase_methods(&self, mut methods: Vec<Tracked<PaymentMethod>>) -> Result<i64, Error> {
        let now = self.now();
        methods.retain_mut(|method| change(method, |method| method.erase(now)));
        let written = self.write_emptied(methods.into_iter().map(Change::PaymentMethod).collect()).await?;
        written.ok_or_else(|| Error::new(Reason::StoreUnavailable, "a payment method was changed meanwhile"))
    }

    /// Empties the records of one kind. Returns how many.
    async fn erase_records(&self, kind: RecordKind, of: RecordsOf<'_>) -> Result<i64, Error> {
        let (mut emptied, mut after) = (0, String::new());
        loop {
            let mut session = self.store.read().await?;
            let page = emptied_page(&mut session, kind, of, &after, self.now()).await?;
            drop(session);
            let changes = page.changes.into_iter().map(|record| Change::Emptied(Box::new(record))).collect();
            let written = self.write_emptied(changes).await?;
            emptied += written.ok_or_else(|| Error::new(Reason::StoreUnavailable, "a record was locked"))?;
            match page.last {
                Some(last) => after = last,
                None => return Ok(emptied),
            }
        }
    }

    /// Writes what was emptied, a bounded number a commit, and returns how many rows; `None` when something was written since it
    /// was read.
    async fn write_emptied(&self, mut changes: Vec<Change>) -> Result<Option<i64>, Error> {
        let mut count = 0;
        while !changes.is_empty() {
            let rest = changes.split_off(changes.len().min(ROWS_AT_A_TIME as usize));
            count += i64::try_from(changes.len()).unwrap_or(i64::MAX);
            let mut decision = Decision::by(self.ids(), &[]);
            changes.into_iter().for_each(|change| decision.changes.push(change));
            match decision.commit(&self.store).await {
                Ok(()) => {}
                Err(CommitError::Conflict(_)) => return Ok(None),
                Err(CommitError::Failed(error)) => return Err(error.into()),
            }
            changes = rest;
        }
        Ok(Some(count))
    }
}

/// Changes an object only where that leaves it otherwise. Returns whether it does.
fn change<T: Clone + Versioned>(object: &mut Tracked<T>, erase: impl FnOnce(&mut T) -> bool) -> bool {
    let mut copy = object.to_inner();
    let has_changed = erase(&mut copy);
    if has_changed {
        **object = copy;
    }
    has_changed
}

/// The records of one kind after the id `after`.
async fn emptied_page(
    session: &mut ReadSession,
    kind: RecordKind,
    of: RecordsOf<'_>,
    after: &str,
    now: Timestamp,
) -> Result<EmptiedPage, Error> {
    let mut changes = Vec::new();
    let ids: Vec<String> = match kind {
        RecordKind::Events => {
            let page = session.events_about(of, after, ROWS_AT_A_TIME).await?;
            let ids = page.iter().map(|event| event.id.to_string()).collect();
            for mut event in page {
                let before = json(&event.object)?;
                event.erase(now);
                if json(&event.object)? != before {
                    changes.push(Emptied::Event(event));
                }
            }
            ids
        }
        RecordKind::Operations => {
            let page = session.operations_of(of, after, ROWS_AT_A_TIME).await?;
            for record in &page {
                if let Some(answer) = emptied_answer(session, record, now)? {
                    changes.push(Emptied::Answer(record.operation.id.clone(), answer));
                }
            }
            page.into_iter().map(|record| record.operation.id.to_string()).collect()
        }
        RecordKind::Reviews => {
            let page = session.noted_reviews_of(of, after, ROWS_AT_A_TIME).await?;
            let ids = page.iter().map(ToString::to_string).collect();
            changes.extend(page.into_iter().map(Emptied::RiskReview));
            ids
        }
        RecordKind::Calls => {
            let page = session.calls_of(of, after, ROWS_AT_A_TIME).await?;
            let ids = page.iter().map(|call| call.id.to_string()).collect();
            for mut call in page {
                let before = call.clone();
                call.erase();
                if call != before {
                    changes.push(Emptied::ApiCall(call));
                }
            }
            ids
        }
        RecordKind::Decisions => {
            let page = session.decisions_of(of, after, ROWS_AT_A_TIME).await?;
            let ids = page.iter().map(|decision| decision.id.to_string()).collect();
            for mut decision in page {
                let before = decision.clone();
                decision.erase();
                if decision != before {
                    changes.push(Emptied::RiskDecision(decision));
                }
            }
            ids
        }
    };
    let is_full = ids.len() == ROWS_AT_A_TIME as usize;
    Ok(EmptiedPage { changes, last: ids.into_iter().next_back().filter(|_| is_full) })
}

/// The frozen answer of an operation without the person; `None` where nothing is to be written. A refusal has nothing private.
fn emptied_answer(
    session: &ReadSession,
    record: &OperationRecord,
    now: Timestamp,
) -> Result<Option<FrozenAnswer>, Error> {
    match record.operation.kind {
        OperationKind::CreatePaymentIntent
        | OperationKind::ConfirmPaymentIntent
        | OperationKind::CancelPaymentIntent => without::<PaymentIntent>(session, record, |intent| intent.strip(now)),
        OperationKind::CreateRefund => without::<Refund>(session, record, |refund| refund.strip(now)),
        OperationKind::CreateCustomer | OperationKind::UpdateCustomer => {
            without::<Customer>(session, record, |customer| customer.strip(now))
        }
        OperationKind::CreatePaymentMethod
        | OperationKind::UpdatePaymentMethod
        | OperationKind::DeletePaymentMethod => without::<PaymentMethod>(session, record, PaymentMethod::strip),
    }
}

fn without<T: Serialize + DeserializeOwned>(
    session: &ReadSession,
    record: &OperationRecord,
    strip: impl FnOnce(&mut T),
) -> Result<Option<FrozenAnswer>, Error> {
    let answer: Option<Result<T, Error>> = session.operation_answer(record)?;
    let Some(Ok(mut object)) = answer else { return Ok(None) };
    let before = json(&object)?;
    strip(&mut object);
    Ok((json(&object)? != before).then(|| FrozenAnswer::of(&Ok::<_, Error>(object))))
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    let unwritable = |error| Error::new(Reason::Internal, "an object cannot be written as JSON").because(error);
    serde_json::to_vec(value).map_err(unwritable)
}
