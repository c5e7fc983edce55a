//! `serve`: runs the gateway until the process is told to stop.

use std::collections::BTreeMap;

use clap::Args;

use super::{failure::CommandFailure, log, memory, shutdown};
use crate::{
    config::{operator::this_operator, settings::ServeSettings},
    server::{Harness, Server},
};

/// The command and its settings.
#[derive(Args)]
pub(super) struct ServeCommand {
    #[command(flatten)]
    settings: ServeSettings,
}

impl ServeCommand {
    /// Serves until SIGTERM or SIGINT, then drains. The `settings` that were given are audited.
    pub async fn run(self, misspelt: &[String], settings: &BTreeMap<String, String>) -> Result<(), CommandFailure> {
        memory::keep_private()?;
        let config = self.settings.read()?;
        log::start(&config.log, misspelt);
        for note in &config.upstream.route.notes {
            tracing::info!("{note}");
        }
        if config.upstream.webhook_secret.is_none() {
            tracing::warn!("COREFY_WEBHOOK_SECRET is not set: every webhook is refused, and outcomes are only polled");
        }
        let (corefy, is_sandbox) = (config.upstream.base_url.clone(), config.upstream.sandbox_mode);
        let server = Server::start(config, Harness::default()).await?;
        if let Err(error) = server.app.audit.note_settings(settings, &this_operator().host).await {
            tracing::error!(%error, cause = ?error.cause(), "the settings of this start are not in the audit log");
        }
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            grpc = %server.grpc_addr,
            http = %server.http_addr,
            %corefy,
            sandbox = is_sandbox,
            "serving"
        );
        shutdown::signal().await?;
        tracing::info!("stopping");
        server.stop().await;
        Ok(())
    }
}
