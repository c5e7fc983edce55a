//! Requests to erase a person. Each is one commit, with which a customer is unreadable; everything else follows in the steps of the
//! erasure.

use std::time::Duration;

use super::handle::{People, Requester};
use crate::{
    app::{
        customers::not_ready,
        decision::{CONFLICTS, Decision},
    },
    domain::{
        erasure::job::{Erasure, ErasureSubject},
        ids::{CustomerId, ErasureId},
        search_term::{SearchTerm, SearchedKind, TermHash},
    },
    error::{Error, Reason},
    store::{Change, CommitError, Tracked},
};

/// How many ids of what is under way a refusal names.
const MOST_NAMED: u32 = 10;
/// When it is worth asking again for the erasure of a customer whose payments are under way.
const UNDER_WAY_RETRY: Duration = Duration::from_secs(60);
/// How many customers with one email address are looked for at a time.
const CUSTOMERS_AT_A_TIME: u32 = 20;
/// How many customers with one email address one request begins to erase, about; a repeated request goes on.
const MOST_CUSTOMERS: usize = 200;
/// How many payments with one email address are looked at together.
const PAYMENTS_AT_A_TIME: u32 = 100;

/// The outcome of a request as the database is now.
enum Begun {
    /// The person is being erased already.
    Before(Erasure),
    /// An erasure, which stands once its decision is committed.
    Now(Erasure, Decision),
}

impl People {
    /// Begins to erase a customer, who is unreadable at once. Asked again, answers how far the erasure has come.
    pub async fn erase_customer(&self, requester: &Requester, id: CustomerId) -> Result<Erasure, Error> {
        self.erase(requester, ErasureId::generate(&self.environment.ids), ErasureSubject::Customer(id)).await
    }

    /// Begins to erase the payer with this email address: the customers who have it, each with all that is theirs, and every payment
    /// that has it. Asked again, answers how far that has come.
    pub async fn erase_payer(&self, requester: &Requester, email: &str) -> Result<Vec<Erasure>, Error> {
        let (partner, term) = (&requester.partner_id, SearchTerm::email(email));
        let [hash] = self.store.term_hashes(partner, SearchedKind::PaymentIntent, std::slice::from_ref(&term))[..]
        else {
            return Err(Error::new(Reason::Internal, "an email address has no hash"));
        };
        self.require_none_under_way(hash).await?;
        let mut erasures = Vec::new();
        loop {
            let found =
                self.store.ids_by_term(partner, SearchedKind::Customer, &term, None, CUSTOMERS_AT_A_TIME).await?;
            let ids: Vec<_> = found.iter().filter_map(|at| CustomerId::parse(&at.id)).collect();
            if ids.is_empty() || erasures.len() > MOST_CUSTOMERS {
                break;
            }
            for id in ids {
                erasures.push(self.erase_customer(requester, id).await?);
            }
        }
        let id = ErasureId::generate(&self.environment.ids);
        erasures.push(self.erase(requester, id, ErasureSubject::Payer(hash)).await?);
        Ok(erasures)
    }

    /// Begins the erasure `id` of `subject`, unless one is there already, which is returned as it is.
    pub(super) async fn erase(
        &self,
        requester: &Requester,
        id: ErasureId,
        subject: ErasureSubject,
    ) -> Result<Erasure, Error> {
        for _ in 0..CONFLICTS {
            match self.begin(requester, &id, &subject).await? {
                Begun::Before(erasure) => return Ok(erasure),
                Begun::Now(erasure, decision) => match decision.commit(&self.store).await {
                    Ok(()) => return Ok(erasure),
                    Err(CommitError::Conflict(_)) => {}
                    Err(CommitError::Failed(error)) => return Err(error.into()),
                },
            }
        }
        Err(Error::new(Reason::StoreUnavailable, "too many calls change the same person"))
    }

    async fn begin(&self, requester: &Requester, id: &ErasureId, subject: &ErasureSubject) -> Result<Begun, Error> {
        let (now, mut decision) = (self.now(), Decision::by(&self.environment.ids, &[]));
        match subject {
            ErasureSubject::Customer(customer) => {
                let mut session = self.store.read().await?;
                let found = session.customer_tracked(customer).await?;
                let own = found.filter(|customer| customer.partner_id == requester.partner_id);
                let mut own = own.ok_or_else(|| Error::not_found("customer", customer.as_str()))?;
                if let Some(erasure) = session.erasure_of(customer).await? {
                    return Ok(Begun::Before(erasure));
                }
                if own.upstream_id.is_none() {
                    return Err(not_ready(customer.as_str()));
                }
                let open = session.under_way(customer, MOST_NAMED).await?;
                if !open.is_empty() {
                    return Err(under_way(&open));
                }
                own.erase(now);
                decision.changes.push(Change::Customer(own));
            }
            ErasureSubject::Payer(term) => {
                let found = self.store.read().await?.erasure_of_payer(&requester.partner_id, *term).await?;
                if let Some(erasure) = found {
                    return Ok(Begun::Before(erasure));
                }
            }
        }
        let erasure = Erasure::of(id.clone(), &requester.partner_id, subject.clone(), &requester.note, now);
        decision.changes.push(Change::Erasure(Tracked::new(erasure.clone())));
        Ok(Begun::Now(erasure, decision))
    }

    /// Refuses while payments that are found by this hash are under way, with as many as a refusal names.
    pub(super) async fn require_none_under_way(&self, term: TermHash) -> Result<(), Error> {
        let (mut open, mut after) = (Vec::new(), None);
        loop {
            let found = self.store.ids_by_hash(term, after.as_ref(), PAYMENTS_AT_A_TIME).await?;
            let ids: Vec<_> = found.iter().map(|at| at.id.clone()).collect();
            if !ids.is_empty() {
                open.extend(self.store.read().await?.under_way_among(&ids).await?);
            }
            open.truncate(MOST_NAMED as usize);
            after = found.into_iter().next_back();
            if after.is_none() || open.len() == MOST_NAMED as usize {
                return if open.is_empty() { Ok(()) } else { Err(under_way(&open)) };
            }
        }
    }
}

/// Money is under way, or a call that saves a payment method.
fn under_way(open: &[String]) -> Error {
    let message = "payments of the customer are under way; they must end first";
    Error::new(Reason::PaymentsUnderWay, message).with("resource_ids", open.join(",")).retry_after(UNDER_WAY_RETRY)
}
