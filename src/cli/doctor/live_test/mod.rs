//! `doctor --live-test`: a walk through an account in test mode, which says which of the facts that the gateway relies on are true there.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use crate::{
    cli::{failure::CommandFailure, new_file},
    config::{Config, UpstreamApi},
    domain::{
        environment::Environment,
        money::{Currency, Money},
    },
    server::{Harness, StartError, commerce_upstream},
    upstream::{call_log::QUEUE, commerce::LiveTestPlan},
};
use pages::Pages;

mod listener;
mod pages;
mod report;

/// The longest that someone may take to act on a page, in seconds.
const LONGEST_PAGE_SECONDS: u64 = 3600;
/// The longest that Corefy may take for what needs no payer, in seconds.
const LONGEST_OUTCOME_SECONDS: u64 = 600;
/// The amount of each payment, in major units of the currency.
const AMOUNT: i64 = 10;
/// The currency where the settings name none.
const CURRENCY: &str = "EUR";

/// The flags of the live test.
#[derive(Args)]
pub(super) struct LiveTestFlags {
    /// Walk payments, a saved card and a refund through the account in test mode, and say which of the facts that the gateway relies on
    /// are true there: with COREFY_API=commerce and COREFY_SANDBOX_MODE=true. Nothing is charged
    #[arg(long)]
    live_test: bool,
    /// How long to wait for you on the pages that --live-test names, in seconds: 0, which leaves them out, to 3600
    #[arg(long, value_name = "SECONDS", default_value = "600", requires = "live_test",
        value_parser = clap::value_parser!(u64).range(0..=LONGEST_PAGE_SECONDS))]
    page_seconds: u64,
    /// How long Corefy has to end a payment, to show a refund, and to send a callback, in seconds: 1 to 600
    #[arg(long, value_name = "SECONDS", default_value = "60", requires = "live_test",
        value_parser = clap::value_parser!(u64).range(1..=LONGEST_OUTCOME_SECONDS))]
    outcome_seconds: u64,
    /// The file for the facts and for the redacted requests and answers of --live-test, as JSON, which must not exist yet
    #[arg(long, value_name = "FILE", requires = "live_test")]
    report: Option<PathBuf>,
}

impl LiveTestFlags {
    /// Makes the test, if it is asked for. Fails when a fact is disproved or the walk ended early.
    pub(super) async fn run(&self, config: &Config) -> Result<(), CommandFailure> {
        if !self.live_test {
            return Ok(());
        }
        let UpstreamApi::Commerce(commerce) = &config.upstream.api else {
            let text = "--live-test goes with COREFY_API=commerce: of the other API there are no facts to find out";
            return Err(CommandFailure::Settings(text.to_owned()));
        };
        if !config.upstream.sandbox_mode {
            let text = "--live-test goes with COREFY_SANDBOX_MODE=true and test keys: it makes payments";
            return Err(CommandFailure::Settings(text.to_owned()));
        }
        let file = self.report.as_deref().map(new_file::output).transpose()?;
        let environment = Environment::system();
        let harness = Harness { environment: environment.clone(), ..Harness::default() };
        let (upstream, mut api_calls) =
            commerce_upstream(&config.upstream, commerce, &harness).map_err(StartError::from)?;
        let (callbacks, _listening) = listener::callbacks(config, commerce).await;
        let name = format!("live-test-{}", environment.ids.uuid().simple());
        let pages = Pages::begin(self.page_seconds, &name);
        let plan = LiveTestPlan {
            name,
            amount: amount(config)?,
            page_patience: Duration::from_secs(self.page_seconds),
            outcome_patience: Duration::from_secs(self.outcome_seconds),
            callbacks,
        };
        let tested = upstream.into_live_test(plan, Box::new(move |notice| pages.tell(&notice))).run().await;
        let mut calls = Vec::new();
        api_calls.take(&mut calls, QUEUE);
        report::print(&tested);
        if let Some(file) = file {
            report::write(file, &tested, &calls, environment.clock.now())?;
        }
        report::verdict(&tested)
    }
}

/// The amount of each payment, in the first currency that is accepted.
fn amount(config: &Config) -> Result<Money, CommandFailure> {
    let default = || Currency::parse(CURRENCY);
    let currency = config.currencies.first().copied().or_else(default);
    let currency = currency.ok_or_else(|| CommandFailure::Failed(format!("{CURRENCY} is no currency")))?;
    Ok(Money { minor: AMOUNT * 10_i64.pow(currency.decimals()), currency })
}
