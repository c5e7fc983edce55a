//! Searches: lists with filters that no one index answers.

use corefy_gateway::{
    domain::{
        clock::{TimeRange, Timestamp},
        customer::Customer,
        decline::PaymentError,
        ids::CustomerId,
        list_filters::{AmountRange, CustomerFilter, ListOrder, PaymentIntentFilter, RefundFilter},
        money::{Currency, Money},
        payment_intent::{PaymentIntent, PaymentIntentState},
        private::Private,
        refund::{Refund, RefundState},
        search_term::SearchTerm,
    },
    store::{Change, Found, ListPosition, MOST_EXAMINED, Store},
};

use super::objects::{
    acme, after, commit, customer, new_customer, new_intent, new_refund, other, payment_intent, refund, save_customer,
};
use crate::{on_three, support::database::TestDatabase};

on_three![
    pages_of_intents_are_a_filter_over_all_of_them_while_others_come,
    pages_of_refunds_and_customers_are_a_filter_over_all_of_them,
    a_search_examines_no_more_than_so_many_rows_and_says_where_it_goes_on,
    what_begins_with_a_text_is_listed_by_reference,
];

/// Numbers without order, and always the same.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    /// One of these, or mostly nothing.
    fn rarely<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        (self.below(4) == 0).then(|| self.one_of(all))
    }

    fn range(&mut self) -> TimeRange {
        let (from, length) = (self.below(40), self.below(40));
        let moment = |second: usize| after(i64::try_from(second).unwrap());
        self.rarely(&[TimeRange { from: Some(moment(from)), before: Some(moment(from + length + 1)) }])
            .unwrap_or_default()
    }

    fn amount(&mut self) -> AmountRange {
        let from = 100 * i64::try_from(self.below(5)).unwrap();
        self.rarely(&[AmountRange { from: Some(from), to: Some(from + 100) }]).unwrap_or_default()
    }
}

const EMAILS: [&str; 4] = ["jane@example.com", "Jane@Example.com", "joe@example.com", ""];
const LAST4: [&str; 3] = ["1111", "4242", "0005"];
const CODES: [&str; 2] = ["declined", "expired_card"];
const ORDERS: [&str; 3] = ["1", "2", "12"];

fn currency(code: &str) -> Currency {
    Currency::parse("USD").filter(|usd| usd.code() == code).or_else(|| Currency::parse(code)).unwrap()
}

fn random_intent(numbers: &mut Numbers, place: usize, customers: &[CustomerId]) -> PaymentIntent {
    let mut intent = payment_intent(if numbers.below(10) == 0 { other() } else { acme() }, None);
    let money =
        Money::new(100 * i64::try_from(1 + numbers.below(5)).unwrap(), currency(numbers.one_of(&["USD", "EUR"])));
    intent.amount = money;
    intent.state = numbers.one_of(&PaymentIntentState::ALL);
    intent.received = if intent.state == PaymentIntentState::Succeeded { money.minor } else { 0 };
    intent.reference_id = numbers.rarely(&[()]).map(|()| format!("{}-{place}", numbers.one_of(&["a", "b", "ab"])));
    intent.customer_id = numbers.rarely(customers);
    intent.details.customer_email = Private::new(numbers.one_of(&EMAILS));
    intent.details.payment_method_type = numbers.one_of(&["card", "wallet"]).to_owned();
    intent.details.metadata = [("order".to_owned(), numbers.one_of(&ORDERS).to_owned())].into();
    intent.progress.is_unanswered = numbers.below(2) == 0;
    let code = numbers.rarely(&CODES);
    intent.progress.last_error = code.map(|code| PaymentError { code: code.to_owned(), message: String::new() });
    let card = intent.progress.attempt.as_mut().and_then(|attempt| attempt.card.as_mut());
    numbers.one_of(&LAST4).clone_into(&mut card.unwrap().last4);
    // Some are made at one moment.
    intent.created_at = after(i64::try_from(place / 3).unwrap());
    intent.updated_at = after(i64::try_from(place / 3 + numbers.below(20)).unwrap());
    intent
}

fn random_filter(numbers: &mut Numbers, customers: &[CustomerId]) -> PaymentIntentFilter {
    let mut terms = Vec::new();
    terms.extend(numbers.rarely(&EMAILS[..3]).map(SearchTerm::email));
    terms.extend(numbers.rarely(&LAST4).map(|last4| SearchTerm::card("411111", last4)));
    terms.extend(numbers.rarely(&ORDERS).map(|order| SearchTerm::metadata("order", order)));
    terms.extend(numbers.rarely(&CODES).map(|code| SearchTerm::DeclineCode(code.to_owned())));
    terms.extend(numbers.rarely(&["card", "wallet"]).map(|code| SearchTerm::PaymentMethodType(code.to_owned())));
    let states = numbers.rarely(&[2, 5]).unwrap_or_default();
    PaymentIntentFilter {
        states: PaymentIntentState::ALL[..states].to_vec(),
        customer_id: numbers.rarely(customers),
        reference_id: None,
        reference_prefix: numbers.rarely(&["a", "a-", "b"]).map(str::to_owned),
        terms,
        currency: numbers.rarely(&["USD", "EUR"]).map(currency),
        amount: numbers.amount(),
        has_refunds: numbers.rarely(&[true, false]),
        only_outcome_unknown: numbers.below(8) == 0,
        created: numbers.range(),
        updated: numbers.range(),
    }
}

fn within(range: TimeRange, time: Timestamp) -> bool {
    range.from.is_none_or(|from| from <= time) && range.before.is_none_or(|before| time < before)
}

fn amounts(range: AmountRange, minor: i64) -> bool {
    range.from.is_none_or(|from| from <= minor) && range.to.is_none_or(|to| minor <= to)
}

fn begins(prefix: Option<&String>, reference: Option<&String>) -> bool {
    prefix.is_none_or(|prefix| reference.is_some_and(|reference| reference.starts_with(prefix.as_str())))
}

fn fits(filter: &PaymentIntentFilter, intent: &PaymentIntent, refunds: &[Refund]) -> bool {
    let terms = intent.search_terms();
    let has_refunds = refunds.iter().any(|refund| refund.payment_intent_id == intent.id);
    intent.partner_id == acme()
        && (filter.states.is_empty() || filter.states.contains(&intent.state))
        && (filter.customer_id.is_none() || filter.customer_id == intent.customer_id)
        && begins(filter.reference_prefix.as_ref(), intent.reference_id.as_ref())
        && filter.terms.iter().all(|term| terms.contains(term))
        && filter.currency.is_none_or(|currency| currency == intent.amount.currency)
        && amounts(filter.amount, intent.amount.minor)
        && filter.has_refunds.is_none_or(|wanted| wanted == has_refunds)
        && (!filter.only_outcome_unknown || intent.is_outcome_unknown())
        && within(filter.created, intent.created_at)
        && within(filter.updated, intent.updated_at)
}

/// The place of an object in a list.
fn place(
    order: ListOrder,
    [created_at, updated_at]: [Timestamp; 2],
    id: &str,
    reference: Option<&String>,
) -> ListPosition {
    match order {
        ListOrder::Creation => ListPosition { moment: created_at, id: id.to_owned() },
        ListOrder::Change => ListPosition { moment: updated_at, id: id.to_owned() },
        ListOrder::Reference => ListPosition { moment: Timestamp::default(), id: reference.unwrap().clone() },
    }
}

/// All that a list shows, page by page.
async fn pages<T: Clone>(
    size: usize,
    mut page: impl AsyncFnMut(Option<ListPosition>, u32) -> Found<T>,
    place: impl Fn(&T) -> ListPosition,
) -> Vec<T> {
    let (mut listed, mut last) = (Vec::new(), None);
    loop {
        let mut found = page(last, u32::try_from(size + 1).unwrap()).await;
        let is_full = found.items.len() > size;
        found.items.truncate(size);
        last = if is_full { found.items.last().map(&place) } else { found.rest };
        listed.extend(found.items);
        if last.is_none() {
            return listed;
        }
    }
}

/// In the order of the list.
fn sorted<T>(mut items: Vec<T>, order: ListOrder, place: impl Fn(&T) -> ListPosition) -> Vec<T> {
    let key = |item: &T| {
        let ListPosition { moment: created_at, id } = place(item);
        (created_at, id)
    };
    items.sort_by(|a, b| match order {
        ListOrder::Creation => key(b).cmp(&key(a)),
        ListOrder::Change | ListOrder::Reference => key(a).cmp(&key(b)),
    });
    items
}

fn intent_place(order: ListOrder, intent: &PaymentIntent) -> ListPosition {
    place(order, [intent.created_at, intent.updated_at], intent.id.as_str(), intent.reference_id.as_ref())
}

async fn pages_of_intents_are_a_filter_over_all_of_them_while_others_come(database: TestDatabase) {
    let store = database.store().await;
    let mut numbers = Numbers(0x2545_F491_4F6C_DD1D);
    let people: Vec<Customer> = (0..3).map(|_| customer(acme(), None)).collect();
    commit(&store, people.iter().map(new_customer)).await.unwrap();
    let people: Vec<_> = people.into_iter().map(|person| person.id).collect();
    let intents: Vec<_> = (0..120).map(|place| random_intent(&mut numbers, place, &people)).collect();
    let with_refunds = intents.iter().filter(|intent| intent.received > 0);
    let refunds: Vec<_> =
        with_refunds.step_by(2).map(|intent| Refund { amount: intent.money(1), ..refund(intent, None) }).collect();
    commit(&store, intents.iter().map(new_intent)).await.unwrap();
    commit(&store, refunds.iter().map(new_refund)).await.unwrap();

    let mut found = 0;
    for _ in 0..60 {
        let filter = random_filter(&mut numbers, &people);
        let order = filter.order();
        let fitting = intents.iter().filter(|intent| fits(&filter, intent, &refunds)).cloned().collect();
        let expected = sorted(fitting, order, |intent| intent_place(order, intent));
        let size = 1 + numbers.below(4);
        let page = async |after: Option<ListPosition>, limit| {
            // One that comes meanwhile is newer than all, and has no reference: it is on no page that follows.
            if after.is_some() {
                let mut late = random_intent(&mut numbers, 3 * 1000, &people);
                late.reference_id = None;
                commit(&store, [new_intent(&late)]).await.unwrap();
            }
            store.read().await.unwrap().payment_intents(&acme(), &filter, after, limit).await.unwrap()
        };
        let known = |intent: &PaymentIntent| intents.iter().any(|known| known.id == intent.id);
        let listed = pages(size, page, |intent| intent_place(order, intent)).await;
        let listed: Vec<_> = listed.into_iter().filter(known).collect();
        assert_eq!(listed, expected, "{filter:?}");
        found += listed.len();
    }
    assert!(found > 100, "the filters find something: {found}");
}

async fn pages_of_refunds_and_customers_are_a_filter_over_all_of_them(database: TestDatabase) {
    let store = database.store().await;
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let mut payment = payment_intent(acme(), None);
    (payment.state, payment.received) = (PaymentIntentState::Succeeded, payment.amount.minor);
    commit(&store, [new_intent(&payment)]).await.unwrap();
    let (mut refunds, mut people) = (Vec::new(), Vec::new());
    for place in 0..60_i64 {
        let reference = numbers.rarely(&["a", "b"]).map(|start| format!("{start}{place}"));
        let mut refund = refund(&payment, reference.as_deref());
        refund.amount.minor = 100 * i64::try_from(1 + numbers.below(5)).unwrap();
        refund.state = numbers.one_of(&RefundState::ALL);
        refund.details.metadata = [("order".to_owned(), numbers.one_of(&ORDERS).to_owned())].into();
        (refund.created_at, refund.updated_at) = (after(place / 3), after(place / 2));
        refunds.push(refund);
        let mut person = customer(acme(), reference.as_deref());
        person.details.email = Private::new(numbers.one_of(&EMAILS[..3]));
        person.details.metadata = [("order".to_owned(), numbers.one_of(&ORDERS).to_owned())].into();
        person.created_at = after(place / 3);
        people.push(person);
    }
    commit(&store, refunds.iter().map(new_refund)).await.unwrap();
    commit(&store, people.iter().map(new_customer)).await.unwrap();

    for _ in 0..40 {
        let states = numbers.rarely(&[1, 3]).unwrap_or_default();
        let order = numbers.rarely(&ORDERS).map(|order| SearchTerm::metadata("order", order));
        let filter = RefundFilter {
            payment_intent_id: numbers.rarely(&[payment.id.clone()]),
            states: RefundState::ALL[..states].to_vec(),
            reference_prefix: numbers.rarely(&["a", "b1"]).map(str::to_owned),
            terms: order.clone().into_iter().collect(),
            amount: numbers.amount(),
            created: numbers.range(),
            updated: numbers.range(),
            ..RefundFilter::default()
        };
        let by = filter.order();
        let at = |refund: &Refund| {
            let times = [refund.created_at, refund.updated_at];
            place(by, times, refund.id.as_str(), refund.reference_id.as_ref())
        };
        let fits = |refund: &&Refund| {
            (filter.states.is_empty() || filter.states.contains(&refund.state))
                && begins(filter.reference_prefix.as_ref(), refund.reference_id.as_ref())
                && filter.terms.iter().all(|term| refund.search_terms().contains(term))
                && amounts(filter.amount, refund.amount.minor)
                && within(filter.created, refund.created_at)
                && within(filter.updated, refund.updated_at)
        };
        let page =
            async |after, limit| store.read().await.unwrap().refunds(&acme(), &filter, after, limit).await.unwrap();
        let expected = sorted(refunds.iter().filter(fits).cloned().collect(), by, at);
        assert_eq!(pages(1 + numbers.below(4), page, at).await, expected, "{filter:?}");

        let email = numbers.rarely(&EMAILS[..3]).map(SearchTerm::email);
        let filter = CustomerFilter {
            reference_prefix: filter.reference_prefix.clone(),
            terms: email.into_iter().chain(order).collect(),
            created: filter.created,
            ..CustomerFilter::default()
        };
        let by = filter.order();
        let at = |person: &Customer| {
            let times = [person.created_at, person.updated_at];
            place(by, times, person.id.as_str(), person.reference_id.as_ref())
        };
        let fits = |person: &&Customer| {
            begins(filter.reference_prefix.as_ref(), person.reference_id.as_ref())
                && filter.terms.iter().all(|term| person.search_terms().contains(term))
                && within(filter.created, person.created_at)
        };
        let page =
            async |after, limit| store.read().await.unwrap().customers(&acme(), &filter, after, limit).await.unwrap();
        let expected = sorted(people.iter().filter(fits).cloned().collect(), by, at);
        assert_eq!(pages(1 + numbers.below(4), page, at).await, expected, "{filter:?}");
    }
}

/// As many intents as two searches examine and more, of which the oldest alone is in euros.
async fn fill(store: &Store) -> PaymentIntent {
    let most = i64::from(MOST_EXAMINED);
    let oldest = payment_intent(acme(), None);
    let oldest = PaymentIntent { amount: Money::new(100, currency("EUR")), ..oldest };
    commit(store, [new_intent(&oldest)]).await.unwrap();
    let made: Vec<Change> = (0..2 * most)
        .map(|place| new_intent(&PaymentIntent { created_at: after(1 + place), ..payment_intent(acme(), None) }))
        .collect();
    commit(store, made).await.unwrap();
    oldest
}

async fn a_search_examines_no_more_than_so_many_rows_and_says_where_it_goes_on(database: TestDatabase) {
    let store = database.store().await;
    let oldest = fill(&store).await;
    let most = i64::from(MOST_EXAMINED);
    let euros = PaymentIntentFilter { currency: Some(currency("EUR")), ..PaymentIntentFilter::default() };
    let by_term = PaymentIntentFilter { terms: vec![SearchTerm::email("canary-bird@example.com")], ..euros.clone() };
    for filter in [euros, by_term] {
        let page =
            async |after| store.read().await.unwrap().payment_intents(&acme(), &filter, after, 21).await.unwrap();
        let first = page(None).await;
        assert!(first.items.is_empty());
        let rest = first.rest.unwrap();
        assert_eq!(rest.moment, after(1 + most), "as many as may be, and not one more");
        let second = page(Some(rest)).await;
        assert!(second.items.is_empty());
        let third = page(second.rest).await;
        assert_eq!((third.items, third.rest), (vec![oldest.clone()], None));
    }
}

async fn what_begins_with_a_text_is_listed_by_reference(database: TestDatabase) {
    let store = database.store().await;
    let references = ["order-10", "order-2", "Order-1", "order", "orders", "order-é", "order-1", "other"];
    let made: Vec<_> = references.iter().map(|reference| payment_intent(acme(), Some(reference))).collect();
    commit(&store, made.iter().map(new_intent)).await.unwrap();
    save_customer(&store, &customer(acme(), Some("order-3"))).await;
    let list = async |prefix: &str| {
        let reference_prefix = Some(prefix.to_owned());
        let filter = PaymentIntentFilter { reference_prefix, ..PaymentIntentFilter::default() };
        let found = store.read().await.unwrap().payment_intents(&acme(), &filter, None, 9).await.unwrap();
        found.items.into_iter().map(|intent| intent.reference_id.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(list("order-").await, ["order-1", "order-10", "order-2", "order-é"]);
    assert_eq!(list("order").await, ["order", "order-1", "order-10", "order-2", "order-é", "orders"]);
    assert_eq!(list("order-é").await, ["order-é"]);
    assert!(list("x").await.is_empty());
    assert!(list("order_").await.is_empty(), "no letter stands for others");
}
