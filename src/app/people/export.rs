//! Exporting what is kept of a person: as JSON, with where each part is kept, since when, and until when.

use serde::Serialize;
use serde_json::{Value, json};

use super::handle::{People, Requester};
use crate::{
    app::paging::{Page, Paged},
    domain::{
        audit::{AuditAction, AuditEntry},
        clock::Timestamp,
        erasure::payer_data::payer_data_ends,
        ids::{CustomerId, PartnerId, PaymentIntentId},
        private::Private,
        search_term::{SearchTerm, SearchedKind},
    },
    error::{Error, Reason},
    store::{Change, Changes, ListPosition, OperationRecord, ReadSession, RecordsOf},
};

/// The person whose data is exported.
#[derive(Clone, Debug)]
pub enum ExportSubject {
    /// A customer, with its payments and payment methods.
    Customer(CustomerId),
    /// The customers and the payments that have an email address.
    Email(Private),
}

/// How many customers with one email address are exported.
const MOST_CUSTOMERS: u32 = 20;
/// How many records of one kind of one object are exported.
const MOST_RECORDS: u32 = 1000;
/// The end of rows that stay until somebody erases them.
const ERASURE: &str = "erasure";

/// The rows that are kept of one object: its own, and the records of it.
pub type KeptOfObject = Vec<Value>;

/// A payment, and what is kept of it.
#[derive(Debug)]
pub struct KeptPayment {
    /// Its place among them.
    pub position: ListPosition,
    /// Its rows.
    pub kept: KeptOfObject,
}

impl People {
    /// Exports what is kept of a person beside payments, and notes who asked for it.
    pub async fn export_person(&self, requester: &Requester, subject: &ExportSubject) -> Result<KeptOfObject, Error> {
        let mut kept = Vec::new();
        for id in self.customers_of(&requester.partner_id, subject).await? {
            self.export_customer(&requester.partner_id, &id, &mut kept).await?;
        }
        let object = match subject {
            ExportSubject::Customer(id) => ("customer", id.as_str()),
            ExportSubject::Email(_) => ("payer", ""),
        };
        let (ids, action) = (&self.environment.ids, AuditAction::PersonalDataExport);
        let entry = AuditEntry::new(ids, self.now(), &requester.note, action, object);
        self.store.commit_once(&Changes::from_iter([Change::AuditEntry(Box::new(entry))])).await?;
        Ok(kept)
    }

    /// Exports a page of the payments of a person, each with its refunds and records.
    pub async fn export_payments(
        &self,
        requester: &Requester,
        subject: &ExportSubject,
        page: Page,
    ) -> Result<Paged<KeptPayment>, Error> {
        let of = match subject {
            ExportSubject::Customer(id) => id.to_string(),
            // The address does not show, and so would not tell one list from another.
            ExportSubject::Email(email) => {
                let (kind, term) = (SearchedKind::PaymentIntent, SearchTerm::email(email.expose()));
                format!("{:?}", self.store.term_hashes(&requester.partner_id, kind, &[term]))
            }
        };
        let tokens = self.page_tokens.of_partner(&requester.partner_id, ("personal data", of));
        let after = tokens.read_position(&page.token)?;
        let found = self.payments_of(&requester.partner_id, subject, after, page.size + 1).await?;
        let page = tokens.page_by_creation(found, page.size, |position| (position.moment, &position.id));
        let mut items = Vec::new();
        for position in page.items {
            items.push(self.export_payment(position).await?);
        }
        Ok(Paged { items, next_page_token: page.next_page_token })
    }

    /// The next payment of a person after this one, with its refunds and records.
    pub async fn export_next_payment(
        &self,
        requester: &Requester,
        subject: &ExportSubject,
        after: Option<ListPosition>,
    ) -> Result<Option<KeptPayment>, Error> {
        let next = self.payments_of(&requester.partner_id, subject, after, 1).await?.pop();
        match next {
            Some(position) => Ok(Some(self.export_payment(position).await?)),
            None => Ok(None),
        }
    }

    async fn customers_of(&self, partner: &PartnerId, subject: &ExportSubject) -> Result<Vec<CustomerId>, Error> {
        match subject {
            ExportSubject::Customer(id) => Ok(vec![id.clone()]),
            ExportSubject::Email(email) => {
                let (kind, term) = (SearchedKind::Customer, SearchTerm::email(email.expose()));
                let found = self.store.ids_by_term(partner, kind, &term, None, MOST_CUSTOMERS).await?;
                Ok(found.iter().filter_map(|at| CustomerId::parse(&at.id)).collect())
            }
        }
    }

    async fn payments_of(
        &self,
        partner: &PartnerId,
        subject: &ExportSubject,
        after: Option<ListPosition>,
        limit: u32,
    ) -> Result<Vec<ListPosition>, Error> {
        match subject {
            ExportSubject::Customer(id) => {
                let after = after.and_then(|at| Some((at.moment, PaymentIntentId::parse(&at.id)?)));
                let made = self.store.read().await?.payment_intents_made(id, after.as_ref(), limit).await?;
                Ok(made
                    .into_iter()
                    .map(|(created_at, id)| ListPosition { moment: created_at, id: id.to_string() })
                    .collect())
            }
            ExportSubject::Email(email) => {
                let (kind, term) = (SearchedKind::PaymentIntent, SearchTerm::email(email.expose()));
                Ok(self.store.ids_by_term(partner, kind, &term, after.as_ref(), limit).await?)
            }
        }
    }

    async fn export_customer(&self, partner: &PartnerId, id: &CustomerId, kept: &mut Vec<Value>) -> Result<(), Error> {
        let mut session = self.store.read().await?;
        let not_found = || Error::not_found("customer", id.as_str());
        let customer = session.customer(partner, id).await?.ok_or_else(not_found)?;
        kept.push(part("customers", id.as_str(), customer.created_at, None, &customer)?);
        self.export_records(&mut session, RecordsOf::Object(id.as_str()), kept).await?;
        for method in session.payment_methods_all(id, "", MOST_RECORDS).await? {
            kept.push(part("payment_methods", method.id.as_str(), method.created_at, None, &*method)?);
            self.export_records(&mut session, RecordsOf::Object(method.id.as_str()), kept).await?;
        }
        Ok(())
    }

    async fn export_payment(&self, position: ListPosition) -> Result<KeptPayment, Error> {
        let kept = match PaymentIntentId::parse(&position.id) {
            Some(id) => self.kept_of_payment(&id).await?,
            None => Vec::new(),
        };
        Ok(KeptPayment { position, kept })
    }

    async fn kept_of_payment(&self, id: &PaymentIntentId) -> Result<KeptOfObject, Error> {
        let (mut session, mut kept) = (self.store.read().await?, Vec::new());
        let Some(intent) = session.payment_intent_any(id).await? else { return Ok(kept) };
        let refunds = session.refunds_of(id).await?;
        let of_refunds = refunds.iter().map(|refund| &**refund);
        let until = Some(payer_data_ends(&intent, of_refunds, self.retention.payer_data));
        kept.push(part("payment_intents", id.as_str(), intent.created_at, until, &intent)?);
        self.export_records(&mut session, RecordsOf::Payment(id), &mut kept).await?;
        self.export_operations(&mut session, RecordsOf::Object(id.as_str()), &mut kept).await?;
        for refund in refunds {
            kept.push(part("refunds", refund.id.as_str(), refund.created_at, until, &*refund)?);
            self.export_events(&mut session, RecordsOf::Object(refund.id.as_str()), &mut kept).await?;
        }
        Ok(kept)
    }

    /// Adds the records of an object.
    async fn export_records(
        &self,
        session: &mut ReadSession,
        of: RecordsOf<'_>,
        kept: &mut Vec<Value>,
    ) -> Result<(), Error> {
        self.export_events(session, of, kept).await?;
        self.export_operations(session, of, kept).await?;
        for call in session.calls_of(of, "", MOST_RECORDS).await? {
            let until = call.created_at + self.retention.api_calls;
            kept.push(part("api_calls", call.id.as_str(), call.created_at, Some(until), &call.exchange)?);
        }
        for decision in session.decisions_of(of, "", MOST_RECORDS).await? {
            let until = decision.decided_at + self.retention.risk_decisions;
            kept.push(part("risk_decisions", decision.id.as_str(), decision.decided_at, Some(until), &decision)?);
        }
        Ok(())
    }

    async fn export_events(
        &self,
        session: &mut ReadSession,
        of: RecordsOf<'_>,
        kept: &mut Vec<Value>,
    ) -> Result<(), Error> {
        for event in session.events_about(of, "", MOST_RECORDS).await? {
            let until = event.created_at + self.retention.events;
            kept.push(part("events", event.id.as_str(), event.created_at, Some(until), &event.object)?);
        }
        Ok(())
    }

    /// Adds the frozen answers of operations; what is not finished has none.
    async fn export_operations(
        &self,
        session: &mut ReadSession,
        of: RecordsOf<'_>,
        kept: &mut Vec<Value>,
    ) -> Result<(), Error> {
        for record in session.operations_of(of, "", MOST_RECORDS).await? {
            let answer: Option<Value> = session.operation_answer(&record)?;
            let OperationRecord { operation, finished_at, .. } = &record;
            let until = finished_at.map(|finished_at| finished_at + self.retention.operations);
            if let Some(answer) = answer {
                kept.push(part("operations", operation.id.as_str(), operation.sent_at, until, &answer)?);
            }
        }
        Ok(())
    }
}

/// One row, with where it is kept, since when and until when.
fn part(
    kept_in: &str,
    id: &str,
    since: Timestamp,
    until: Option<Timestamp>,
    data: &impl Serialize,
) -> Result<Value, Error> {
    let unwritable = |error| Error::new(Reason::Internal, "an object cannot be written as JSON").because(error);
    let data = serde_json::to_value(data).map_err(unwritable)?;
    let until = until.map_or_else(|| ERASURE.to_owned(), |until| until.to_string());
    Ok(json!({"kept_in": kept_in, "id": id, "since": since.to_string(), "until": until, "data": data}))
}
