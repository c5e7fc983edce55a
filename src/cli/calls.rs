//! `calls`: the log of calls to Corefy, as a table, once or for as long as one looks.

use std::{collections::HashSet, time::Duration};

use clap::Args;
use tokio::time::sleep;

use super::{database::open, failure::CommandFailure, shutdown, table::moment};
use crate::{
    config::settings::AdminSettings,
    domain::{
        api_call::ApiCall,
        clock::Clock,
        ids::{ApiCallId, PartnerId, PaymentIntentId},
        list_filters::ApiCallFilter,
    },
    store::Store,
};

/// The most calls that are shown at once.
const MAX_CALLS: u32 = 1000;
/// How often `--follow` looks for new calls.
const LOOK: Duration = Duration::from_secs(1);
/// How far back it looks: a call has its place in the log by its start, but is written after its end.
const OVERLAP: Duration = Duration::from_secs(330);

/// The command and its settings.
#[derive(Args)]
pub(super) struct CallsCommand {
    /// Only calls about objects of this partner, by its short name as in the keys [default: all calls]
    #[arg(long, value_parser = super::keys::partner)]
    partner: Option<PartnerId>,
    /// Only calls of this operation, such as payment_intent.confirm
    #[arg(long)]
    operation: Option<String>,
    /// Only calls about this object: pi_… or pay_… (with its refunds), re_…, cus_… or pm_…
    #[arg(long, value_name = "ID")]
    object: Option<String>,
    /// Only calls that this request caused, by its x-request-id
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// Only calls that did not succeed
    #[arg(long)]
    failed: bool,
    /// How many calls to show, the newest ones: 1 to 1000
    #[arg(long, default_value = "20", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_CALLS)))]
    limit: u32,
    /// Go on showing calls as they are made, until interrupted
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    settings: AdminSettings,
}

impl CallsCommand {
    /// Shows the calls, oldest first.
    pub async fn run(self) -> Result<(), CommandFailure> {
        let store = open(&self.settings).await?;
        let (partner, filter) = (self.partner.as_ref(), self.filter());
        let earlier = if self.follow { recent(&store, partner, &filter).await? } else { Vec::new() };
        let calls = read(&store, partner, &filter, self.limit).await?;
        head();
        calls.iter().rev().for_each(line);
        if !self.follow {
            return Ok(());
        }
        let shown = earlier.into_iter().chain(calls).map(|call| call.id).collect();
        tokio::select! {
            ended = follow(&store, partner, &filter, shown) => ended,
            stopped = shutdown::signal() => Ok(stopped?),
        }
    }

    fn filter(&self) -> ApiCallFilter {
        let payment_intent_id = self.object.as_deref().and_then(PaymentIntentId::parse_any);
        ApiCallFilter {
            operation: self.operation.clone(),
            subject_id: self.object.clone().filter(|_| payment_intent_id.is_none()),
            payment_intent_id,
            request_id: self.request.clone(),
            only_failed: self.failed,
            ..Default::default()
        }
    }
}

/// Shows what is new, again and again. `shown` are the calls that were shown already, or were there before.
async fn follow(
    store: &Store,
    partner: Option<&PartnerId>,
    filter: &ApiCallFilter,
    mut shown: HashSet<ApiCallId>,
) -> Result<(), CommandFailure> {
    loop {
        sleep(LOOK).await;
        let calls = recent(store, partner, filter).await?;
        calls.iter().rev().filter(|call| !shown.contains(&call.id)).for_each(line);
        shown = calls.into_iter().map(|call| call.id).collect();
    }
}

/// The calls among which there can be new ones.
async fn recent(
    store: &Store,
    partner: Option<&PartnerId>,
    filter: &ApiCallFilter,
) -> Result<Vec<ApiCall>, CommandFailure> {
    let since = Clock::system().now().before(OVERLAP);
    read(store, partner, &ApiCallFilter { created_from: Some(since), ..filter.clone() }, MAX_CALLS).await
}

async fn read(
    store: &Store,
    partner: Option<&PartnerId>,
    filter: &ApiCallFilter,
    limit: u32,
) -> Result<Vec<ApiCall>, CommandFailure> {
    Ok(store.read().await?.api_calls(partner, filter, None, limit).await?)
}

fn head() {
    row(["TIME", "OPERATION", "OUTCOME", "HTTP", "MS", "ERROR", "OBJECT", "REQUEST"]);
}

fn line(call: &ApiCall) {
    row([
        &moment(call.created_at),
        &call.operation,
        call.outcome.as_str(),
        &call.http_status.map_or_else(|| "-".to_owned(), |status| status.to_string()),
        &call.latency.as_millis().to_string(),
        call.error_code.as_deref().unwrap_or("-"),
        call.subject_id.as_deref().unwrap_or("-"),
        if call.request_id.is_empty() { "-" } else { &call.request_id },
    ]);
}

fn row(cells: [&str; 8]) {
    let [time, operation, outcome, http, latency, error, object, request] = cells;
    anstream::println!(
        "{time:<24}  {operation:<24}  {outcome:<9}  {http:>4}  {latency:>6}  {error:<24}  {object:<36}  {request}"
    );
}
