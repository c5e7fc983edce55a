//! The entries of lists, page after page.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll, ready},
    vec,
};

use tokio_stream::Stream;

use super::{Calls, GatewayError};
use crate::pb::{
    self, customer_service_client::CustomerServiceClient, event_service_client::EventServiceClient,
    gateway_service_client::GatewayServiceClient, payment_intent_service_client::PaymentIntentServiceClient,
    payment_method_service_client::PaymentMethodServiceClient, refund_service_client::RefundServiceClient,
    risk_service_client::RiskServiceClient,
};

/// One page: its entries, and the token of the next one, which is empty after the last.
type Page<T> = (Vec<T>, String);
type Asked<T> = Pin<Box<dyn Future<Output = Result<Page<T>, GatewayError>> + Send>>;

/// The entries of a list. A page is asked for when the one before it is used up, and is all that is kept. After an error
/// there are no more.
pub struct PagedList<T> {
    /// Asks for the page of a token; that of the first one is empty.
    ask: Box<dyn FnMut(String) -> Asked<T> + Send>,
    asked: Option<Asked<T>>,
    entries: vec::IntoIter<T>,
    /// The token of the next page; `None` after the last.
    token: Option<String>,
}

impl<T> PagedList<T> {
    fn new(ask: impl FnMut(String) -> Asked<T> + Send + 'static) -> Self {
        Self { ask: Box::new(ask), asked: None, entries: Vec::new().into_iter(), token: Some(String::new()) }
    }
}

impl<T: Unpin> PagedList<T> {
    /// Waits for the next entry; `None` after the last.
    ///
    /// # Errors
    ///
    /// The errors of the call that asks for pages.
    pub async fn next(&mut self) -> Option<Result<T, GatewayError>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl<T: Unpin> Stream for PagedList<T> {
    type Item = Result<T, GatewayError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(entry) = this.entries.next() {
                return Poll::Ready(Some(Ok(entry)));
            }
            let Some(token) = this.token.clone() else { return Poll::Ready(None) };
            let asked = this.asked.get_or_insert_with(|| (this.ask)(token));
            let page = ready!(asked.as_mut().poll(context));
            (this.asked, this.token) = (None, None);
            match page {
                Ok((entries, next)) => {
                    this.entries = entries.into_iter();
                    this.token = (!next.is_empty()).then_some(next);
                }
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

impl<T> fmt::Debug for PagedList<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PagedList").finish_non_exhaustive()
    }
}

/// The lists of a gateway: a method for each call whose answers are pages.
#[derive(Clone, Debug)]
pub struct PagedLists {
    calls: Calls,
}

impl PagedLists {
    pub(super) fn new(calls: Calls) -> Self {
        Self { calls }
    }
}

/// Makes the methods: name, entry, service and its function, request, and the member of a page with the entries; and a member of
/// the request that goes without a token, where it has one.
macro_rules! lists {
    ($($name:ident: $entry:ident = $service:ident.$call:ident($request:ident $(without $first:ident)?).$entries:ident;)*) => {
        impl PagedLists {
            $(
                #[doc = concat!("The entries of `", stringify!($call), "`.")]
                pub fn $name(&self, request: pb::$request) -> PagedList<pb::$entry> {
                    let service = $service::new(self.calls.clone());
                    PagedList::new(move |token| {
                        let (mut service, mut request) = (service.clone(), request.clone());
                        if !token.is_empty() {
                            request.page_token = token;
                            $(request.$first.clear();)?
                        }
                        Box::pin(async move {
                            let page = service.$call(request).await?.into_inner();
                            Ok((page.$entries, page.next_page_token))
                        })
                    })
                }
            )*
        }
    };
}

lists! {
    payment_intents: PaymentIntent = PaymentIntentServiceClient.list_payment_intents(ListPaymentIntentsRequest).payment_intents;
    chargebacks: Chargeback = PaymentIntentServiceClient.list_chargebacks(ListChargebacksRequest).chargebacks;
    refunds: Refund = RefundServiceClient.list_refunds(ListRefundsRequest).refunds;
    customers: Customer = CustomerServiceClient.list_customers(ListCustomersRequest).customers;
    payment_methods: PaymentMethod = PaymentMethodServiceClient.list_payment_methods(ListPaymentMethodsRequest).payment_methods;
    events: Event = EventServiceClient.list_events(ListEventsRequest without after_event_id).events;
    api_calls: ApiCall = GatewayServiceClient.list_api_calls(ListApiCallsRequest).api_calls;
    timeline_entries: TimelineEntry = GatewayServiceClient.get_timeline(GetTimelineRequest).entries;
    rules_versions: RiskRules = RiskServiceClient.list_rules_versions(ListRulesVersionsRequest).rules_versions;
    list_entries: RiskListEntry = RiskServiceClient.list_list_entries(ListListEntriesRequest).entries;
    decisions: RiskDecision = RiskServiceClient.list_decisions(ListDecisionsRequest).decisions;
    reviews: RiskReview = RiskServiceClient.list_reviews(ListReviewsRequest).reviews;
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tonic::Status;

    use super::*;

    /// A list of these pages, and the tokens that it asks for.
    fn list(pages: Vec<Result<Page<u8>, Status>>) -> (PagedList<u8>, Arc<Mutex<Vec<String>>>) {
        let tokens = Arc::<Mutex<Vec<String>>>::default();
        let (noted, mut pages) = (tokens.clone(), pages.into_iter());
        let list = PagedList::new(move |token| {
            noted.lock().unwrap().push(token);
            let page = pages.next().expect("no more pages");
            Box::pin(async { Ok(page?) })
        });
        (list, tokens)
    }

    #[tokio::test]
    async fn a_list_goes_on_behind_an_empty_page_and_ends_at_the_last_one() {
        let (mut list, tokens) =
            list(vec![Ok((vec![1], "b".into())), Ok((vec![], "c".into())), Ok((vec![2], "".into()))]);
        assert_eq!(list.next().await.unwrap().unwrap(), 1);
        assert_eq!(*tokens.lock().unwrap(), [""]);
        assert_eq!(list.next().await.unwrap().unwrap(), 2);
        assert!(list.next().await.is_none());
        assert_eq!(*tokens.lock().unwrap(), ["", "b", "c"]);
    }

    #[tokio::test]
    async fn an_error_is_the_last_thing_that_a_list_gives() {
        let (mut list, _) = list(vec![Ok((vec![1], "b".into())), Err(Status::not_found(""))]);
        assert_eq!(list.next().await.unwrap().unwrap(), 1);
        assert_eq!(list.next().await.unwrap().unwrap_err().code(), tonic::Code::NotFound);
        assert!(list.next().await.is_none());
    }
}
