//! The rules: from settings as they are typed to the typed ones.

use std::collections::HashSet;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::ExposeSecret;
use tracing_subscriber::{EnvFilter, filter::LevelFilter};
use url::{Host, Url};

use super::database_url;
use super::report::SettingsReport;
use super::rules::is_scheme_and_host;
use super::settings::{
    AdminSettings, DatabaseSettings, GatewaySettings, LogSettings, MasterKeySetting, MigrateSettings,
    ReconcileSettings, ServeSettings, TraceSettings,
};
use super::{
    AdminConfig, Config, DatabaseConfig, LogConfig, LogFormat, ProxiedPort, ReconcileConfig, SettingsProblems,
    TlsConfig, TraceConfig,
};
use crate::domain::{
    amount_limits::AmountLimits,
    link,
    master_key::{MasterKey, MasterKeys},
    money::{Currency, Money},
    network,
};

/// Characters of the master key at least: 128 bits when they are hexadecimal.
const MASTER_KEY_LENGTH: usize = 32;
impl ServeSettings {
    /// Reads all settings; the error has everything that is wrong with them.
    pub fn read(&self) -> Result<Config, SettingsProblems> {
        let mut report = SettingsReport::default();
        let config = self.config(&mut report);
        report.finish(config)
    }

    fn config(&self, report: &mut SettingsReport) -> Option<Config> {
        let upstream = self.upstream.read(report);
        let gateway = &self.gateway;
        let tls = gateway.tls(report);
        let addresses = gateway.addresses(tls != Some(None), report);
        let limits = gateway.limits(report);
        let web_origins = web_origins(report, gateway.gateway_web_origins.as_deref());
        let currencies = report.list("GATEWAY_CURRENCIES", gateway.gateway_currencies.as_deref(), CURRENCIES, currency);
        let amount_limits = gateway.amount_limits(report);
        let return_url_schemes = return_url_schemes(report, gateway.gateway_return_url_schemes.as_deref());
        let raw_cards = report.truth("GATEWAY_RAW_CARDS", &gateway.gateway_raw_cards);
        let webhook_allow = report.list(
            "GATEWAY_WEBHOOK_ALLOW_CIDRS",
            gateway.gateway_webhook_allow_cidrs.as_deref(),
            NETWORKS,
            network::parse,
        );
        let trusted_proxies = trusted_proxies(report, gateway.gateway_trusted_proxies.as_deref());
        let proxy_protocol = proxy_protocol(report, gateway.gateway_proxy_protocol.as_deref());
        if gateway.gateway_trusted_proxies.is_none() && proxy_protocol.as_ref().is_some_and(|ports| !ports.is_empty()) {
            report.wrong::<()>(
                "GATEWAY_PROXY_PROTOCOL",
                format_args!("needs GATEWAY_TRUSTED_PROXIES, the networks that speak it"),
            );
        }
        let retention = self.retention.read(report);
        let drain = report.whole("GATEWAY_DRAIN_SECONDS", &gateway.gateway_drain_seconds, 0..=600);
        let risk = self.risk.read(report);
        let database = self.database.read(report);
        let master_keys = self.master_key.read(report);
        let log = self.log.read(report);
        let traces = self.traces.read(report);
        let (grpc_addr, http_addr) = addresses?;
        let (max_connections, key_rate, streams) = limits?;
        Some(Config {
            upstream: upstream?,
            database: database?,
            master_keys: master_keys?,
            grpc_addr,
            http_addr,
            tls: tls?,
            max_connections,
            trusted_proxies: trusted_proxies?,
            proxy_protocol: proxy_protocol?,
            key_rate_per_minute: NonZeroU32::new(key_rate),
            streams_per_key: NonZeroU32::new(streams),
            web_origins: web_origins?,
            currencies: currencies?,
            amount_limits: amount_limits?,
            return_url_schemes: return_url_schemes?,
            raw_cards: raw_cards?,
            webhook_allow: webhook_allow?,
            risk: risk?,
            retention: retention?,
            drain: Duration::from_secs(drain?.into()),
            log: log?,
            traces: traces?,
        })
    }
}

/// A number of days, in UTC, where all are of one length.
pub(super) fn days(number: u32) -> Duration {
    Duration::from_secs(u64::from(number) * 24 * 60 * 60)
}

/// The origins of the pages that may call.
pub(super) fn web_origins(report: &mut SettingsReport, text: Option<&str>) -> Option<Vec<String>> {
    report.list("GATEWAY_WEB_ORIGINS", text, ORIGINS, origin)
}

/// The schemes of apps that payers may be sent back to.
pub(super) fn return_url_schemes(report: &mut SettingsReport, text: Option<&str>) -> Option<Vec<String>> {
    report.list("GATEWAY_RETURN_URL_SCHEMES", text, SCHEMES, link::parse_app_scheme)
}

const CURRENCIES: &str = "ISO 4217 codes in upper case of currencies in use, separated by commas";
const AMOUNT_LIMITS: &str = "limits of at most 12 digits such as USD:1000000, separated by commas";
const SCHEMES: &str = "schemes of apps such as myapp, in lower case and separated by commas";
const ORIGINS: &str = "origins such as https://shop.example, separated by commas";
const PORTS: &str = "grpc, http or both, separated by commas";
const NETWORKS: &str = "networks such as 203.0.113.0/24, separated by commas";

/// Reads the networks of proxies.
pub(super) fn trusted_proxies(report: &mut SettingsReport, text: Option<&str>) -> Option<Vec<IpNet>> {
    report.list("GATEWAY_TRUSTED_PROXIES", text, NETWORKS, network::parse)
}

/// Reads the ports on which they speak the PROXY protocol.
pub(super) fn proxy_protocol(report: &mut SettingsReport, text: Option<&str>) -> Option<Vec<ProxiedPort>> {
    report.list("GATEWAY_PROXY_PROTOCOL", text, PORTS, ProxiedPort::parse)
}

impl AdminSettings {
    /// Reads the settings; the error has everything that is wrong with them.
    pub fn read(&self) -> Result<AdminConfig, SettingsProblems> {
        let mut report = SettingsReport::default();
        let (database, master_keys) = (self.database.read(&mut report), self.master_key.read(&mut report));
        report.finish(database.zip(master_keys).map(|(database, master_keys)| AdminConfig { database, master_keys }))
    }
}

impl ReconcileSettings {
    /// Reads the settings, those of Corefy if it is asked; the error has everything that is wrong with them.
    pub fn read(&self, needs_corefy: bool) -> Result<ReconcileConfig, SettingsProblems> {
        let mut report = SettingsReport::default();
        let upstream = if needs_corefy { self.upstream.read(&mut report).map(Some) } else { Some(None) };
        let (database, master_keys) = (self.database.read(&mut report), self.master_key.read(&mut report));
        let all = upstream.zip(database.zip(master_keys));
        report.finish(all.map(|(upstream, (database, master_keys))| ReconcileConfig {
            database,
            master_keys,
            upstream,
        }))
    }
}

impl MigrateSettings {
    /// Reads the settings; the error has everything that is wrong with them.
    pub fn read(&self) -> Result<DatabaseConfig, SettingsProblems> {
        let mut report = SettingsReport::default();
        let database = self.database.read(&mut report);
        report.finish(database)
    }
}

impl DatabaseSettings {
    fn read(&self, report: &mut SettingsReport) -> Option<DatabaseConfig> {
        if let Some(fault) = database_url::fault(self.database_url.expose_secret()) {
            report.wrong::<()>("DATABASE_URL", fault);
        } else if self.database_url.expose_secret().ends_with(char::is_whitespace) {
            report.wrong::<()>("DATABASE_URL", "must not end with white space");
        }
        let connections = report.whole("GATEWAY_DATABASE_CONNECTIONS", &self.gateway_database_connections, 1..=1000);
        Some(DatabaseConfig { url: self.database_url.clone(), connections: connections? })
    }
}

impl MasterKeySetting {
    fn read(&self, report: &mut SettingsReport) -> Option<MasterKeys> {
        const OTHER: &str = "GATEWAY_MASTER_KEY_OTHER";
        let advice = "make one by `openssl rand -hex 32`, and keep it: without it, stored data cannot be read";
        let current = report.secret("GATEWAY_MASTER_KEY", &self.gateway_master_key, MASTER_KEY_LENGTH, advice);
        let other = report.optional_secret(OTHER, &self.gateway_master_key_other, MASTER_KEY_LENGTH);
        Some(MasterKeys { current: MasterKey::new(current?), other: other?.map(MasterKey::new) })
    }
}

/// A currency that payments can be made in.
fn currency(code: &str) -> Option<Currency> {
    Currency::parse_payable(code).ok()
}

/// A currency with an amount of it: `USD:1000000`.
fn amount_limit(text: &str) -> Option<Money> {
    let (code, amount) = text.split_once(':')?;
    Money::parse(amount, currency(code)?).ok()
}

/// The scheme, host and port of a web page, as browsers write them; `*.` before the host stands for everything below it.
fn origin(text: &str) -> Option<String> {
    let (below, plain) = match text.split_once("://*.") {
        // A whole top-level domain is not one shop's.
        Some((scheme, host)) if host.contains('.') => (true, format!("{scheme}://{host}")),
        Some(_) => return None,
        None => (false, text.to_owned()),
    };
    let url = Url::parse(&plain).ok().filter(is_scheme_and_host)?;
    let is_plain = url.origin().ascii_serialization() == plain && !plain.contains('*');
    let is_name = matches!(url.host(), Some(Host::Domain(_)));
    (is_plain && (is_name || !below)).then(|| text.to_owned())
}

impl GatewaySettings {
    /// The files of certificates: the inner `None` when there are none.
    fn tls(&self, report: &mut SettingsReport) -> Option<Option<TlsConfig>> {
        let given = |file: &Option<OsString>| file.clone().filter(|path| !path.is_empty()).map(PathBuf::from);
        let client_ca = given(&self.gateway_tls_client_ca);
        match (given(&self.gateway_tls_cert), given(&self.gateway_tls_key)) {
            (Some(certificate), Some(key)) => Some(Some(TlsConfig { certificate, key, client_ca })),
            (Some(_), None) => report.wrong("GATEWAY_TLS_KEY", "must be set with GATEWAY_TLS_CERT"),
            (None, Some(_)) => report.wrong("GATEWAY_TLS_CERT", "must be set with GATEWAY_TLS_KEY"),
            (None, None) if client_ca.is_some() => {
                report.wrong("GATEWAY_TLS_CLIENT_CA", "must not be set without GATEWAY_TLS_CERT and GATEWAY_TLS_KEY")
            }
            (None, None) => Some(None),
        }
    }

    /// Connections of a port, calls a minute of a key, and open streams of a key.
    fn limits(&self, report: &mut SettingsReport) -> Option<(u32, u32, u32)> {
        let connections = report.whole("GATEWAY_MAX_CONNECTIONS", &self.gateway_max_connections, 1..=100_000);
        let key_rate = report.whole("GATEWAY_KEY_RATE_PER_MINUTE", &self.gateway_key_rate_per_minute, 0..=1_000_000);
        let streams = report.whole("GATEWAY_KEY_STREAMS", &self.gateway_key_streams, 0..=100_000);
        Some((connections?, key_rate?, streams?))
    }

    /// The largest amounts of payments: the defaults, but for those that are set.
    fn amount_limits(&self, report: &mut SettingsReport) -> Option<AmountLimits> {
        const VARIABLE: &str = "GATEWAY_AMOUNT_LIMITS";
        let limits = report.list(VARIABLE, self.gateway_amount_limits.as_deref(), AMOUNT_LIMITS, amount_limit)?;
        let mut currencies = HashSet::new();
        match limits.iter().find(|limit| !currencies.insert(limit.currency)) {
            Some(again) => report.wrong(VARIABLE, format_args!("must name {} once", again.currency.code())),
            None => Some(AmountLimits::new(limits)),
        }
    }

    /// Where gRPC and HTTP listen. Others can reach them only when they are encrypted, or when that is wanted so.
    fn addresses(&self, is_encrypted: bool, report: &mut SettingsReport) -> Option<(SocketAddr, SocketAddr)> {
        let insecure = report.truth("GATEWAY_INSECURE", &self.gateway_insecure);
        let mut read = |variable, text: &str| {
            let address = report.value(variable, text, "an address and a port such as 127.0.0.1:50051", |text| {
                text.parse::<SocketAddr>().ok()
            })?;
            if address.ip().to_canonical().is_loopback() || is_encrypted || insecure != Some(false) {
                return Some(address);
            }
            report.wrong(
                variable,
                format_args!(
                    "{address} can be reached from other machines; set GATEWAY_TLS_CERT and GATEWAY_TLS_KEY, or \
                GATEWAY_INSECURE=true behind a proxy that ends TLS"
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
    pub(super) fn read(&self, report: &mut SettingsReport) -> Option<LogConfig> {
        let filter = report.value("GATEWAY_LOG", &self.gateway_log, "a filter such as info", log_filter);
        let format = report.value("GATEWAY_LOG_FORMAT", &self.gateway_log_format, "text or json", |text| match text {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => None,
        });
        Some(LogConfig { filter: filter?, format: format? })
    }
}

/// The directives of a filter. Errors are logged whatever modules it names, unless it says `off`; a word that is no level would
/// name a module, and keep silent about all others.
fn log_filter(text: &str) -> Option<String> {
    let directives: Vec<_> = text.split(',').map(str::trim).filter(|directive| !directive.is_empty()).collect();
    if directives.iter().any(|directive| directive.contains(char::is_whitespace) && !directive.contains('[')) {
        return None;
    }
    let words = directives.iter().filter(|directive| !directive.contains(['=', '[', ']', '{', '}']));
    let levels: Vec<_> = words.map(|word| word.parse::<LevelFilter>().ok()).collect::<Option<_>>()?;
    let text = directives.join(",");
    let filter = match (directives.is_empty(), levels.is_empty()) {
        (true, _) => DEFAULT_LOG.to_owned(),
        (false, true) => format!("error,{text}"),
        (false, false) => text,
    };
    EnvFilter::try_new(&filter).ok().map(|_| filter)
}

/// The filter of the log when none is set.
const DEFAULT_LOG: &str = "info";

/// The longest name of a service, in characters.
const LONGEST_SERVICE_NAME: usize = 100;

impl TraceSettings {
    /// Where traces go: the inner `None` when they are not wanted.
    fn read(&self, report: &mut SettingsReport) -> Option<Option<TraceConfig>> {
        let name = report.value("OTEL_SERVICE_NAME", &self.otel_service_name, "1 to 100 characters", |name| {
            (1..=LONGEST_SERVICE_NAME).contains(&name.chars().count()).then(|| name.to_owned())
        });
        let Some(text) = self.otel_exporter_otlp_endpoint.as_deref().filter(|text| !text.is_empty()) else {
            return Some(None);
        };
        match Url::parse(text).ok().filter(is_scheme_and_host) {
            Some(endpoint) => name.map(|service_name| Some(TraceConfig { endpoint, service_name })),
            // The text is not shown: it may hold a password.
            None => report.wrong(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                "must be a scheme, a host and a port such as http://127.0.0.1:4317",
            ),
        }
    }
}
