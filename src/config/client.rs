//! Settings of the commands that call a running gateway.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::SettingsProblems;
use super::report::{SettingsReport, given};
use crate::domain::key_pair::KeyPair;

/// The gateway to call, and the key to call it with.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Gateway to call")]
pub struct ClientSettings {
    /// The gateway's gRPC address; `https` when it speaks TLS
    #[arg(long, env = "GATEWAY_TARGET", value_name = "URL", default_value = "http://127.0.0.1:50051")]
    target: String,
    /// File with the authorities that may have signed the gateway's certificate, in PEM [default: those of the system]
    #[arg(long, env = "GATEWAY_TARGET_CA", value_name = "FILE")]
    target_ca: Option<PathBuf>,
    /// Name that the gateway's certificate must have [default: the host of the address]
    #[arg(long, env = "GATEWAY_TARGET_NAME", value_name = "NAME")]
    target_name: Option<String>,
    /// API key, `pk_…:sk_…`. Without it, the file is read
    #[arg(long, env = "GATEWAY_API_KEY", value_name = "KEY", hide_env_values = true)]
    api_key: Option<SecretString>,
    /// File that holds the API key; `make dev` writes it
    #[arg(long, env = "GATEWAY_API_KEY_FILE", value_name = "FILE", default_value = "target/dev/api-key")]
    api_key_file: PathBuf,
}

/// The gateway to call, and the key to call it with.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// `http://host:port` or `https://host:port`.
    pub target: Url,
    /// The certificates to trust, when the gateway speaks TLS.
    pub trust: Option<Trust>,
    /// `pk_…:sk_…`.
    pub api_key: SecretString,
}

/// The certificates to trust.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// The authorities, in PEM; `None`: those of the system.
    pub authorities: Option<String>,
    /// The name in the certificate; `None`: the host of the address.
    pub name: Option<String>,
}

impl ClientSettings {
    /// Reads the settings and, when need be, the file; the error has everything that is wrong.
    pub fn read(&self) -> Result<ClientConfig, SettingsProblems> {
        let mut report = SettingsReport::default();
        let target = report.value("GATEWAY_TARGET", &self.target, "a URL such as http://127.0.0.1:50051", |text| {
            Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
        });
        let is_encrypted = target.as_ref().is_none_or(|target| target.scheme() == "https");
        let trust = self.trust(is_encrypted, &mut report);
        let api_key = self.api_key(&mut report);
        let config = target.zip(trust).zip(api_key);
        report.finish(config.map(|((target, trust), api_key)| ClientConfig { target, trust, api_key }))
    }

    /// The certificates to trust: the inner `None` where nothing is encrypted.
    fn trust(&self, is_encrypted: bool, report: &mut SettingsReport) -> Option<Option<Trust>> {
        if is_encrypted {
            let authorities = match &self.target_ca {
                Some(file) => match fs::read_to_string(file) {
                    Ok(text) => Some(text),
                    Err(error) => {
                        return report.wrong("GATEWAY_TARGET_CA", format_args!("{}: {error}", file.display()));
                    }
                },
                None => None,
            };
            return Some(Some(Trust { authorities, name: self.target_name.clone() }));
        }
        for (variable, is_given) in
            [("GATEWAY_TARGET_CA", self.target_ca.is_some()), ("GATEWAY_TARGET_NAME", self.target_name.is_some())]
        {
            if is_given {
                return report.wrong(variable, "must not be set when GATEWAY_TARGET begins with http://");
            }
        }
        Some(None)
    }

    fn api_key(&self, report: &mut SettingsReport) -> Option<SecretString> {
        let Some(key) = given(&self.api_key).or_else(|| self.key_in_file()) else {
            let file = self.api_key_file.display();
            let advice = "start the gateway by `make dev`, or give a key of your own";
            return report.wrong("GATEWAY_API_KEY", format_args!("is missing, and {file} cannot be read; {advice}"));
        };
        if KeyPair::parse(key.expose_secret()).is_none() {
            return report
                .wrong("GATEWAY_API_KEY", "must be a whole key, pk_…:sk_…; this one has a typo or is cut off");
        }
        Some(key)
    }

    fn key_in_file(&self) -> Option<SecretString> {
        fs::read_to_string(&self.api_key_file).ok().map(|text| text.trim().into())
    }
}
