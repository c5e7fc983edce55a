//! Pages of lists: whether one takes as long among many payments as among few.

use std::{
    error::Error,
    path::Path,
    time::{Duration, Instant},
};

use corefy_gateway::{
    domain::clock::Timestamp,
    pb::{self, PaymentIntentState as State},
};

use crate::{
    contender::{Contender, MASTER_KEY, NO_LIMIT},
    fill::Server,
    measure::median,
    payments::{self, DECLINE, EMAIL, Filled, METHOD, ORDER},
};

/// The payments of the database that others are compared with.
const FEW: u32 = 1000;
/// Times that each page is asked for in a round; the median counts.
const TIMES: usize = 25;
/// The partner that the key is made for, by its short name.
const PARTNER: &str = "bench";

/// A page that is asked for: the filter in words, and the request.
type Case = (&'static str, pb::ListPaymentIntentsRequest);

/// Two gateways, of which one has `rows` payments, on each database; prints how long their pages take.
pub async fn measure(servers: &[Server<'_>], dir: &Path, rows: u32, rounds: usize) -> Result<(), Box<dyn Error>> {
    println!("| page | on | {FEW} payments | {rows} payments | ratio | the next page | ratio |");
    println!("|---|---|---|---|---|---|---|");
    for server in servers {
        let databases = [server.new_database("few", dir).await?, server.new_database("many", dir).await?];
        compare(server.name(), [&databases[0], &databases[1]], dir, rows, rounds).await?;
    }
    println!();
    Ok(())
}

async fn compare(
    name: &str,
    databases: [&String; 2],
    dir: &Path,
    rows: u32,
    rounds: usize,
) -> Result<(), Box<dyn Error>> {
    let (few, many) = (gateway(databases[0], dir, FEW).await?, gateway(databases[1], dir, rows).await?);
    for ((page, of_few), (_, of_many)) in cases(&few.1).into_iter().zip(cases(&many.1)) {
        let (mut times, mut next) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        for _ in 0..rounds {
            for (place, (contender, request)) in [(&few.0, &of_few), (&many.0, &of_many)].into_iter().enumerate() {
                let (first, second) = took(contender, request).await?;
                times[place].push(first);
                next[place].push(second);
            }
        }
        let [times, next] = [times, next].map(|both| both.map(median));
        println!(
            "| {page} | {name} | {:.2} ms | {:.2} ms | {:.2} | {:.2} ms | {:.2} |",
            times[0] * 1e3,
            times[1] * 1e3,
            times[1] / times[0],
            next[1] * 1e3,
            next[1] / next[0],
        );
    }
    Ok(())
}

/// A gateway with so many payments.
async fn gateway(database: &str, dir: &Path, rows: u32) -> Result<(Contender, Filled), Box<dyn Error>> {
    let filled = payments::fill(database, MASTER_KEY, PARTNER, rows).await?;
    crate::fill::settle(database).await?;
    let name = format!("pages-{rows}");
    Ok((Contender::gateways_within(&name, database, dir, 1, NO_LIMIT, &[]).await?, filled))
}

/// How long a page and the one after it take, in seconds.
async fn took(contender: &Contender, request: &pb::ListPaymentIntentsRequest) -> Result<(f64, f64), Box<dyn Error>> {
    let caller = contender.target.caller(0);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for _ in 0..TIMES {
        let began = Instant::now();
        let page = caller.list(request.clone()).await?;
        first.push(began.elapsed().as_secs_f64());
        if page.payment_intents.is_empty() {
            return Err(format!("a page is empty: {request:?}").into());
        }
        let next = pb::ListPaymentIntentsRequest { page_token: page.next_page_token, ..request.clone() };
        let began = Instant::now();
        caller.list(next).await?;
        second.push(began.elapsed().as_secs_f64());
    }
    Ok((median(first), median(second)))
}

fn cases(filled: &Filled) -> Vec<Case> {
    let all = pb::ListPaymentIntentsRequest::default;
    let ago = |seconds: u32| wire(Timestamp(filled.newest.0 - i64::from(seconds) * 1_000_000));
    let (processing, succeeded) = (State::Processing.into(), State::Succeeded.into());
    vec![
        ("all", all()),
        ("all, from the middle", pb::ListPaymentIntentsRequest { created_before: ago(filled.rows / 2), ..all() }),
        ("created in 10 minutes", pb::ListPaymentIntentsRequest { created_from: ago(600), ..all() }),
        ("changed since ever", pb::ListPaymentIntentsRequest { updated_from: ago(filled.rows), ..all() }),
        ("changed in 10 minutes", pb::ListPaymentIntentsRequest { updated_from: ago(600), ..all() }),
        (
            "changed since ever, in one state",
            pb::ListPaymentIntentsRequest { updated_from: ago(filled.rows), states: vec![processing], ..all() },
        ),
        ("in a state that is rare", pb::ListPaymentIntentsRequest { states: vec![processing], ..all() }),
        ("in two states", pb::ListPaymentIntentsRequest { states: vec![processing, succeeded], ..all() }),
        ("outcome unknown", pb::ListPaymentIntentsRequest { outcome_unknown: true, ..all() }),
        ("of a customer", pb::ListPaymentIntentsRequest { customer_id: filled.customer.to_string(), ..all() }),
        (
            "of a customer, in a state",
            pb::ListPaymentIntentsRequest {
                customer_id: filled.customer.to_string(),
                states: vec![succeeded],
                ..all()
            },
        ),
        ("by reference", pb::ListPaymentIntentsRequest { reference_id: "order-000000123".to_owned(), ..all() }),
        (
            "by the beginning of references",
            pb::ListPaymentIntentsRequest { reference_prefix: "order-0000001".to_owned(), ..all() },
        ),
        ("by email address", pb::ListPaymentIntentsRequest { customer_email: EMAIL.to_owned(), ..all() }),
        (
            "by card",
            pb::ListPaymentIntentsRequest { card_first6: "411111".to_owned(), card_last4: "0003".to_owned(), ..all() },
        ),
        (
            "by metadata",
            pb::ListPaymentIntentsRequest { metadata: [("order".to_owned(), ORDER.to_owned())].into(), ..all() },
        ),
        ("by decline code", pb::ListPaymentIntentsRequest { decline_code: DECLINE.to_owned(), ..all() }),
        ("by type of method", pb::ListPaymentIntentsRequest { payment_method_type: METHOD.to_owned(), ..all() }),
        ("in a currency that is rare", pb::ListPaymentIntentsRequest { currency: "EUR".to_owned(), ..all() }),
        (
            "by amount",
            pb::ListPaymentIntentsRequest {
                currency: "USD".to_owned(),
                amount_from: "10.00".to_owned(),
                amount_to: "10.50".to_owned(),
                ..all()
            },
        ),
        ("with refunds", pb::ListPaymentIntentsRequest { has_refunds: Some(true), ..all() }),
        (
            "by email address and card, with refunds or without",
            pb::ListPaymentIntentsRequest {
                customer_email: EMAIL.to_owned(),
                card_first6: "411111".to_owned(),
                card_last4: "0003".to_owned(),
                has_refunds: Some(false),
                ..all()
            },
        ),
    ]
}

fn wire(Timestamp(micros): Timestamp) -> Option<prost_types::Timestamp> {
    let since = Duration::from_micros(micros.unsigned_abs());
    let (seconds, nanos) = (since.as_secs().cast_signed(), since.subsec_nanos().cast_signed());
    Some(prost_types::Timestamp { seconds, nanos })
}
