//! Refunds: create, read, list; and how what Corefy says of refunds is merged. Whatever moves a refund moves the sums of
//! its intent in the same transaction, under the intent's row lock.

use super::{
    Answer, App, Caller,
    paging::{Page, Paged},
    payment_intents::{customer_of, lock_own, reference_taken},
    perform::{Command, Outcome, Reserved, Verdict},
    reconcile::poll_at,
};
use crate::{
    domain::{
        clock::Timestamp,
        event::EventType,
        ids::{PaymentIntentId, RefundId},
        money::Money,
        operation::{Operation, OperationKind},
        payment_intent::{PaymentIntent, UPSTREAM_NO_RECORD},
        refund::{Refund, RefundDetails, RefundFailure, RefundState},
        snapshot::{RefundMerge, RefundSnapshot},
    },
    error::{Error, Reason},
    store::Tx,
    upstream::{self, Call, Order},
};

/// What `CreateRefund` takes.
#[derive(Debug)]
pub struct CreateRefund {
    /// The payment.
    pub payment_intent_id: PaymentIntentId,
    /// Decimal in the payment's currency; `None` is the whole rest.
    pub amount: Option<String>,
    /// The caller's own reference.
    pub reference_id: Option<String>,
    /// The rest.
    pub details: RefundDetails,
}

impl App {
    /// Gives money back. An unknown outcome is an answer: the refund is pending, its amount reserved.
    pub async fn create_refund(&self, caller: Caller, input: CreateRefund) -> Result<Answer<Refund>, Error> {
        self.perform(caller, Create { input, intent: None }).await
    }

    /// Reads a refund; asks Corefy first while it is pending.
    pub async fn get_refund(&self, caller: &Caller, id: RefundId) -> Result<Refund, Error> {
        let not_found = || Error::not_found("refund", id.as_str());
        let refund = self.store.read().await?.refund(&caller.partner_id, &id).await?.ok_or_else(not_found)?;
        if refund.state != RefundState::Pending {
            return Ok(refund);
        }
        self.ask_about_payment(&refund.payment_intent_id).await;
        self.store.read().await?.refund(&caller.partner_id, &id).await?.ok_or_else(not_found)
    }

    /// Lists the partner's refunds, newest first.
    pub async fn list_refunds(
        &self,
        caller: &Caller,
        payment: Option<PaymentIntentId>,
        page: Page,
    ) -> Result<Paged<Refund>, Error> {
        let tokens = self.page_tokens(caller, ("refunds", &payment));
        let after = tokens.read(&page.token)?;
        let mut session = self.store.read().await?;
        let found = session.refunds(&caller.partner_id, payment.as_ref(), after, page.size + 1).await?;
        Ok(tokens.page(found, page.size, |refund| refund.id.as_str()))
    }
}

/// `CreateRefund`.
struct Create {
    input: CreateRefund,
    intent: Option<PaymentIntent>,
}

impl Create {
    /// How much to refund: what was asked, or the whole rest; never more than the rest.
    fn amount(&self, intent: &PaymentIntent) -> Result<Money, Error> {
        if !intent.state.is_paid() {
            let message = format!("an intent that is {} has no payment to refund", intent.state.as_str());
            return Err(Error::new(Reason::PaymentNotRefundable, message).with("state", intent.state.as_str()));
        }
        let rest = intent.refundable();
        let amount = match &self.input.amount {
            Some(text) => Money::parse(text, intent.amount.currency).map_err(|wrong| Error::field("amount", wrong))?,
            None => rest,
        };
        if amount.minor > rest.minor || rest.minor == 0 {
            let message = format!("only {rest} {} is left to refund", rest.currency.code());
            return Err(Error::new(Reason::RefundExceedsPayment, message)
                .with("refundable_amount", rest.to_string())
                .with("currency", rest.currency.code()));
        }
        Ok(amount)
    }
}

impl Command for Create {
    const KIND: OperationKind = OperationKind::CreateRefund;
    type Resource = Refund;
    type Snapshot = RefundSnapshot;

    async fn reserve(&mut self, _: &App, tx: &mut Tx, operation: &mut Operation) -> Result<Reserved<Refund>, Error> {
        let mut intent = lock_own(tx, operation, &self.input.payment_intent_id).await?;
        let now = operation.sent_at;
        let refund = Refund {
            id: RefundId::generate(),
            partner_id: operation.partner_id.clone(),
            payment_intent_id: intent.id.clone(),
            upstream_id: None,
            state: RefundState::Pending,
            amount: self.amount(&intent)?,
            reference_id: self.input.reference_id.clone(),
            details: self.input.details.clone(),
            failure: None,
            created_at: now,
            updated_at: now,
        };
        if !tx.refund_insert(&refund).await? {
            let reference = refund.reference_id.unwrap_or_default();
            let taken = tx.refund_id_referenced(&operation.partner_id, &reference).await?;
            return Err(reference_taken(&reference, taken.map(|id| id.to_string())));
        }
        intent.refund_pending += refund.amount.minor;
        intent.updated_at = now;
        tx.payment_intent_update(&intent, poll_at(&intent, now)).await?;
        tx.events_insert(&[EventType::RefundCreated], &refund.clone().into(), now).await?;
        operation.subject_id = refund.id.to_string();
        operation.payment_intent_id = Some(intent.id.clone());
        self.intent = Some(intent);
        Ok(Reserved::Send(refund))
    }

    async fn send(self, app: &App, call: Call<'_>, refund: &Refund) -> Result<RefundSnapshot, upstream::Error> {
        let lost = || upstream::Error::Unknown("the reservation has no payment".to_owned());
        let intent = self.intent.ok_or_else(lost)?;
        let customer = customer_of(&app.store, &intent).await.map_err(|_| lost())?;
        app.upstream.refund_create(call, Order { intent: &intent, customer: customer.as_ref() }, refund).await
    }

    async fn settle(
        tx: &mut Tx,
        operation: &Operation,
        outcome: Outcome<RefundSnapshot>,
        now: Timestamp,
    ) -> Result<Verdict<Refund>, Error> {
        let not_found = || Error::not_found("refund", &operation.subject_id);
        let payment = operation.payment_intent_id.as_ref().ok_or_else(not_found)?;
        let mut intent = tx.payment_intent_lock(payment).await?.ok_or_else(not_found)?;
        let id = RefundId::parse(&operation.subject_id).ok_or_else(not_found)?;
        let mut refund = tx.refund_any(&id).await?.ok_or_else(not_found)?;
        let was_refused = matches!(outcome, Outcome::Refused(_));
        let verdict = match outcome {
            Outcome::Answered(snapshot) => match merge_refund(tx, &mut intent, &mut refund, &snapshot, now).await? {
                // What contradicts us is not believed at once: recovery reads the payment and decides.
                Some(_) => Verdict::InDoubt(refund),
                None => Verdict::Done(refund),
            },
            Outcome::Refused(error) => {
                take_back(tx, &mut intent, &refund).await?;
                Verdict::Refused(error.into())
            }
            Outcome::NotSent(error) => {
                take_back(tx, &mut intent, &refund).await?;
                Verdict::Released(error.into())
            }
            Outcome::Unknown => Verdict::InDoubt(refund),
            Outcome::Absent => {
                give_up_refund(tx, &mut intent, &mut refund, now).await?;
                Verdict::Done(refund)
            }
        };
        // Corefy may refuse because the payment was refunded there without us, so it is asked soon.
        let next_poll = if was_refused { Some(now) } else { poll_at(&intent, now) };
        tx.payment_intent_update(&intent, next_poll).await?;
        Ok(verdict)
    }

    async fn load(app: &App, id: &str) -> Result<Refund, Error> {
        let not_found = || Error::not_found("refund", id);
        let id = RefundId::parse(id).ok_or_else(not_found)?;
        app.store.read().await?.refund_any(&id).await?.ok_or_else(not_found)
    }
}

/// Takes back a refund that certainly was not made, with its share of the intent's sums.
async fn take_back(tx: &mut Tx, intent: &mut PaymentIntent, refund: &Refund) -> Result<(), Error> {
    intent.refund_pending -= refund.amount.minor;
    Ok(tx.refund_delete(&refund.id).await?)
}

/// Gives up a refund of which Corefy, asked again and again, has no record. It is never sent again by us.
pub(super) async fn give_up_refund(
    tx: &mut Tx,
    intent: &mut PaymentIntent,
    refund: &mut Refund,
    now: Timestamp,
) -> Result<(), Error> {
    if refund.state != RefundState::Pending {
        return Ok(());
    }
    refund.failure = Some(RefundFailure {
        code: UPSTREAM_NO_RECORD.to_owned(),
        message: "Corefy has no record of the refund; nothing was given back".to_owned(),
    });
    advance(tx, intent, refund, RefundState::Failed, &[EventType::RefundFailed], now).await
}

/// Merges what Corefy says of a payment's refunds. Answers why it contradicts us, if it does.
pub(super) async fn merge_refunds(
    tx: &mut Tx,
    intent: &mut PaymentIntent,
    snapshots: &[RefundSnapshot],
    now: Timestamp,
) -> Result<Option<&'static str>, Error> {
    if snapshots.is_empty() {
        return Ok(None);
    }
    let mut known = tx.refunds_of(&intent.id).await?;
    let mut conflict = None;
    for snapshot in snapshots {
        let found = match known.iter_mut().find(|refund| is_same(refund, snapshot)) {
            Some(refund) => merge_refund(tx, intent, refund, snapshot, now).await?,
            None => adopt(tx, intent, snapshot, now).await?,
        };
        conflict = conflict.or(found);
    }
    Ok(conflict)
}

fn is_same(refund: &Refund, snapshot: &RefundSnapshot) -> bool {
    snapshot.reference.as_deref() == Some(refund.id.as_str())
        || refund.upstream_id.as_deref() == Some(snapshot.upstream_id.as_str())
}

async fn merge_refund(
    tx: &mut Tx,
    intent: &mut PaymentIntent,
    refund: &mut Refund,
    snapshot: &RefundSnapshot,
    now: Timestamp,
) -> Result<Option<&'static str>, Error> {
    let merged = snapshot.merge(refund);
    if let RefundMerge::Conflict(why) = merged {
        return Ok(Some(why));
    }
    if refund.upstream_id.is_none() {
        refund.upstream_id = Some(snapshot.upstream_id.clone());
        tx.refund_update(refund).await?;
    }
    let RefundMerge::Apply(state, events) = merged else { return Ok(None) };
    let (_, refunded) = state.share(refund.amount.minor);
    let (was_pending, _) = refund.state.share(refund.amount.minor);
    if refunded > was_pending && refunded > intent.refundable().minor {
        return Ok(Some("a refund that was given up was made after all, and its amount is refunded already"));
    }
    refund.failure = match state {
        RefundState::Failed => Some(snapshot.failure.clone().unwrap_or_else(unexplained)),
        RefundState::Pending | RefundState::Succeeded | RefundState::Canceled => None,
    };
    advance(tx, intent, refund, state, events, now).await?;
    Ok(None)
}

fn unexplained() -> RefundFailure {
    RefundFailure { code: "refund_failed".to_owned(), message: "the refund was not carried out".to_owned() }
}

/// Moves a refund, and its share of the intent's sums with it.
async fn advance(
    tx: &mut Tx,
    intent: &mut PaymentIntent,
    refund: &mut Refund,
    state: RefundState,
    events: &[EventType],
    now: Timestamp,
) -> Result<(), Error> {
    let amount = refund.amount.minor;
    let ((pending, refunded), (next_pending, next_refunded)) = (refund.state.share(amount), state.share(amount));
    intent.refund_pending += next_pending - pending;
    intent.refunded += next_refunded - refunded;
    intent.updated_at = now;
    refund.state = state;
    refund.updated_at = now;
    tx.refund_update(refund).await?;
    tx.events_insert(events, &refund.clone().into(), now).await?;
    Ok(())
}

/// Takes in a refund that was not made through the gateway, so that its amount cannot be refunded again.
async fn adopt(
    tx: &mut Tx,
    intent: &mut PaymentIntent,
    snapshot: &RefundSnapshot,
    now: Timestamp,
) -> Result<Option<&'static str>, Error> {
    let Some(state @ (RefundState::Pending | RefundState::Succeeded)) = snapshot.state else { return Ok(None) };
    if snapshot.amount.currency != intent.amount.currency || snapshot.amount.minor > intent.refundable().minor {
        return Ok(Some("a refund that was not made here exceeds what is left"));
    }
    let refund = Refund {
        id: RefundId::generate(),
        partner_id: intent.partner_id.clone(),
        payment_intent_id: intent.id.clone(),
        upstream_id: Some(snapshot.upstream_id.clone()),
        state,
        amount: snapshot.amount,
        reference_id: None,
        details: RefundDetails::default(),
        failure: None,
        created_at: now,
        updated_at: now,
    };
    let (pending, refunded) = state.share(refund.amount.minor);
    intent.refund_pending += pending;
    intent.refunded += refunded;
    intent.updated_at = now;
    tx.refund_insert(&refund).await?;
    tx.events_insert(&[EventType::PaymentIntentRefundedUpstream], &intent.clone().into(), now).await?;
    tx.events_insert(&[EventType::RefundCreated], &refund.into(), now).await?;
    Ok(None)
}
