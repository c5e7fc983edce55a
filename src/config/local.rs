//! Settings of the commands that serve no real money: `sandbox` and `dev`.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::domain::{amount_limits::AmountLimits, key_pair::KeyPair, master_key::MasterKey, retention::Retention};

pub use super::sandbox_keys::{CommerceKeys, SandboxKeys};
use super::{
    CommerceConfig, Config, DatabaseConfig, LogConfig, RiskConfig, SettingsProblems, UpstreamApi, UpstreamConfig,
    UpstreamRoute,
    read::{days, return_url_schemes, web_origins},
    report::SettingsReport,
    rules::{API_KEY_LENGTH, CLIENT_KEY_LENGTH, SECRET_KEY_LENGTH, WEBHOOK_SECRET_LENGTH},
    settings::LogSettings,
    upstream::ApiName,
};

/// The setting that opens the ports of `dev` and `sandbox` to other machines.
const REMOTE: &str = "GATEWAY_DEV_REMOTE";
/// Seals the database of `dev`, which holds nothing real.
const DEV_MASTER_KEY: &str = "the-master-key-of-dev-which-holds-nothing-real";

/// Settings of `sandbox`.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Sandbox")]
pub struct SandboxSettings {
    /// Address and port of the sandbox
    #[arg(long, env, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8090")]
    gateway_sandbox_addr: String,
    /// Open the address to other machines, who need no key to control the sandbox: `true` or `false`
    #[arg(long, env, value_name = "BOOL", default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    gateway_dev_remote: String,
    /// Where a payer's browser reaches the sandbox [default: its address]
    #[arg(long, env, value_name = "URL")]
    gateway_sandbox_public_url: Option<String>,
    /// Where the sandbox sends its webhooks [default: nowhere]
    #[arg(long, env, value_name = "URL")]
    gateway_sandbox_webhook_url: Option<String>,
    /// File in which the sandbox keeps its memory, to go on with it after a restart [default: it forgets everything]
    #[arg(long, env, value_name = "FILE")]
    gateway_sandbox_memory: Option<PathBuf>,
    #[command(flatten)]
    seed: SeedSetting,
    /// Key that requests must bring [default: sandbox-api-key]
    #[arg(long, env, value_name = "SECRET", hide_env_values = true)]
    corefy_api_key: Option<SecretString>,
    /// Key that requests must be signed with [default: sandbox-secret-key-0123456789]
    #[arg(long, env, value_name = "SECRET", hide_env_values = true)]
    corefy_secret_key: Option<SecretString>,
    /// Client key that requests must bring [default: sandbox-client-key]
    #[arg(long, env, value_name = "SECRET", hide_env_values = true)]
    corefy_client_key: Option<SecretString>,
    /// Secret that webhooks are signed with [default: sandbox-webhook-secret]
    #[arg(long, env, value_name = "SECRET", hide_env_values = true)]
    corefy_webhook_secret: Option<SecretString>,
    #[command(flatten)]
    log: LogSettings,
}

/// The setting of what a sandbox begins with.
#[derive(Args, Clone, Debug)]
pub struct SeedSetting {
    /// File with the memory that the sandbox begins with while none is kept; it is never written [default: nothing]
    #[arg(long, env, value_name = "FILE")]
    gateway_sandbox_seed: Option<PathBuf>,
}

/// The configuration of `sandbox`.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The keys of the merchant that it serves.
    pub keys: SandboxKeys,
    /// Where webhooks go.
    pub webhook_url: Option<Url>,
    /// Where a payer's browser reaches it, if not at its address.
    pub public_url: Option<Url>,
    /// The file in which it keeps its memory.
    pub memory: Option<PathBuf>,
    /// The file with the memory that it begins with.
    pub seed: Option<PathBuf>,
    /// The level and the format of the log.
    pub log: LogConfig,
}

impl SandboxSettings {
    /// Reads the settings; the error has everything that is wrong with them.
    pub fn read(&self) -> Result<SandboxConfig, SettingsProblems> {
        let mut report = SettingsReport::default();
        let remote = report.truth(REMOTE, &self.gateway_dev_remote).unwrap_or_default();
        let addr = address(&mut report, "GATEWAY_SANDBOX_ADDR", &self.gateway_sandbox_addr, remote);
        let webhook_url = link(&mut report, "GATEWAY_SANDBOX_WEBHOOK_URL", self.gateway_sandbox_webhook_url.as_deref());
        let public_url = link(&mut report, "GATEWAY_SANDBOX_PUBLIC_URL", self.gateway_sandbox_public_url.as_deref());
        let log = self.log.read(&mut report);
        let keys = self.keys(&mut report);
        let config = addr.zip(webhook_url.zip(public_url)).zip(log).zip(keys);
        report.finish(config.map(|(((addr, (webhook_url, public_url)), log), keys)| SandboxConfig {
            addr,
            keys,
            webhook_url,
            public_url,
            memory: self.gateway_sandbox_memory.clone(),
            seed: self.seed.gateway_sandbox_seed.clone(),
            log,
        }))
    }

    /// The keys, by the rules of a gateway, which has to share them.
    fn keys(&self, report: &mut SettingsReport) -> Option<SandboxKeys> {
        let keys = SandboxKeys::default();
        let mut read = |variable, secret, length, default| {
            report.optional_secret(variable, secret, length).map(|given| given.unwrap_or(default))
        };
        let api_key = read("COREFY_API_KEY", &self.corefy_api_key, API_KEY_LENGTH, keys.api_key);
        let secret_key = read("COREFY_SECRET_KEY", &self.corefy_secret_key, SECRET_KEY_LENGTH, keys.secret_key);
        let client_key = read("COREFY_CLIENT_KEY", &self.corefy_client_key, CLIENT_KEY_LENGTH, keys.client_key);
        let webhook_secret =
            read("COREFY_WEBHOOK_SECRET", &self.corefy_webhook_secret, WEBHOOK_SECRET_LENGTH, keys.webhook_secret);
        Some(SandboxKeys {
            api_key: api_key?,
            secret_key: secret_key?,
            client_key: client_key?,
            webhook_secret: webhook_secret?,
            commerce: keys.commerce,
        })
    }
}

/// Settings of `dev`.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Dev")]
pub struct DevSettings {
    /// Which of Corefy's APIs to speak to the sandbox: `intents` or `commerce`
    #[arg(long, env, value_name = "NAME", default_value = "intents")]
    corefy_api: String,
    /// Address and port for gRPC
    #[arg(long, env, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:50051")]
    gateway_grpc_addr: String,
    /// Address and port for webhooks, health, readiness and metrics
    #[arg(long, env, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    gateway_http_addr: String,
    /// Address and port of the sandbox
    #[arg(long, env, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8090")]
    gateway_sandbox_addr: String,
    /// Open the addresses to other machines, who need no key to control the sandbox: `true` or `false`
    #[arg(long, env, value_name = "BOOL", default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    gateway_dev_remote: String,
    /// Where a payer's browser reaches the sandbox [default: its address]
    #[arg(long, env, value_name = "URL")]
    gateway_sandbox_public_url: Option<String>,
    /// Directory for the database, the API key, and the sandbox's memory
    #[arg(long, env, value_name = "DIRECTORY", default_value = "target/dev")]
    gateway_dev_dir: PathBuf,
    /// Go on with the database and the sandbox's memory of the run before: `true`, or `false` to begin anew
    #[arg(long, env, value_name = "BOOL", default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    gateway_dev_keep: String,
    #[command(flatten)]
    seed: SeedSetting,
    /// API key that callers use, `pk_…:sk_…` [default: a new one]
    #[arg(long, env, value_name = "SECRET", hide_env_values = true)]
    gateway_dev_api_key: Option<SecretString>,
    /// Origins of the web pages that may call by grpc-web, separated by commas: `https://shop.example`, or
    /// `https://*.shop.example` for all below it [default: none]
    #[arg(long, env, value_name = "ORIGINS")]
    gateway_web_origins: Option<String>,
    /// Schemes of apps that return_url and failure_url may have, beside http and https, separated by commas: `myapp` for
    /// `myapp://paid` [default: none]
    #[arg(long, env, value_name = "SCHEMES")]
    gateway_return_url_schemes: Option<String>,
    #[command(flatten)]
    log: LogSettings,
}

/// The configuration of `dev`.
#[derive(Clone, Debug)]
pub struct DevConfig {
    /// Where the sandbox listens.
    pub sandbox_addr: SocketAddr,
    /// The keys that sandbox and gateway share.
    pub keys: SandboxKeys,
    /// For the database, the API key and the sandbox's memory.
    pub dir: PathBuf,
    /// Whether what the run before has left there is taken up, and what this one knows is kept.
    pub keep: bool,
    /// The file with the memory that the sandbox begins with.
    pub seed: Option<PathBuf>,
    /// The key of callers; `None`: a new one is made.
    pub api_key: Option<SecretString>,
    /// Where a payer's browser reaches the sandbox, if not at its address.
    pub public_url: Option<Url>,
    api: ApiName,
    grpc_addr: SocketAddr,
    http_addr: SocketAddr,
    web_origins: Vec<String>,
    return_url_schemes: Vec<String>,
    /// The level and the format of the log.
    pub log: LogConfig,
}

impl DevSettings {
    /// Reads the settings; the error has everything that is wrong with them.
    pub fn read(&self) -> Result<DevConfig, SettingsProblems> {
        let mut report = SettingsReport::default();
        let remote = report.truth(REMOTE, &self.gateway_dev_remote);
        let keep = report.truth("GATEWAY_DEV_KEEP", &self.gateway_dev_keep);
        let api_key = self.api_key(&mut report);
        let public_url = link(&mut report, "GATEWAY_SANDBOX_PUBLIC_URL", self.gateway_sandbox_public_url.as_deref());
        let mut own = |variable, text| address(&mut report, variable, text, remote.unwrap_or_default());
        let grpc = own("GATEWAY_GRPC_ADDR", &self.gateway_grpc_addr);
        let http = own("GATEWAY_HTTP_ADDR", &self.gateway_http_addr);
        let sandbox = own("GATEWAY_SANDBOX_ADDR", &self.gateway_sandbox_addr);
        let log = self.log.read(&mut report);
        let origins = web_origins(&mut report, self.gateway_web_origins.as_deref());
        let schemes = return_url_schemes(&mut report, self.gateway_return_url_schemes.as_deref());
        let api = ApiName::read(&self.corefy_api, &mut report);
        let made = || {
            Some(DevConfig {
                sandbox_addr: sandbox?,
                keys: SandboxKeys::default(),
                dir: self.gateway_dev_dir.clone(),
                keep: keep?,
                seed: self.seed.gateway_sandbox_seed.clone(),
                api_key: api_key?,
                public_url: public_url?,
                api: api?,
                grpc_addr: grpc?,
                http_addr: http?,
                web_origins: origins?,
                return_url_schemes: schemes?,
                log: log?,
            })
        };
        let made = made();
        report.finish(made)
    }

    /// The key of callers, by the form that every key has.
    fn api_key(&self, report: &mut SettingsReport) -> Option<Option<SecretString>> {
        let variable = "GATEWAY_DEV_API_KEY";
        let given = report.optional_secret(variable, &self.gateway_dev_api_key, 1)?;
        if given.as_ref().is_some_and(|key| KeyPair::parse(key.expose_secret()).is_none()) {
            return report.wrong(variable, "must be a whole key, pk_…:sk_…, as dev or `keys create` has printed one");
        }
        Some(given)
    }
}

impl DevConfig {
    /// The name of Corefy's API that gateway and sandbox speak, as it is set.
    pub fn api_name(&self) -> &'static str {
        match self.api {
            ApiName::Intents => "intents",
            ApiName::Commerce => "commerce",
        }
    }

    /// The settings by which other commands open the database of `gateway`, as lines for a shell.
    pub fn environment(&self, gateway: &Config) -> io::Result<SecretString> {
        let url = sqlite_url(&std::path::absolute(self.dir.join("gateway.db"))?);
        let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
        let master_key = quoted(gateway.master_keys.current.text().expose_secret());
        Ok(format!("export DATABASE_URL={} GATEWAY_MASTER_KEY={master_key}\n", quoted(&url)).into())
    }

    /// The settings of a gateway that speaks to the sandbox at `sandbox` and keeps its state in SQLite.
    pub fn gateway(&self, sandbox: Url) -> Config {
        Config {
            upstream: match self.api {
                ApiName::Intents => sandbox_upstream(&self.keys, sandbox),
                ApiName::Commerce => sandbox_commerce(&self.keys, sandbox),
            },
            database: DatabaseConfig { url: sqlite_url(&self.dir.join("gateway.db")).into(), connections: 10 },
            master_keys: MasterKey::new(DEV_MASTER_KEY.into()).into(),
            grpc_addr: self.grpc_addr,
            http_addr: self.http_addr,
            tls: None,
            max_connections: 100,
            trusted_proxies: Vec::new(),
            proxy_protocol: Vec::new(),
            key_rate_per_minute: None,
            streams_per_key: None,
            web_origins: self.web_origins.clone(),
            currencies: Vec::new(),
            amount_limits: AmountLimits::default(),
            return_url_schemes: self.return_url_schemes.clone(),
            raw_cards: true,
            webhook_allow: Vec::new(),
            risk: RiskConfig::default(),
            retention: Retention { api_calls: days(1), operations: days(30), ..Retention::default() },
            drain: Duration::from_secs(5),
            log: self.log.clone(),
            traces: None,
        }
    }
}

/// The URL of an SQLite file, in which only what would end the path has to be encoded.
fn sqlite_url(path: &Path) -> String {
    format!("sqlite://{}", path.display().to_string().replace('%', "%25").replace('?', "%3F"))
}

/// The settings of a connection to the sandbox at `base_url`.
pub fn sandbox_upstream(keys: &SandboxKeys, base_url: Url) -> UpstreamConfig {
    UpstreamConfig {
        api: UpstreamApi::Intents { secret_key: keys.secret_key.clone(), client_key: keys.client_key.clone() },
        api_key: keys.api_key.clone(),
        base_url,
        // This machine is never called by a proxy.
        route: UpstreamRoute::default(),
        webhook_secret: Some(keys.webhook_secret.clone()),
        webhook_secret_previous: None,
        timeout: Duration::from_secs(10),
        retry_count: 3,
        rate_limit_per_minute: NonZeroU32::new(600).expect("600 is not zero"),
        sandbox_mode: true,
    }
}

/// The same in the `commerce` API; all hosts of it are the sandbox.
pub fn sandbox_commerce(keys: &SandboxKeys, base_url: Url) -> UpstreamConfig {
    let CommerceKeys { account_id, api_key, secret_key, public_key } = &keys.commerce;
    let api = CommerceConfig {
        account_id: account_id.clone(),
        card_gate_url: Some(base_url.clone()),
        public_url: None,
        public_key: Some(public_key.clone()),
        callback_url: None,
        services: BTreeMap::new(),
    };
    UpstreamConfig {
        api: UpstreamApi::Commerce(Box::new(api)),
        api_key: api_key.clone(),
        webhook_secret: Some(secret_key.clone()),
        ..sandbox_upstream(keys, base_url)
    }
}

/// An address that only this machine reaches, unless it may be reached by others.
fn address(report: &mut SettingsReport, variable: &str, text: &str, remote: bool) -> Option<SocketAddr> {
    let expected = match remote {
        true => "an address and port such as 0.0.0.0:50051",
        false => "an address and port of this machine such as 127.0.0.1:50051, unless GATEWAY_DEV_REMOTE=true",
    };
    report.value(variable, text, expected, |text| {
        text.parse::<SocketAddr>().ok().filter(|address| remote || address.ip().to_canonical().is_loopback())
    })
}

/// A link that may be given: the inner `None` when it is not.
fn link(report: &mut SettingsReport, variable: &str, text: Option<&str>) -> Option<Option<Url>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Some(None) };
    report.value(variable, text, "an http or https URL", |text| {
        Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme())).map(Some)
    })
}
