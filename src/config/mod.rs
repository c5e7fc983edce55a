//! Everything that comes from the environment and from flags, typed. Nothing else reads the environment.
//!
//! [`settings`] is what is typed and its help (for callers of a gateway: [`client`]; for `sandbox` and `dev`: [`local`]; for probes: [`probe`]),
//! [`values`] the result, [`read`] the rules (of Corefy: [`upstream`] and [`commerce`]; of risk: [`risk`]), [`report`] collects what is wrong, [`env_file`] reads `.env`, [`secret_files`] secrets in files, [`replaced`] takes those over that changed, [`route`] the variables about the way to
//! Corefy, [`names`] looks at what the variables are called, [`given`] tells the audit log which were set. Tests build [`Config`] by hand.

pub mod client;
mod commerce;
mod database_url;
pub mod env_file;
pub mod given;
pub mod local;
pub mod names;
pub mod operator;
pub mod probe;
mod read;
mod replaced;
mod report;
mod retention;
mod risk;
mod route;
mod rules;
mod sandbox_keys;
pub mod secret_files;
pub mod settings;
mod upstream;
mod values;
mod variables;

pub use commerce::CommerceConfig;
pub use report::SettingsProblems;
pub use route::UpstreamRoute;
pub use upstream::{UpstreamApi, UpstreamConfig};
pub use values::{
    AdminConfig, Config, DatabaseConfig, LogConfig, LogFormat, ProxiedPort, ReconcileConfig, RiskConfig, TlsConfig,
    TraceConfig,
};

/// The name by which this program was called, for the commands that it prints.
pub fn program_name() -> String {
    std::env::args().next().unwrap_or_else(|| "corefy-gateway".to_owned())
}

#[cfg(test)]
mod tests;
