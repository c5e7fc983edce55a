//! Settings of the command that asks a gateway on this machine how it is: those by which its HTTP port is found.

use std::{ffi::OsString, net::SocketAddr};

use clap::Args;

use super::{SettingsProblems, report::SettingsReport};

/// The HTTP port to ask.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Gateway to ask")]
pub struct ProbeSettings {
    /// Address and port for webhooks, health, readiness and metrics, as the gateway has it
    #[arg(long, env, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    gateway_http_addr: String,
    /// File with the certificate of the gateway's ports, as the gateway has it: it is not read, but says that the port speaks TLS
    /// [default: no TLS]
    #[arg(long, env, value_name = "FILE")]
    gateway_tls_cert: Option<OsString>,
}

/// The HTTP port to ask.
#[derive(Clone, Copy, Debug)]
pub struct ProbeConfig {
    /// Where it listens.
    pub http_addr: SocketAddr,
    /// Whether it speaks TLS.
    pub is_encrypted: bool,
}

impl ProbeSettings {
    /// Reads the settings; the error has everything that is wrong with them.
    pub fn read(&self) -> Result<ProbeConfig, SettingsProblems> {
        let mut report = SettingsReport::default();
        let expected = "an address and a port such as 127.0.0.1:8080";
        let address = report
            .value("GATEWAY_HTTP_ADDR", &self.gateway_http_addr, expected, |text| text.parse::<SocketAddr>().ok());
        let is_encrypted = self.gateway_tls_cert.as_ref().is_some_and(|file| !file.is_empty());
        report.finish(address.map(|http_addr| ProbeConfig { http_addr, is_encrypted }))
    }
}
