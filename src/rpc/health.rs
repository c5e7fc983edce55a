//! The gRPC health service: whether each service can be called, by the state of the database.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::app::gateway::Diagnostics;

use super::contract::Contract;

/// How often the database is asked.
const INTERVAL: Duration = Duration::from_secs(5);
/// The name that stands for the whole server.
const WHOLE_SERVER: &str = "";

/// Reports how the services do.
pub(super) struct Health {
    reporter: HealthReporter,
    contract: Arc<Contract>,
}

impl Health {
    /// Every service is down until the first look at the database.
    pub(super) async fn start(reporter: HealthReporter, contract: Arc<Contract>) -> Self {
        let health = Self { reporter, contract };
        health.report(ServingStatus::NotServing).await;
        health
    }

    /// Reports until `drain`, and then that the services are down. Watches receive that and then end: an open watch
    /// would keep its connection, and so the drain, from ending.
    pub(super) async fn follow(mut self, diagnostics: Arc<Diagnostics>, drain: CancellationToken) {
        drain.run_until_cancelled(self.watch(&diagnostics)).await;
        self.report(ServingStatus::NotServing).await;
        for name in self.contract.clone().names() {
            self.reporter.clear_service_status(name).await;
        }
    }

    async fn watch(&self, diagnostics: &Diagnostics) {
        loop {
            let is_ready = diagnostics.readiness().await.is_ok();
            self.report(if is_ready { ServingStatus::Serving } else { ServingStatus::NotServing }).await;
            sleep(INTERVAL).await;
        }
    }

    async fn report(&self, status: ServingStatus) {
        for name in self.contract.names() {
            self.reporter.set_service_status(name, status).await;
        }
    }
}

impl Contract {
    /// The names whose health can be asked for.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.services.iter().map(String::as_str).chain([WHOLE_SERVER])
    }
}
