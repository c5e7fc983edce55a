//! `doctor`: checks what a gateway with these settings would find, changes nothing, and says what to fix.

use clap::Args;
use owo_colors::OwoColorize as _;

use super::CommandFailure;
use crate::{
    config::{Config, settings::ServeSettings},
    domain::{environment::Environment, master_key::MasterKey},
};

mod database;
mod network;

/// The command and its settings: those of `serve`.
#[derive(Args)]
pub(super) struct DoctorCommand {
    #[command(flatten)]
    settings: ServeSettings,
}

/// Width of the column of what was checked.
const COLUMN: usize = 14;

/// The findings, printed as they are made.
#[derive(Default)]
struct Findings {
    failures: u32,
    warnings: u32,
}

impl Findings {
    fn passed(&self, subject: &str, text: &str) {
        anstream::println!("{}  {subject:COLUMN$}  {text}", "ok  ".green());
    }

    /// Serving is possible, but something should be fixed.
    fn warn(&mut self, subject: &str, text: &str) {
        self.warnings += 1;
        anstream::println!("{}  {subject:COLUMN$}  {text}", "warn".yellow());
    }

    /// Serving is not possible, or not safe.
    fn fail(&mut self, subject: &str, text: &str) {
        self.failures += 1;
        anstream::println!("{}  {subject:COLUMN$}  {text}", "fail".red().bold());
    }
}

impl DoctorCommand {
    /// Checks everything, whatever was found before. Fails when something would keep the gateway from its work.
    pub async fn run(self) -> Result<(), CommandFailure> {
        let mut findings = Findings::default();
        super::misspelt_variables().iter().for_each(|sentence| findings.warn("settings", sentence));
        match self.settings.read() {
            Ok(config) => {
                check(&config, &mut findings).await;
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
        Ok(())
    }
}

async fn check(config: &Config, findings: &mut Findings) {
    findings.passed("settings", "complete and readable");
    let master_key = MasterKey::new(config.master_key.clone());
    database::check(&config.database, &master_key, findings).await;
    check_webhook_secrets(config, findings);
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
