//! `UpdatePaymentMethod` and `DeletePaymentMethod`: ours alone, for Corefy's API has no such calls.

use super::stored::{deleted, load, read_for};
use crate::{
    app::{
        customers::not_ready,
        decision::Decision,
        payments::Payments,
        perform::{Command, Outcome, Reserved, Seen, Target, Verdict},
    },
    domain::{
        clock::Timestamp,
        event::EventType,
        ids::PaymentMethodId,
        operation::{Operation, OperationKind},
        payment_method::{CardEdit, PaymentMethod},
    },
    error::{Error, Reason, Violation},
    store::{Change, Store, Tracked},
    upstream::{self, Call},
};

/// The input of `UpdatePaymentMethod`.
#[derive(Debug)]
pub struct UpdatePaymentMethod {
    /// The payment method.
    pub id: PaymentMethodId,
    /// The fields to change.
    pub edit: CardEdit,
    /// The revision that the payment method must have.
    pub expected_revision: Option<i64>,
}

/// The input of `DeletePaymentMethod`.
#[derive(Debug)]
pub struct DeletePaymentMethod {
    /// The payment method.
    pub id: PaymentMethodId,
}

/// A change of a payment method that is ours alone.
pub(super) trait Edit: Send + Sync + 'static {
    /// The kind of call.
    const KIND: OperationKind;

    /// The payment method.
    fn id(&self) -> &PaymentMethodId;

    /// Changes the method, and returns the event that tells of it; `None`: it is as it should be.
    fn apply(&self, method: &mut Tracked<PaymentMethod>, now: Timestamp) -> Result<Option<EventType>, Error>;
}

impl Edit for UpdatePaymentMethod {
    const KIND: OperationKind = OperationKind::UpdatePaymentMethod;

    fn id(&self) -> &PaymentMethodId {
        &self.id
    }

    fn apply(&self, method: &mut Tracked<PaymentMethod>, now: Timestamp) -> Result<Option<EventType>, Error> {
        if method.is_deleted() {
            return Err(deleted(method));
        }
        if self.expected_revision.is_some_and(|expected| expected != method.revision) {
            return Err(stale(method));
        }
        let mut edited = method.to_inner();
        if !edited.edit(&self.edit).ok_or_else(|| no_card(&self.edit))? {
            return Ok(None);
        }
        edited.touch(now);
        **method = edited;
        Ok(Some(EventType::PaymentMethodUpdated))
    }
}

impl Edit for DeletePaymentMethod {
    const KIND: OperationKind = OperationKind::DeletePaymentMethod;

    fn id(&self) -> &PaymentMethodId {
        &self.id
    }

    fn apply(&self, method: &mut Tracked<PaymentMethod>, now: Timestamp) -> Result<Option<EventType>, Error> {
        if method.is_deleted() {
            return Ok(None);
        }
        method.forget(now);
        Ok(Some(EventType::PaymentMethodDeleted))
    }
}

/// The call of an edit.
pub(super) struct EditCommand<E>(pub(super) E);

impl Seen for Tracked<PaymentMethod> {
    fn write(&self, decision: &mut Decision, _: Timestamp) {
        decision.changes.push(Change::PaymentMethod(self.clone()));
    }

    fn mark_committed(&mut self) {
        Tracked::mark_committed(self);
    }
}

impl<E: Edit> Command for EditCommand<E> {
    const KIND: OperationKind = E::KIND;
    type Resource = PaymentMethod;
    type Snapshot = ();
    type Seen = Tracked<PaymentMethod>;

    fn target(&self) -> Target {
        Target { subject_id: self.0.id().to_string(), payment_intent_id: None }
    }

    async fn read(&self, payments: &Payments, operation: &Operation) -> Result<Tracked<PaymentMethod>, Error> {
        let method = payments.store.read().await?.payment_method_tracked(self.0.id()).await?;
        let own = method.filter(|method| method.partner_id == operation.partner_id);
        own.ok_or_else(|| Error::not_found("payment_method", self.0.id().as_str()))
    }

    fn reserve(
        &self,
        _: &Payments,
        method: &mut Tracked<PaymentMethod>,
        operation: &mut Operation,
        decision: &mut Decision,
    ) -> Result<Reserved<PaymentMethod>, Error> {
        // Recovery tells the method by its card.
        if method.upstream_id.is_none() {
            return Err(not_ready(method.id.as_str()));
        }
        if let Some(event) = self.0.apply(method, operation.sent_at)? {
            decision.changes.emit(event, method.to_inner(), operation.sent_at);
        }
        Ok(Reserved::Done(method.to_inner()))
    }

    async fn send(
        self,
        _: &Payments,
        _: Call<'_>,
        _: &Tracked<PaymentMethod>,
        _: &PaymentMethod,
    ) -> Result<(), upstream::Error> {
        Ok(())
    }

    async fn read_for_outcome(
        store: &Store,
        operation: &Operation,
        _: &Outcome<()>,
        kept: Option<Tracked<PaymentMethod>>,
    ) -> Result<Tracked<PaymentMethod>, Error> {
        read_for(store, operation, kept).await
    }

    fn settle(
        method: &mut Tracked<PaymentMethod>,
        _: &Operation,
        _: Outcome<()>,
        _: Timestamp,
        _: &mut Decision,
    ) -> Result<Verdict<PaymentMethod>, Error> {
        Ok(Verdict::Done(method.to_inner()))
    }

    fn is_decided(_: &PaymentMethod) -> bool {
        true
    }

    async fn load(payments: &Payments, id: &str) -> Result<PaymentMethod, Error> {
        load(payments, id).await
    }
}

/// The method has another revision than the call expects.
fn stale(method: &PaymentMethod) -> Error {
    let revision = method.revision.to_string();
    let message = format!("the payment method has changed since: it has the revision {revision}");
    Error::new(Reason::RevisionStale, message).with("resource_id", method.id.as_str()).with("revision", revision)
}

/// Names the fields that were to change of what is no card.
fn no_card(edit: &CardEdit) -> Error {
    let CardEdit { expiry_month, expiry_year, holder_name } = edit;
    let given = [
        ("expiry_month", expiry_month.is_some()),
        ("expiry_year", expiry_year.is_some()),
        ("holder_name", holder_name.is_some()),
    ];
    let wrong: Vec<_> = given.into_iter().filter(|(_, is_given)| *is_given).map(|(field, _)| field).collect();
    let named = if wrong.is_empty() { vec!["id"] } else { wrong };
    let violation = |field: &str| Violation {
        field: field.to_owned(),
        description: "must not be given: the payment method is no card".to_owned(),
    };
    Error::fields(named.into_iter().map(violation).collect())
}
