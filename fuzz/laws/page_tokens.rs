//! A token leads on in the list that it was made for; one that is changed, of another list or made up is refused.

use std::cell::RefCell;

use corefy_gateway::pb;
use prost::Message;
use tonic::{Code, codegen::http::HeaderValue};
use tonic_types::StatusExt as _;

use super::{
    choices::{Choices, changed},
    gateway::Gateway,
    requests::{frame, is_refused_well},
};

/// Customers of the list.
const CUSTOMERS: u8 = 3;

/// A list with more pages than one.
struct List {
    path: &'static str,
    /// The request for the page of a token, with another filter or not.
    request: fn(token: &str, is_filtered: bool) -> Vec<u8>,
    token: String,
}

thread_local! {
    static GATEWAY: RefCell<Option<(Gateway, Vec<List>)>> = const { RefCell::new(None) };
}

/// Takes two bytes for the list, three for a change of its token, and a token of any text.
pub fn only_a_token_of_the_list_leads_on(bytes: &[u8]) {
    super::gateway::with(&GATEWAY, lists, |gateway, lists| {
        let mut choices = Choices::new(bytes);
        let list = choices.one(lists);
        let mut leads_on = |token: &str, is_filtered| leads_on(gateway, list, token, is_filtered);
        assert!(leads_on(&list.token, false), "{} has no second page", list.path);
        assert!(!leads_on(&list.token, true), "{} leads on with another filter", list.path);
        for other in lists.iter().filter(|other| other.path != list.path) {
            assert!(!leads_on(&other.token, false), "a token of {} leads on in {}", other.path, list.path);
        }
        let place = choices.place(list.token.len());
        let other = changed(list.token.as_bytes(), place, choices.byte());
        let other = String::from_utf8_lossy(&other);
        assert!(!leads_on(&other, false), "{other:?} leads on in {} like {:?}", list.path, list.token);
        let any = String::from_utf8_lossy(choices.rest());
        let is_made = any.is_empty() || lists.iter().any(|list| list.token == any);
        assert!(is_made || !leads_on(&any, false), "{any:?} leads on in {}", list.path);
    });
}

/// Whether there is a page of this token; a refusal names the token.
fn leads_on(gateway: &mut Gateway, list: &List, token: &str, is_filtered: bool) -> bool {
    let answered = gateway.call(list.path, &[], frame(&(list.request)(token, is_filtered)));
    let status = answered.status.expect("a call has an end");
    if status.code() == Code::Ok {
        return true;
    }
    is_refused_well(&status, list.path);
    let details = status.get_error_details();
    let fields: Vec<_> =
        details.bad_request().iter().flat_map(|bad| &bad.field_violations).map(|wrong| &*wrong.field).collect();
    assert_eq!(fields, ["page_token"], "{status:?}");
    false
}

/// Makes customers and payments, so that lists of them have more than a page.
fn lists(gateway: &mut Gateway) -> Vec<List> {
    for number in 0..CUSTOMERS {
        let key =
            |of: &str| [("idempotency-key", HeaderValue::from_str(&format!("{of}-{number}")).expect("it is ASCII"))];
        let email = format!("jane{number}@example.com");
        let customer =
            pb::CreateCustomerRequest { email: email.clone(), name: "Jane Doe".to_owned(), ..Default::default() };
        made(gateway, "/corefy.gateway.v1.CustomerService/CreateCustomer", &key("customer"), &customer);
        let (amount, currency) = (format!("{}", number + 1), "EUR".to_owned());
        let payment_method_type = "card".to_owned();
        let intent = pb::CreatePaymentIntentRequest {
            amount,
            currency,
            payment_method_type,
            customer_email: email,
            ..Default::default()
        };
        made(gateway, "/corefy.gateway.v1.PaymentIntentService/CreatePaymentIntent", &key("intent"), &intent);
    }
    let mut lists = vec![
        List {
            path: "/corefy.gateway.v1.CustomerService/ListCustomers",
            request: |token, is_filtered| {
                let email = if is_filtered { "jane1@example.com" } else { "" };
                let (page_token, email) = (token.to_owned(), email.to_owned());
                pb::ListCustomersRequest { page_size: 1, page_token, email, ..Default::default() }.encode_to_vec()
            },
            token: String::new(),
        },
        List {
            path: "/corefy.gateway.v1.PaymentIntentService/ListPaymentIntents",
            request: |token, is_filtered| {
                let currency = if is_filtered { "USD" } else { "" };
                let (page_token, currency) = (token.to_owned(), currency.to_owned());
                pb::ListPaymentIntentsRequest { page_size: 1, page_token, currency, ..Default::default() }
                    .encode_to_vec()
            },
            token: String::new(),
        },
    ];
    lists.iter_mut().for_each(|list| list.token = first_token(gateway, list));
    lists
}

fn made(gateway: &mut Gateway, path: &str, headers: &[(&'static str, HeaderValue)], message: &impl Message) {
    let status = gateway.call(path, headers, frame(&message.encode_to_vec())).status.expect("a call has an end");
    assert_eq!(status.code(), Code::Ok, "{path}: {status:?}");
}

fn first_token(gateway: &mut Gateway, list: &List) -> String {
    let answered = gateway.call(list.path, &[], frame(&(list.request)("", false)));
    let message = answered.body.get(5..).unwrap_or_default();
    let of_customers = || pb::ListCustomersResponse::decode(message).map(|page| page.next_page_token);
    let of_intents = || pb::ListPaymentIntentsResponse::decode(message).map(|page| page.next_page_token);
    let token = if list.path.ends_with("Customers") { of_customers() } else { of_intents() };
    token.ok().filter(|token| !token.is_empty()).unwrap_or_else(|| panic!("{} has one page", list.path))
}
