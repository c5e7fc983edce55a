//! `serve`: runs the gateway until the process is told to stop.

use std::{collections::BTreeMap, io};

use clap::{Args, Command};
use tokio::signal::unix::{self, Signal, SignalKind};

use super::{
    failure::CommandFailure,
    log, memory, reload,
    service_manager::{ServiceState, signs_of_life, tell},
    shutdown,
};
use crate::{
    config::{Config, operator::this_operator, settings::ServeSettings},
    server::{Harness, Server},
};

/// The command and its settings.
#[derive(Args)]
pub(super) struct ServeCommand {
    #[command(flatten)]
    settings: ServeSettings,
}

impl ServeCommand {
    /// Serves until SIGTERM or SIGINT, then drains; on SIGHUP, reads secrets in files again. The `settings` that were given are
    /// audited.
    pub async fn run(
        self,
        command: &Command,
        misspelt: &[String],
        settings: &BTreeMap<String, String>,
    ) -> Result<(), CommandFailure> {
        memory::keep_private()?;
        let config = self.settings.read()?;
        log::start(&config.log, misspelt);
        // Before systemd may send one: without a listener it would end the process.
        let mut hangups = unix::signal(SignalKind::hangup())?;
        let server = start(config).await?;
        if let Err(error) = server.app.audit.note_settings(settings, &this_operator().host).await {
            tracing::error!(%error, cause = ?error.cause(), "the settings of this start are not in the audit log");
        }
        tell(ServiceState::Ready);
        let _signs = signs_of_life();
        self.wait(command, &server, &mut hangups).await?;
        tracing::info!("stopping");
        tell(ServiceState::Stopping);
        server.stop().await;
        Ok(())
    }

    /// Waits until the process is told to stop.
    async fn wait(&self, command: &Command, server: &Server, hangups: &mut Signal) -> io::Result<()> {
        let mut stopped = std::pin::pin!(shutdown::signal());
        loop {
            tokio::select! {
                stopped = &mut stopped => return stopped,
                Some(()) = hangups.recv() => {
                    tell(ServiceState::Reloading);
                    reload::secrets(command, &self.settings, &server.credentials);
                    tell(ServiceState::Ready);
                }
            }
        }
    }
}

/// Starts the gateway and logs how it serves.
async fn start(config: Config) -> Result<Server, CommandFailure> {
    for note in &config.upstream.route.notes {
        tracing::info!("{note}");
    }
    if config.upstream.webhook_secret.is_none() {
        tracing::warn!("COREFY_WEBHOOK_SECRET is not set: every webhook is refused, and outcomes are only polled");
    }
    let (corefy, is_sandbox) = (config.upstream.base_url.clone(), config.upstream.sandbox_mode);
    let server = Server::start(config, Harness::default()).await?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        grpc = %server.grpc_addr,
        http = %server.http_addr,
        %corefy,
        sandbox = is_sandbox,
        "serving"
    );
    Ok(server)
}
