//! The parts of the gateway that a comparison needs: the database and, where Corefy is asked, the use cases beside those of the gateways that
//! run. Nobody's leases are ended, no port is opened and no worker is started.

use std::{sync::Arc, time::Duration};

use crate::{
    app::{App, AppParts, reconciliation::Reconciliation, token_source},
    cli::failure::CommandFailure,
    config::{ReconcileConfig, RiskConfig, UpstreamConfig, settings::ReconcileSettings},
    domain::{
        acceptance::Acceptance, amount_limits::AmountLimits, environment::Environment, proxies::Proxies,
        retention::Retention,
    },
    server::{CorefyClient, Harness, StartError, open_store, reference_data, upstream},
    store::Store,
    telemetry::Telemetry,
};

/// Opens what is needed. The use cases are there when Corefy is to be asked.
pub(super) async fn open(
    settings: &ReconcileSettings,
    settling: Duration,
    needs_corefy: bool,
) -> Result<(Reconciliation, Option<App>), CommandFailure> {
    let ReconcileConfig { database, master_keys, upstream } = settings.read(needs_corefy)?;
    let environment = Environment::system();
    let store = open_store(&database, &master_keys, &environment).await?;
    let app = upstream.map(|upstream| app(upstream, store.clone(), environment.clone())).transpose()?;
    Ok((Reconciliation::new(store, environment, settling, app.clone()), app))
}

fn app(mut corefy: UpstreamConfig, store: Store, environment: Environment) -> Result<App, StartError> {
    let telemetry = Telemetry::default();
    let tokens = token_source::spare_for_store(&store, &environment.ids);
    if tokens.is_none() {
        corefy.rate_limit_per_minute = token_source::beside_a_gateway(corefy.rate_limit_per_minute);
    }
    let harness = Harness { environment: environment.clone(), ..Harness::default() };
    let CorefyClient { upstream, api_calls, .. } = upstream(&corefy, &harness, telemetry.clone(), tokens)?;
    Ok(App::new(AppParts {
        // It reads, and asks for nothing that needs one.
        capabilities: Vec::new(),
        store,
        upstream,
        api_calls,
        environment,
        acceptance: Acceptance {
            currencies: Vec::new(),
            amount_limits: AmountLimits::default(),
            return_url_schemes: Vec::new(),
        },
        reference_data: Arc::new(reference_data(&RiskConfig::default())?),
        proxies: Proxies::default(),
        risk_screening: false,
        is_sandbox: corefy.sandbox_mode,
        upstream_timeout: corefy.timeout,
        key_rate_per_minute: None,
        streams_per_key: None,
        retention: Retention::default(),
        telemetry,
        probe: None,
    }))
}
