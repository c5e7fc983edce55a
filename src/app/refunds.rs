//! Refunds: create, read, list; and how what Corefy says of refunds is merged. Whatever moves a refund moves the sums of
//! its intent in the same transaction, under the intent's row lock.

use super::{
    Answer, App, Caller,
    paging::{Page, Paged},
    payment_intents::{lock_own, reference_taken},
    perform::{Command, Outcome, Reserved, Target, Verdict},
    reconcile::poll_at,
};
use crate::{
    domain::{
        clock::Timestamp,
        customer::Customer,
        decline::UPSTREAM_NO_RECORD,
        event::EventType,
        ids::{PaymentIntentId, RefundId},
        money::Money,
        operation::{Operation, OperationKind},
        payment_intent::PaymentIntent,
        refund::{Refund, RefundDetails, RefundFailure, RefundState},
        snapshot::{RefundMerge, RefundSnapshot},
    },
    error::{Error, Reason},
    store::Tx,
    upstream::{self, Call, PaymentContext},
};

pub use crate::store::RefundFilter;

/// The input of `CreateRefund`.
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
        self.perform(caller, CreateRefundCommand { id: RefundId::generate(), input, context: None }).await
    }

    /// Reads a refund; asks Corefy first while it is pending, and when the last look is some minutes old.
    pub async fn get_refund(&self, caller: &Caller, id: RefundId) -> Result<Refund, Error> {
        let not_found = || Error::not_found("refund", id.as_str());
        let mut session = self.store.read().await?;
        let refund = session.refund(&caller.partner_id, &id).await?.ok_or_else(not_found)?;
        let payment = session.payment_intent_any_asked(&refund.payment_intent_id).await?;
        drop(session);
        let was_given_up = refund.failure.as_ref().is_some_and(RefundFailure::is_given_up);
        if refund.state == RefundState::Pending || was_given_up {
            self.ask_about_payment(&refund.payment_intent_id).await;
        } else {
            let Some((intent, asked_at)) = payment else { return Ok(refund) };
            if !self.ask_about_settled(&intent, asked_at).await {
                return Ok(refund);
            }
        }
        self.store.read().await?.refund(&caller.partner_id, &id).await?.ok_or_else(not_found)
    }

    /// Lists the partner's refunds, newest first.
    pub async fn list_refunds(
        &self,
        caller: &Caller,
        filter: RefundFilter,
        page: Page,
    ) -> Result<Paged<Refund>, Error> {
        let tokens = self.page_tokens(caller, ("refunds", &filter));
        let after = tokens.read_position(&page.token)?;
        let mut session = self.store.read().await?;
        let found = session.refunds(&caller.partner_id, &filter, after, page.size + 1).await?;
        Ok(tokens.page_by_creation(found, page.size, |refund| (refund.created_at, refund.id.as_str())))
    }
}

/// `CreateRefund`.
struct CreateRefundCommand {
    id: RefundId,
    input: CreateRefund,
    context: Option<(PaymentIntent, Option<Customer>)>,
}

impl CreateRefundCommand {
    /// How much to refund: what was asked, or the whole rest; never more than the rest.
    fn amount(&self, intent: &PaymentIntent) -> Result<Money, Error> {
        if !intent.state.is_paid() {
            let message = format!("a payment intent in state {} has nothing to refund", intent.state.as_str());
            return Err(Error::new(Reason::PaymentNotRefundable, message).with("state", intent.state.as_str()));
        }
        let rest = intent.refundable();
        let amount = match &self.input.amount {
            Some(text) => Money::parse(text, intent.amount.currency).map_err(|wrong| Error::field("amount", wrong))?,
            None => rest,
        };
        if amount.minor > rest.minor || rest.minor == 0 {
            let message = match rest.minor {
                0 => "nothing is left to refund".to_owned(),
                _ => format!("only {rest} {} is left to refund", rest.currency.code()),
            };
            return Err(Error::new(Reason::RefundExceedsPayment, message)
                .with("refundable_amount", rest.to_string())
                .with("currency", rest.currency.code()));
        }
        Ok(amount)
    }

    /// Refuses a reference that a refund of the partner has already.
    async fn require_free_reference(&self, tx: &mut Tx, operation: &Operation) -> Result<(), Error> {
        let Some(reference) = &self.input.reference_id else { return Ok(()) };
        let taken = tx.refund_id_referenced(&operation.partner_id, reference).await?;
        taken.map_or(Ok(()), |id| Err(reference_taken(reference, Some(id.to_string()))))
    }
}

impl Command for CreateRefundCommand {
    const KIND: OperationKind = OperationKind::CreateRefund;
    type Resource = Refund;
    type Snapshot = RefundSnapshot;

    fn target(&self) -> Target {
        Target { subject_id: self.id.to_string(), payment_intent_id: Some(self.input.payment_intent_id.clone()) }
    }

    async fn reserve(&mut self, _: &App, tx: &mut Tx, operation: &mut Operation) -> Result<Reserved<Refund>, Error> {
        let mut intent = lock_own(tx, operation, &self.input.payment_intent_id).await?;
        // Before the amount is judged: of a refund that is repeated, the first has taken its share of what is left.
        self.require_free_reference(tx, operation).await?;
        let now = operation.sent_at;
        let refund = Refund {
            id: self.id.clone(),
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
            revision: 1,
        };
        if !tx.refund_insert(&refund).await? {
            self.require_free_reference(tx, operation).await?;
            return Err(reference_taken(&refund.reference_id.unwrap_or_default(), None));
        }
        intent.shift_refund(refund.amount.minor, None, Some(RefundState::Pending));
        intent.touch(now);
        tx.payment_intent_update(&intent, poll_at(&intent, now)).await?;
        tx.events_insert(&[EventType::RefundCreated], &refund.clone().into(), now).await?;
        let customer = tx.customer_of(&intent).await?;
        self.context = Some((intent, customer));
        Ok(Reserved::Send(refund))
    }

    async fn send(self, app: &App, call: Call<'_>, refund: &Refund) -> Result<RefundSnapshot, upstream::Error> {
        let (intent, customer) = self.context.ok_or_else(|| upstream::not_at_corefy("payment"))?;
        app.upstream.refund_create(call, PaymentContext { intent: &intent, customer: customer.as_ref() }, refund).await
    }

    async fn settle(
        tx: &mut Tx,
        operation: &Operation,
        outcome: Outcome<RefundSnapshot>,
        now: Timestamp,
    ) -> Result<Verdict<Refund>, Error> {
        let (mut intent, mut refund) = lock(tx, operation).await?;
        let is_untouched = refund.state == RefundState::Pending && refund.upstream_id.is_none();
        let was_refused = matches!(outcome, Outcome::Refused(_));
        let verdict = match outcome {
            Outcome::Answered(snapshot) => match merge_refund(tx, &mut intent, &mut refund, &snapshot, now).await? {
                // A contradiction is not believed at once: recovery reads the payment and decides.
                Some(_) => Verdict::InDoubt(refund),
                None => Verdict::Done(refund),
            },
            Outcome::Refused(error) if is_untouched => {
                take_back(tx, &mut intent, refund, now).await?;
                Verdict::Refused(error.into())
            }
            Outcome::NotSent(error) if is_untouched => {
                take_back(tx, &mut intent, refund, now).await?;
                Verdict::Released(error.into())
            }
            // A refusal of what a webhook says was done is no refusal.
            Outcome::Refused(_) | Outcome::NotSent(_) | Outcome::Unknown => Verdict::InDoubt(refund),
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

    fn is_decided(refund: &Refund) -> bool {
        refund.state != RefundState::Pending || refund.upstream_id.is_some()
    }

    async fn load(app: &App, id: &str) -> Result<Refund, Error> {
        let not_found = || Error::not_found("refund", id);
        let id = RefundId::parse(id).ok_or_else(not_found)?;
        app.store.read().await?.refund_any(&id).await?.ok_or_else(not_found)
    }
}

/// The refund of an operation with its intent, which is locked.
pub(super) async fn lock(tx: &mut Tx, operation: &Operation) -> Result<(PaymentIntent, Refund), Error> {
    let not_found = || Error::not_found("refund", &operation.subject_id);
    let payment = operation.payment_intent_id.as_ref().ok_or_else(not_found)?;
    let intent = tx.payment_intent_lock(payment).await?.ok_or_else(not_found)?;
    let id = RefundId::parse(&operation.subject_id).ok_or_else(not_found)?;
    let refund = tx.refund_any(&id).await?.ok_or_else(not_found)?;
    Ok((intent, refund))
}

/// Takes back a refund that certainly was not made, with its share of the intent's sums.
async fn take_back(tx: &mut Tx, intent: &mut PaymentIntent, mut refund: Refund, now: Timestamp) -> Result<(), Error> {
    advance(tx, intent, &mut refund, RefundState::Canceled, &[EventType::RefundCanceled], now).await?;
    Ok(tx.refund_delete(&refund.id).await?)
}

/// Gives up a refund of which Corefy, asked again and again, shows no trace. It is never sent again by us; but Corefy is
/// still asked for a week.
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
    intent.watch(now);
    advance(tx, intent, refund, RefundState::Failed, &[EventType::RefundFailed], now).await
}

/// Merges what Corefy says of a payment's refunds. Returns why it contradicts us, if it does.
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
        let found = match same(&known, snapshot) {
            Same::Known(place) => merge_refund(tx, intent, &mut known[place], snapshot, now).await?,
            Same::Foreign => adopt(tx, intent, snapshot, now).await?,
            Same::Ambiguous => Some("a refund without a reference could be one of several"),
        };
        conflict = conflict.or(found);
    }
    Ok(conflict)
}

/// Which of our refunds a snapshot shows.
enum Same {
    Known(usize),
    Foreign,
    Ambiguous,
}

/// Finds the refund by Corefy's id or by our reference; one that has lost its reference, by its amount among those that
/// Corefy has not shown yet: their fate is not known, or known as an operator states.
fn same(known: &[Refund], snapshot: &RefundSnapshot) -> Same {
    let by_id = |refund: &Refund| refund.upstream_id.as_deref() == Some(snapshot.upstream_id.as_str());
    let by_reference = |refund: &Refund| snapshot.reference.as_deref() == Some(refund.id.as_str());
    if let Some(place) = known.iter().position(|refund| by_id(refund) || by_reference(refund)) {
        return Same::Known(place);
    }
    let is_candidate = |refund: &Refund| {
        let may_be_made = matches!(refund.state, RefundState::Pending | RefundState::Succeeded);
        refund.upstream_id.is_none() && may_be_made && snapshot.amount == Some(refund.amount)
    };
    let mut candidates = known.iter().enumerate().filter(|(_, refund)| is_candidate(refund));
    match (&snapshot.reference, candidates.next(), candidates.next()) {
        (None, Some((place, _)), None) => Same::Known(place),
        (None, Some(_), Some(_)) => Same::Ambiguous,
        _ => Same::Foreign,
    }
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
        refund.touch(now);
        tx.refund_update(refund).await?;
    }
    let RefundMerge::Apply(state, events) = merged else { return Ok(None) };
    if !intent.has_room_for(refund.amount.minor, Some(refund.state), state) {
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
pub(super) async fn advance(
    tx: &mut Tx,
    intent: &mut PaymentIntent,
    refund: &mut Refund,
    state: RefundState,
    events: &[EventType],
    now: Timestamp,
) -> Result<(), Error> {
    intent.shift_refund(refund.amount.minor, Some(refund.state), Some(state));
    intent.touch(now);
    refund.state = state;
    refund.touch(now);
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
    let amount = snapshot.amount.filter(|amount| amount.currency == intent.amount.currency);
    let Some(amount) = amount.filter(|amount| intent.has_room_for(amount.minor, None, state)) else {
        return Ok(Some("a refund that was not made here exceeds what is left"));
    };
    let refund = Refund {
        id: RefundId::generate(),
        partner_id: intent.partner_id.clone(),
        payment_intent_id: intent.id.clone(),
        upstream_id: Some(snapshot.upstream_id.clone()),
        state,
        amount,
        reference_id: None,
        details: RefundDetails::default(),
        failure: None,
        created_at: now,
        updated_at: now,
        revision: 1,
    };
    intent.shift_refund(refund.amount.minor, None, Some(state));
    intent.touch(now);
    tx.refund_insert(&refund).await?;
    tx.events_insert(&[EventType::PaymentIntentRefundedUpstream], &intent.clone().into(), now).await?;
    tx.events_insert(&[EventType::RefundCreated], &refund.into(), now).await?;
    Ok(None)
}
