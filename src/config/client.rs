//! Settings of the commands that call a running gateway.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::Problems;
use super::report::{Report, given};
use crate::domain::key_pair::KeyPair;

/// Which gateway to call, and as whom.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Gateway to call")]
pub struct ClientSettings {
    /// The gateway's gRPC address
    #[arg(long, env = "GATEWAY_TARGET", value_name = "URL", default_value = "http://127.0.0.1:50051")]
    target: String,
    /// API key, `pk_…:sk_…`. Without it, the file is read
    #[arg(long, env = "GATEWAY_API_KEY", value_name = "KEY", hide_env_values = true)]
    api_key: Option<SecretString>,
    /// File that holds the API key; `make dev` writes it
    #[arg(long, env = "GATEWAY_API_KEY_FILE", value_name = "FILE", default_value = "target/dev/api-key")]
    api_key_file: PathBuf,
}

/// Which gateway to call, and as whom.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// `http://host:port`.
    pub target: Url,
    /// `pk_…:sk_…`.
    pub api_key: SecretString,
}

impl ClientSettings {
    /// Reads the settings and, when need be, the file; the error has everything that is wrong.
    pub fn read(&self) -> Result<ClientConfig, Problems> {
        let mut report = Report::default();
        let target = report.value("GATEWAY_TARGET", &self.target, "a URL such as http://127.0.0.1:50051", |text| {
            Url::parse(text).ok().filter(|url| url.scheme() == "http" && url.has_host())
        });
        let api_key = self.api_key(&mut report);
        report.finish(target.zip(api_key).map(|(target, api_key)| ClientConfig { target, api_key }))
    }

    fn api_key(&self, report: &mut Report) -> Option<SecretString> {
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
