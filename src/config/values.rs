//! The settings as the gateway gets them: typed, and right as far as that can be said without a network.

use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf, time::Duration};

use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

use super::upstream::UpstreamConfig;
use crate::domain::{
    amount_limits::AmountLimits, master_key::MasterKeys, money::Currency, proxies::Proxies, retention::Retention,
    risk::rates::Rates,
};

/// The configuration of `serve`. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where Corefy is, and how to speak to it.
    pub upstream: UpstreamConfig,
    /// Where payments are kept.
    pub database: DatabaseConfig,
    /// At least 32 characters. Never used themselves: keys are derived from them.
    pub master_keys: MasterKeys,
    /// Where gRPC listens.
    pub grpc_addr: SocketAddr,
    /// Where webhooks, health, readiness and metrics listen.
    pub http_addr: SocketAddr,
    /// Certificates of both ports; without them they speak plainly.
    pub tls: Option<TlsConfig>,
    /// Connections at one time, of each port.
    pub max_connections: u32,
    /// The networks of proxies: their addresses stand for many callers each, and what they say about callers is
    /// trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// The ports on which those proxies speak the PROXY protocol.
    pub proxy_protocol: Vec<ProxiedPort>,
    /// Calls a minute of each key; `None`: any number.
    pub key_rate_per_minute: Option<NonZeroU32>,
    /// Open streams of events of each key; `None`: any number.
    pub streams_per_key: Option<NonZeroU32>,
    /// The origins of the pages that may call by grpc-web, such as `https://shop.example`.
    pub web_origins: Vec<String>,
    /// The currencies that are accepted; empty: all of ISO 4217.
    pub currencies: Vec<Currency>,
    /// The largest amounts of payments.
    pub amount_limits: AmountLimits,
    /// Schemes of apps that payers may be sent back to, beside http and https.
    pub return_url_schemes: Vec<String>,
    /// Whether card numbers are taken.
    pub raw_cards: bool,
    /// The networks that webhooks may come from; empty: any.
    pub webhook_allow: Vec<IpNet>,
    /// Whether attempts are screened, and what rules know beside the attempt itself.
    pub risk: RiskConfig,
    /// How long each kind of data is kept that is deleted in time.
    pub retention: Retention,
    /// How long calls under way may take to end at shutdown.
    pub drain: Duration,
    /// The level and the format of the log.
    pub log: LogConfig,
    /// Where traces go; `None`: nowhere.
    pub traces: Option<TraceConfig>,
}

impl Config {
    /// The proxies that speak the PROXY protocol on this port.
    pub fn proxied_by(&self, port: ProxiedPort) -> Proxies {
        proxied_by(&self.trusted_proxies, &self.proxy_protocol, port)
    }
}

/// The proxies that speak it on this port: all of these networks, or none.
pub(super) fn proxied_by(networks: &[IpNet], ports: &[ProxiedPort], port: ProxiedPort) -> Proxies {
    if ports.contains(&port) { Proxies::new(networks.to_vec()) } else { Proxies::default() }
}

/// A port on which proxies may speak the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxiedPort {
    /// The gRPC port.
    Grpc,
    /// The HTTP port.
    Http,
}

impl ProxiedPort {
    /// Reads `grpc` or `http`.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "grpc" => Some(Self::Grpc),
            "http" => Some(Self::Http),
            _ => None,
        }
    }
}

/// Whether attempts are screened, and what rules know beside the attempt itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RiskConfig {
    /// Whether attempts to pay are screened for fraud.
    pub screening: bool,
    /// CSV with BINs.
    pub bin_table: Option<PathBuf>,
    /// MMDB files with IP addresses.
    pub ip_databases: Vec<PathBuf>,
    /// Domains that give disposable email addresses.
    pub disposable_domains: Option<PathBuf>,
    /// Rates to the base currency.
    pub rates: Rates,
}

impl Default for RiskConfig {
    /// Screens, and knows nothing more.
    fn default() -> Self {
        Self {
            screening: true,
            bin_table: None,
            ip_databases: Vec::new(),
            disposable_domains: None,
            rates: Rates::default(),
        }
    }
}

/// Where traces go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceConfig {
    /// Scheme, host and port of a collector that takes OTLP over gRPC.
    pub endpoint: Url,
    /// The name of this service in the collector.
    pub service_name: String,
}

/// The files with the certificates of the ports, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// The gateway's certificate and those between it and its authority.
    pub certificate: PathBuf,
    /// The certificate's key.
    pub key: PathBuf,
    /// The authorities of callers' certificates, which are then required.
    pub client_ca: Option<PathBuf>,
}

/// The configuration of the commands that use only the database.
#[derive(Clone, Debug)]
pub struct AdminConfig {
    /// Where keys, payments and the log of calls are kept.
    pub database: DatabaseConfig,
    /// The same as those of `serve`.
    pub master_keys: MasterKeys,
}

/// The configuration of the command that compares the books.
#[derive(Clone, Debug)]
pub struct ReconcileConfig {
    /// Where payments are kept.
    pub database: DatabaseConfig,
    /// The same as those of `serve`.
    pub master_keys: MasterKeys,
    /// Corefy, where it is asked.
    pub upstream: Option<UpstreamConfig>,
}

/// Where payments are kept.
#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    /// `sqlite://…` or `postgres://…`; may hold a password.
    pub url: SecretString,
    /// How many connections at most.
    pub connections: u32,
}

/// The level and the format of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// Directives of `tracing_subscriber::EnvFilter`, checked.
    pub filter: String,
    /// How a line looks.
    pub format: LogFormat,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
