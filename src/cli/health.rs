//! `health`: asks a gateway on this machine how it is, where there is neither a shell nor `curl`.

use clap::Args;

use super::failure::CommandFailure;
use crate::{config::probe::ProbeSettings, port::probe};

/// The command and its settings.
#[derive(Args)]
pub(super) struct HealthCommand {
    /// Ask only whether the process answers, not whether it can serve calls
    #[arg(long)]
    alive: bool,
    #[command(flatten)]
    settings: ProbeSettings,
}

impl HealthCommand {
    /// Prints what the gateway answers. Fails when it is not well, or when none answers.
    pub async fn run(self) -> Result<(), CommandFailure> {
        let config = self.settings.read()?;
        let path = if self.alive { "/healthz" } else { "/readyz" };
        match probe::ask(config.http_addr, config.is_encrypted, &config.proxied_by, path).await {
            Ok(answer) if answer.is_ok => {
                anstream::println!("{}", answer.body);
                Ok(())
            }
            Ok(answer) => Err(CommandFailure::Failed(answer.body)),
            Err(error) => Err(CommandFailure::Failed(format!("GATEWAY_HTTP_ADDR: {}: {error}", config.http_addr))),
        }
    }
}
