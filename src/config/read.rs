//! The rules: from settings as they are typed to the typed ones.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tracing_subscriber::EnvFilter;
use url::Url;

use super::report::{Report, given};
use super::settings::{
    DatabaseSettings, GatewaySettings, KeysSettings, LogSettings, MasterKeySetting, MigrateSettings, ServeSettings,
    UpstreamSettings,
};
use super::{Config, DatabaseConfig, KeysConfig, LogConfig, LogFormat, Problems, UpstreamApi, UpstreamConfig};
use crate::domain::{money::Currency, network};

/// Characters of the master key at least: 128 bits when they are hexadecimal.
const MASTER_KEY_LENGTH: usize = 32;
/// Where to get what Corefy gives out.
const FROM_COREFY: &str = "Corefy's dashboard has it";

impl ServeSettings {
    /// Reads all settings; the error has everything that is wrong with them.
    pub fn read(&self) -> Result<Config, Problems> {
        let mut report = Report::default();
        let config = self.config(&mut report);
        report.finish(config)
    }

    fn config(&self, report: &mut Report) -> Option<Config> {
        let upstream = self.upstream.read(report);
        let gateway = &self.gateway;
        let addresses = gateway.addresses(report);
        let currencies =
            report.list("GATEWAY_CURRENCIES", gateway.gateway_currencies.as_deref(), CURRENCIES, Currency::parse);
        let webhook_allow = report.list(
            "GATEWAY_WEBHOOK_ALLOW_CIDRS",
            gateway.gateway_webhook_allow_cidrs.as_deref(),
            NETWORKS,
            network::parse,
        );
        let drain = report.whole("GATEWAY_DRAIN_SECONDS", &gateway.gateway_drain_seconds, 0..=600);
        let database = self.database.read(report);
        let master_key = self.master_key.read(report);
        let log = self.log.read(report);
        let (grpc_addr, http_addr) = addresses?;
        Some(Config {
            upstream: upstream?,
            database: database?,
            master_key: master_key?,
            grpc_addr,
            http_addr,
            currencies: currencies?,
            webhook_allow: webhook_allow?,
            drain: Duration::from_secs(drain?.into()),
            log: log?,
        })
    }
}

const CURRENCIES: &str = "ISO 4217 codes in upper case, separated by commas";
const NETWORKS: &str = "networks such as 203.0.113.0/24, separated by commas";

impl KeysSettings {
    /// Reads the settings; the error has everything that is wrong with them.
    pub fn read(&self) -> Result<KeysConfig, Problems> {
        let mut report = Report::default();
        let (database, master_key) = (self.database.read(&mut report), self.master_key.read(&mut report));
        report.finish(database.zip(master_key).map(|(database, master_key)| KeysConfig { database, master_key }))
    }
}

impl MigrateSettings {
    /// Reads the settings; the error has everything that is wrong with them.
    pub fn read(&self) -> Result<DatabaseConfig, Problems> {
        let mut report = Report::default();
        let database = self.database.read(&mut report);
        report.finish(database)
    }
}

impl DatabaseSettings {
    fn read(&self, report: &mut Report) -> Option<DatabaseConfig> {
        let url = self.database_url.expose_secret();
        let known = ["sqlite://", "postgres://", "postgresql://"];
        let fits = known.iter().any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
        if !fits {
            report.wrong::<()>("DATABASE_URL", "must be sqlite://FILE or postgres://USER:PASSWORD@HOST/NAME");
        }
        let connections = report.whole("GATEWAY_DATABASE_CONNECTIONS", &self.gateway_database_connections, 1..=1000);
        Some(DatabaseConfig { url: self.database_url.clone(), connections: connections? })
    }
}

impl MasterKeySetting {
    fn read(&self, report: &mut Report) -> Option<SecretString> {
        let advice = "make one by `openssl rand -hex 32`, and keep it: without it, stored data cannot be read";
        report.secret("GATEWAY_MASTER_KEY", &self.gateway_master_key, MASTER_KEY_LENGTH, advice)
    }
}

impl UpstreamSettings {
    fn read(&self, report: &mut Report) -> Option<UpstreamConfig> {
        let api = report.value("COREFY_API", &self.corefy_api, "intents, the only API so far", |text| {
            (text == "intents").then_some(UpstreamApi::Intents)
        });
        let api_key = report.secret("COREFY_API_KEY", &self.corefy_api_key, 10, FROM_COREFY);
        let secret_key = report.secret("COREFY_SECRET_KEY", &self.corefy_secret_key, 20, FROM_COREFY);
        let client_key = report.secret("COREFY_CLIENT_KEY", &self.corefy_client_key, 10, FROM_COREFY);
        let sandbox_mode = report.truth("COREFY_SANDBOX_MODE", &self.corefy_sandbox_mode);
        let base_url = self.base_url(sandbox_mode.unwrap_or_default(), report);
        let timeout = report.whole("COREFY_TIMEOUT_SECONDS", &self.corefy_timeout_seconds, 1..=300);
        let retry_count = report.whole("COREFY_RETRY_COUNT", &self.corefy_retry_count, 0..=10);
        let rate_limit =
            report.whole("COREFY_RATE_LIMIT_PER_MINUTE", &self.corefy_rate_limit_per_minute, 1..=1_000_000);
        let (webhook_secret, webhook_secret_previous) = self.webhook_secrets(report);
        Some(UpstreamConfig {
            api: api?,
            api_key: api_key?,
            secret_key: secret_key?,
            client_key: client_key?,
            base_url: base_url?,
            webhook_secret,
            webhook_secret_previous,
            timeout: Duration::from_secs(timeout?.into()),
            retry_count: retry_count?,
            rate_limit_per_minute: NonZeroU32::new(rate_limit?)?,
            sandbox_mode: sandbox_mode?,
        })
    }

    /// The previous secret serves a change of secrets; alone it is a mistake.
    fn webhook_secrets(&self, report: &mut Report) -> (Option<SecretString>, Option<SecretString>) {
        let (current, previous) = (given(&self.corefy_webhook_secret), given(&self.corefy_webhook_secret_previous));
        if current.is_none() && previous.is_some() {
            report.wrong::<()>("COREFY_WEBHOOK_SECRET_PREVIOUS", "must not be set without COREFY_WEBHOOK_SECRET");
        }
        (current, previous)
    }

    fn base_url(&self, sandbox_mode: bool, report: &mut Report) -> Option<Url> {
        let default = if sandbox_mode { "https://api.sandbox.corefy.com" } else { "https://api.corefy.com" };
        let text = self.corefy_base_url.as_deref().filter(|text| !text.is_empty()).unwrap_or(default);
        match Url::parse(text).ok().filter(is_scheme_and_host) {
            // The text is not shown: it may hold a password.
            None => report.wrong("COREFY_BASE_URL", "must be a scheme and a host such as https://api.corefy.com"),
            Some(url) if url.scheme() == "http" && !network::is_this_machine(&url) => {
                report.wrong("COREFY_BASE_URL", "must begin with https:// unless its host is this machine")
            }
            Some(url) => Some(url),
        }
    }
}

fn is_scheme_and_host(url: &Url) -> bool {
    ["http", "https"].contains(&url.scheme())
        && url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
}

impl GatewaySettings {
    /// Where gRPC and HTTP listen.
    fn addresses(&self, report: &mut Report) -> Option<(SocketAddr, SocketAddr)> {
        let insecure = report.truth("GATEWAY_INSECURE", &self.gateway_insecure);
        let mut read = |variable, text: &str| {
            let address = report.value(variable, text, "an address and a port such as 127.0.0.1:50051", |text| {
                text.parse::<SocketAddr>().ok()
            })?;
            if address.ip().to_canonical().is_loopback() || insecure != Some(false) {
                return Some(address);
            }
            report.wrong(
                variable,
                format_args!(
                    "{address} can be reached from other machines, and the gateway speaks \
                without TLS; listen on 127.0.0.1 behind a proxy that ends TLS, or set GATEWAY_INSECURE=true"
                ),
            )
        };
        let grpc = read("GATEWAY_GRPC_ADDR", &self.gateway_grpc_addr);
        let http = read("GATEWAY_HTTP_ADDR", &self.gateway_http_addr);
        let (grpc, http) = grpc.zip(http)?;
        if grpc == http && grpc.port() != 0 {
            return report.wrong("GATEWAY_HTTP_ADDR", "must be another address or port than GATEWAY_GRPC_ADDR");
        }
        Some((grpc, http))
    }
}

impl LogSettings {
    pub(super) fn read(&self, report: &mut Report) -> Option<LogConfig> {
        let filter = report.value("GATEWAY_LOG", &self.gateway_log, "a filter such as info", |text| {
            EnvFilter::try_new(text).ok().map(|_| text.to_owned())
        });
        let format = report.value("GATEWAY_LOG_FORMAT", &self.gateway_log_format, "text or json", |text| match text {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => None,
        });
        Some(LogConfig { filter: filter?, format: format? })
    }
}
