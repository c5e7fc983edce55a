//! `timeline`: all that happened to one payment, in one order.

use clap::Args;

use super::{database::open, failure::CommandFailure, table::moment};
use crate::{
    app::timeline::{Horizon, timeline},
    config::settings::{AdminSettings, RetentionSettings},
    domain::{
        clock::Clock,
        timeline::{TimelineEntry, TimelineIds, TimelineOf},
    },
};

/// How many entries are read at a time.
const STEP: u32 = 500;

/// The command and its settings.
#[derive(Args)]
pub(super) struct TimelineCommand {
    /// The payment intent, pi_… or pay_…, or one of its refunds, re_…
    #[arg(value_parser = of)]
    id: TimelineOf,
    #[command(flatten)]
    retention: RetentionSettings,
    #[command(flatten)]
    settings: AdminSettings,
}

impl TimelineCommand {
    /// Shows the timeline, oldest entry first.
    pub async fn run(self) -> Result<(), CommandFailure> {
        let horizon = Horizon { retention: self.retention.checked()?, now: Clock::system().now() };
        let store = open(&self.settings).await?;
        let mut after = None;
        loop {
            let found = timeline(&store, None, &self.id, &horizon, after.as_ref(), STEP).await?;
            let placed = found.ok_or_else(|| CommandFailure::Failed("there is no such payment".to_owned()))?;
            placed.iter().for_each(|placed| print(&placed.entry));
            after = placed.last().map(|last| last.place.clone());
            if placed.len() < STEP as usize {
                return Ok(());
            }
        }
    }
}

fn print(entry: &TimelineEntry) {
    let (time, kind) = (moment(entry.at), entry.kind.as_str());
    anstream::println!("{time:<24}  {kind:<13}  {}{}", entry.sentence, ids(&entry.ids));
}

/// The ids that are there, in brackets.
fn ids(ids: &TimelineIds) -> String {
    let all = [&ids.object, &ids.operation, &ids.api_call, &ids.webhook, &ids.event, &ids.risk_decision];
    let request = (!ids.request.is_empty()).then(|| format!("request {}", ids.request));
    let stopped: Vec<_> = all.into_iter().filter(|id| !id.is_empty()).cloned().chain(request).collect();
    format!("  [{}]", stopped.join(", "))
}

fn of(text: &str) -> Result<TimelineOf, String> {
    TimelineOf::parse(text).ok_or_else(|| "must be an id of a payment intent or refund: pi_…, pay_… or re_…".to_owned())
}
