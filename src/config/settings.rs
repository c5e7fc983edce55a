//! The settings as they are typed: one flag each, of the same name as its variable. Their help is written here.
//!
//! Values are taken as text and read in [`super`], so that everything that is wrong is reported at once and by
//! the variable's name.

use std::ffi::OsString;

use clap::Args;
use secrecy::SecretString;

/// Settings of every command that opens the database.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Database")]
pub struct DatabaseSettings {
    /// Where payments are kept: `sqlite://FILE` (one process only) or `postgres://USER:PASSWORD@HOST/NAME`
    #[arg(long, env, value_name = "URL", default_value = "sqlite://corefy-gateway.db", hide_env_values = true)]
    pub database_url: SecretString,
    /// Connections to the database at most, of each gateway: 1 to 1000. SQLite reads on at most 10 of them, and writes on
    /// one. Beside them are one for reads by id and, on PostgreSQL, one for commits and one that listens for events
    #[arg(long, env, value_name = "NUMBER", default_value = "32")]
    pub gateway_database_connections: String,
}

/// The one secret of the gateway itself.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Secrets")]
pub struct MasterKeySetting {
    /// Key from which the gateway derives what hashes API keys and seals personal data: 32 or more characters, made by
    /// `openssl rand -hex 32`. The same for every process on a database; without it, stored data cannot be read. Required
    #[arg(long, env, value_name = "SECRET", hide_env_values = true)]
    pub gateway_master_key: Option<SecretString>,
    /// Another master key, by which stored data is read as well while the master key is being changed: first the new one, then the one
    /// before
    #[arg(long, env, value_name = "SECRET", hide_env_values = true)]
    pub gateway_master_key_other: Option<SecretString>,
}

/// Settings of the connection to Corefy.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Corefy (give secrets by variable: flags can be seen in the list of processes)")]
pub struct UpstreamSettings {
    /// Which of Corefy's APIs to speak: `intents` or `commerce`
    #[arg(long, env, value_name = "NAME", default_value = "intents")]
    pub corefy_api: String,
    /// Key that is sent with each request to Corefy: 10 or more characters. Required
    #[arg(long, env, value_name = "SECRET", hide_env_values = true)]
    pub corefy_api_key: Option<SecretString>,
    /// Key that signs the requests to Corefy and is never sent: 20 or more characters. Required by `intents`
    #[arg(long, env, value_name = "SECRET", hide_env_values = true)]
    pub corefy_secret_key: Option<SecretString>,
    /// Key that names the merchant to Corefy: 10 or more characters. Required by `intents`
    #[arg(long, env, value_name = "SECRET", hide_env_values = true)]
    pub corefy_client_key: Option<SecretString>,
    /// Scheme and host of Corefy; `http` only on this machine. Required by `commerce`, with the path of the private API, if it
    /// has one [default: `https://api.corefy.com`, in sandbox mode `https://api.sandbox.corefy.com`]
    #[arg(long, env, value_name = "URL")]
    pub corefy_base_url: Option<String>,
    /// Id of the account, `coma_…`. Required by `commerce`
    #[arg(long, env, value_name = "ID")]
    pub corefy_account_id: Option<String>,
    /// Address of the Card Gate in the `commerce` API [default: cards are paid on Corefy's page alone]
    #[arg(long, env, value_name = "URL")]
    pub corefy_card_gate_url: Option<String>,
    /// Address of the public API in `commerce` [default: scheme and host of `COREFY_BASE_URL`]
    #[arg(long, env, value_name = "URL")]
    pub corefy_public_url: Option<String>,
    /// Public key of the account, `pk_live_…` or `pk_test_…`, by which `commerce` tells what can be paid with [default: what
    /// `COREFY_SERVICES` names]
    #[arg(long, env, value_name = "KEY", hide_env_values = true)]
    pub corefy_public_key: Option<SecretString>,
    /// Address of this gateway's webhooks, sent with each payment of `commerce` [default: the one that the account has]
    #[arg(long, env, value_name = "URL")]
    pub corefy_callback_url: Option<String>,
    /// Services of the account by type of payment method, and by currency if need be, separated by commas:
    /// `card:EUR=payment_card_eur_hpp,ideal=ideal_eur_hpp` [default: `payment_card_…_hpp` of the currency for cards]
    #[arg(long, env, value_name = "SERVICES")]
    pub corefy_services: Option<String>,
    /// Secret that Corefy signs its webhooks with: 8 or more characters; in the `commerce` API the secret key, `sk_live_…` or
    /// `sk_test_…`. Without it every webhook is refused, and outcomes are found out by polling alone
    #[arg(long, env, value_name = "SECRET", hide_env_values = true)]
    pub corefy_webhook_secret: Option<SecretString>,
    /// The webhook secret before the last change, accepted beside the present one
    #[arg(long, env, value_name = "SECRET", hide_env_values = true)]
    pub corefy_webhook_secret_previous: Option<SecretString>,
    /// Time for one request to Corefy as a whole, in seconds: 1 to 300
    #[arg(long, env, value_name = "SECONDS", default_value = "30")]
    pub corefy_timeout_seconds: String,
    /// Repetitions of a failed request that is safe to repeat: 0 to 10
    #[arg(long, env, value_name = "NUMBER", default_value = "3")]
    pub corefy_retry_count: String,
    /// Requests to Corefy in any 60 seconds at most, by all gateways on a database together: 1 to 1000000
    #[arg(long, env, value_name = "NUMBER", default_value = "600")]
    pub corefy_rate_limit_per_minute: String,
    /// Send test traffic to Corefy's sandbox: `true` or `false`
    #[arg(long, env, value_name = "BOOL", default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub corefy_sandbox_mode: String,
}

/// Settings of what the gateway offers its callers.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Gateway")]
pub struct GatewaySettings {
    /// Address and port for gRPC
    #[arg(long, env, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:50051")]
    pub gateway_grpc_addr: String,
    /// Address and port for webhooks, health, readiness and metrics
    #[arg(long, env, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub gateway_http_addr: String,
    /// File with the certificate of both ports and those between it and its authority, in PEM. Read again when it
    /// changes, as are the other two [default: no TLS]
    #[arg(long, env, value_name = "FILE")]
    pub gateway_tls_cert: Option<OsString>,
    /// File with the key of that certificate, in PEM
    #[arg(long, env, value_name = "FILE")]
    pub gateway_tls_key: Option<OsString>,
    /// File with the authorities of callers, in PEM: on the gRPC port, each then needs a certificate of one of them
    /// [default: callers need none]
    #[arg(long, env, value_name = "FILE")]
    pub gateway_tls_client_ca: Option<OsString>,
    /// Allow addresses that other machines can reach, without a certificate: `true` or `false`. For use behind a proxy
    /// that terminates TLS
    #[arg(long, env, value_name = "BOOL", default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub gateway_insecure: String,
    /// Connections at one time, on each port: 1 to 100000. One address may have half of them, and a quarter before
    /// a key on them has been accepted
    #[arg(long, env, value_name = "NUMBER", default_value = "1000")]
    pub gateway_max_connections: String,
    /// Networks of proxies before the gateway, as CIDR separated by commas: their addresses may have any share of the
    /// connections, and `X-Forwarded-For` of theirs names the caller [default: none]
    #[arg(long, env, value_name = "NETWORKS")]
    pub gateway_trusted_proxies: Option<String>,
    /// Ports on which the trusted proxies speak the PROXY protocol, version 2, separated by commas: `grpc`, `http`
    /// [default: none]
    #[arg(long, env, value_name = "PORTS")]
    pub gateway_proxy_protocol: Option<String>,
    /// Calls a minute of each API key, on each gateway: 0 to 1000000; 0 is any number
    #[arg(long, env, value_name = "NUMBER", default_value = "6000")]
    pub gateway_key_rate_per_minute: String,
    /// Open streams of events of each API key, on each gateway: 0 to 100000; 0 is any number
    #[arg(long, env, value_name = "NUMBER", default_value = "100")]
    pub gateway_key_streams: String,
    /// Origins of the web pages that may call by grpc-web, separated by commas: `https://shop.example`, or
    /// `https://*.shop.example` for all below it [default: none]
    #[arg(long, env, value_name = "ORIGINS")]
    pub gateway_web_origins: Option<String>,
    /// Currencies to accept, as ISO 4217 codes separated by commas [default: all]
    #[arg(long, env, value_name = "CODES")]
    pub gateway_currencies: Option<String>,
    /// Largest amounts of payments, in major units, by currency, separated by commas: `USD:5000,VND:50000000000` [default: each
    /// currency's power of ten that is worth a million US dollars or a little more]
    #[arg(long, env, value_name = "LIMITS")]
    pub gateway_amount_limits: Option<String>,
    /// Schemes of apps that return_url and failure_url may have, beside http and https, separated by commas: `myapp` for
    /// `myapp://paid` [default: none]
    #[arg(long, env, value_name = "SCHEMES")]
    pub gateway_return_url_schemes: Option<String>,
    /// Take card numbers: `true` or `false`. Without them payers give their cards to Corefy's page alone, or pay by saved
    /// methods
    #[arg(long, env, value_name = "BOOL", default_value = "true")]
    pub gateway_raw_cards: String,
    /// Networks that webhooks may come from, as CIDR separated by commas: `203.0.113.0/24,2001:db8::/32`
    /// [default: any]
    #[arg(long, env, value_name = "NETWORKS")]
    pub gateway_webhook_allow_cidrs: Option<String>,
    /// Time for running calls to end at shutdown, in seconds: 0 to 600
    #[arg(long, env, value_name = "SECONDS", default_value = "30")]
    pub gateway_drain_seconds: String,
}

/// Settings of what is deleted in time.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Retention")]
pub struct RetentionSettings {
    /// Days after which calls to Corefy are deleted from their log: 1 to 3650
    #[arg(long, env, value_name = "DAYS", default_value = "30")]
    pub gateway_api_call_retention_days: String,
    /// Days after which finished operations are pruned, and with them idempotency keys and frozen answers: 30 to 3650
    #[arg(long, env, value_name = "DAYS", default_value = "90")]
    pub gateway_operation_retention_days: String,
    /// Days after which processed webhooks are deleted: 7 to 3650
    #[arg(long, env, value_name = "DAYS", default_value = "90")]
    pub gateway_webhook_retention_days: String,
    /// Days after which events are deleted: 30 to 3650
    #[arg(long, env, value_name = "DAYS", default_value = "400")]
    pub gateway_event_retention_days: String,
    /// Days after which decisions about risk are deleted, with their outcomes: 30 to 3650
    #[arg(long, env, value_name = "DAYS", default_value = "400")]
    pub gateway_risk_decision_retention_days: String,
    /// Days after the last movement of money in which payments keep what tells of the payer: 120 to 3650
    #[arg(long, env, value_name = "DAYS", default_value = "540")]
    pub gateway_payer_data_retention_days: String,
    /// Days after which entries of the audit log are deleted: 365 to 3650
    #[arg(long, env, value_name = "DAYS", default_value = "400")]
    pub gateway_audit_retention_days: String,
}

/// Settings of risk: whether attempts are screened, and the files that rules know more from than the attempt itself.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Risk (files are read again when they change)")]
pub struct RiskSettings {
    /// Screen attempts to pay for fraud before anything is sent: `true` or `false`
    #[arg(long, env, value_name = "BOOL", default_value = "true")]
    pub gateway_risk_screening: String,
    /// File with what is known of BINs: CSV with the columns bin (6 to 8 digits), country, funding and issuer [default: none]
    #[arg(long, env, value_name = "FILE")]
    pub gateway_risk_bin_table: Option<OsString>,
    /// Files with what is known of IP addresses, separated by commas: MMDB with countries, autonomous systems or both
    /// [default: none]
    #[arg(long, env, value_name = "FILES")]
    pub gateway_risk_ip_database: Option<String>,
    /// File with the domains that give disposable email addresses, one a line [default: none]
    #[arg(long, env, value_name = "FILE")]
    pub gateway_risk_disposable_domains: Option<OsString>,
    /// Worth of one unit of each currency in the base currency, which comes first and is worth 1, separated by commas:
    /// `USD=1,EUR=1.08`. For rules alone, never for payments [default: no base currency]
    #[arg(long, env, value_name = "RATES")]
    pub gateway_risk_rates: Option<String>,
}

/// Settings of the log.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Log")]
pub struct LogSettings {
    /// Log level (`off`, `error`, `warn`, `info`, `debug`, `trace`), or levels by module: `info,corefy_gateway=debug`.
    /// Modules that are not named log errors
    #[arg(long, env, value_name = "FILTER", default_value = "info")]
    pub gateway_log: String,
    /// Form of the log: `text` or `json`
    #[arg(long, env, value_name = "FORM", default_value = "text")]
    pub gateway_log_format: String,
}

/// Settings of traces.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Traces")]
pub struct TraceSettings {
    /// Scheme, host and port of a collector of traces that takes OTLP over gRPC: `http://127.0.0.1:4317` [default: no
    /// traces are exported]
    #[arg(long, env, value_name = "URL")]
    pub otel_exporter_otlp_endpoint: Option<String>,
    /// Name of this service in its traces
    #[arg(long, env, value_name = "NAME", default_value = "corefy-gateway")]
    pub otel_service_name: String,
}

/// Settings of `serve`: all of them.
#[derive(Args, Clone, Debug)]
pub struct ServeSettings {
    #[command(flatten)]
    pub(super) upstream: UpstreamSettings,
    #[command(flatten)]
    pub(super) gateway: GatewaySettings,
    #[command(flatten)]
    pub(super) retention: RetentionSettings,
    #[command(flatten)]
    pub(super) risk: RiskSettings,
    #[command(flatten)]
    pub(super) database: DatabaseSettings,
    #[command(flatten)]
    pub(super) master_key: MasterKeySetting,
    #[command(flatten)]
    pub(super) log: LogSettings,
    #[command(flatten)]
    pub(super) traces: TraceSettings,
}

/// Settings of `migrate`.
#[derive(Args, Clone, Debug)]
pub struct MigrateSettings {
    #[command(flatten)]
    pub(super) database: DatabaseSettings,
}

/// Settings of `reconcile`: those of Corefy are needed where it is asked.
#[derive(Args, Clone, Debug)]
pub struct ReconcileSettings {
    #[command(flatten)]
    pub(super) upstream: UpstreamSettings,
    #[command(flatten)]
    pub(super) database: DatabaseSettings,
    #[command(flatten)]
    pub(super) master_key: MasterKeySetting,
}

/// Settings of the commands that work on the database alone: `keys`, `webhooks`, `operations`,
/// `calls`, `timeline`.
#[derive(Args, Clone, Debug)]
pub struct AdminSettings {
    #[command(flatten)]
    pub(super) database: DatabaseSettings,
    #[command(flatten)]
    pub(super) master_key: MasterKeySetting,
}
