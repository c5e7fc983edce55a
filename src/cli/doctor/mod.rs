//! `doctor`: checks what a gateway with these settings would find, and says what to fix. It changes nothing, unless it is asked for a
//! live test, which makes test payments.

use clap::Args;

use super::failure::CommandFailure;
use crate::{
    config::{Config, settings::ServeSettings},
    domain::environment::Environment,
};

use findings::Findings;
use live_test::LiveTestFlags;

mod account;
mod database;
mod findings;
mod live_test;
mod network;
mod risk;

/// The command and its settings: those of `serve`.
#[derive(Args)]
pub(super) struct DoctorCommand {
    #[command(flatten)]
    live_test: LiveTestFlags,
    #[command(flatten)]
    settings: ServeSettings,
}

impl DoctorCommand {
    /// Checks everything, whatever was found before. Fails when something would keep the gateway from its work.
    pub async fn run(self, misspelt: &[String]) -> Result<(), CommandFailure> {
        let (mut findings, mut config) = (Findings::default(), None);
        misspelt.iter().for_each(|sentence| findings.warn("settings", sentence));
        match self.settings.read() {
            Ok(read) => {
                check(&read, &mut findings).await;
                config = Some(read);
            }
            Err(problems) => {
                problems.each().for_each(|problem| findings.fail("settings", problem));
                anstream::println!("nothing else can be checked before the settings are right");
            }
        }
        let Findings { failures, warnings } = findings;
        let summary = format!("{failures} to fix, {warnings} to review");
        if failures > 0 {
            return Err(CommandFailure::Failed(summary));
        }
        anstream::println!("{summary}");
        match config {
            Some(config) => self.live_test.run(&config).await,
            None => Ok(()),
        }
    }
}

async fn check(config: &Config, findings: &mut Findings) {
    findings.passed("settings", "complete and readable");
    database::check(&config.database, &config.retention, &config.master_keys, findings).await;
    check_webhook_secrets(config, findings);
    risk::check_reference_data(config, findings);
    account::check_callback(config, findings);
    network::check_upstream(config, &Environment::system(), findings).await;
    network::check_ports(config, findings).await;
}

fn check_webhook_secrets(config: &Config, findings: &mut Findings) {
    const SUBJECT: &str = "webhooks";
    let upstream = &config.upstream;
    match (&upstream.webhook_secret, &upstream.webhook_secret_previous) {
        (Some(_), None) => findings.passed(SUBJECT, "COREFY_WEBHOOK_SECRET is set"),
        (Some(_), Some(_)) => findings.passed(
            SUBJECT,
            "COREFY_WEBHOOK_SECRET and the previous one are set; unset COREFY_WEBHOOK_SECRET_PREVIOUS once Corefy signs with the new one",
        ),
        (None, _) => findings.warn(
            SUBJECT,
            "every webhook is refused and outcomes are only polled; set COREFY_WEBHOOK_SECRET to the secret in Corefy's dashboard",
        ),
    }
}
