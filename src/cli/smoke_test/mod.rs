//! `try`: walks what the gateway can do against a running one, and shows each request, answer and state.
//!
//! [`steps`] is the walk, [`acceptance`] the test of every RPC, [`gateway`] makes the calls, [`payer`] plays the payer, [`show`] prints.

use clap::Args;

use crate::{cli::failure::CommandFailure, config::client::ClientSettings};
use gateway::TestedGateway;
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
    pub async fn run(self) -> Result<(), CommandFailure> {
        let config = self.client.read()?;
        let gateway = TestedGateway::connect(&config).await.map_err(CommandFailure::Failed)?;
        let (what, (taken, passed)) = if self.all {
            ("checks", acceptance::run(gateway).await)
        } else {
            ("steps", Walk::new(gateway, self.manual).take().await)
        };
        let summary = format!("{passed} of {taken} {what} went as expected");
        if passed < taken {
            return Err(CommandFailure::Failed(summary));
        }
        anstream::println!("\n{summary}");
        Ok(())
    }
}
