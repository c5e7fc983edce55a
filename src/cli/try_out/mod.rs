//! `try`: walks what the gateway can do against a running one, and shows each request, answer and state.
//!
//! [`steps`] is the walk, [`acceptance`] the test of every RPC, [`gateway`] makes the calls, [`payer`] plays the payer, [`show`] prints.

use clap::Args;

use super::Failure;
use crate::config::client::ClientSettings;
use acceptance::Acceptance;
use gateway::Gateway;
use steps::Walk;

mod acceptance;
mod gateway;
mod payer;
mod show;
mod steps;

/// The command and its settings.
#[derive(Args)]
pub(super) struct TryCommand {
    /// Wait for you to open the 3-D Secure page, also where the command could complete it by itself
    #[arg(long)]
    manual: bool,
    /// Make every call once, provoke errors, wait for a webhook where Corefy is the sandbox, and end with a table: an
    /// acceptance test for any gateway
    #[arg(long, conflicts_with = "manual")]
    all: bool,
    #[command(flatten)]
    client: ClientSettings,
}

impl TryCommand {
    /// Takes every step, whatever came of those before. Fails unless all went as expected.
    pub async fn run(self) -> Result<(), Failure> {
        let config = self.client.read()?;
        let gateway = Gateway::connect(&config).await.map_err(Failure::Failed)?;
        let (what, (taken, fine)) = if self.all {
            ("checks", Acceptance::new(gateway).run().await)
        } else {
            ("steps", Walk::new(gateway, self.manual).take().await)
        };
        let summary = format!("{fine} of {taken} {what} went as expected");
        if fine < taken {
            return Err(Failure::Failed(summary));
        }
        anstream::println!("\n{summary}");
        Ok(())
    }
}
