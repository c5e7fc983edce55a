//! Settings of the command that asks a gateway on this machine how it is: those by which its HTTP port is found.

use std::{ffi::OsString, net::SocketAddr};

use clap::Args;

use super::{
    ProxiedPort, SettingsProblems,
    read::{proxy_protocol, trusted_proxies},
    report::SettingsReport,
    values::proxied_by,
};
use crate::domain::proxies::Proxies;

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
    /// Networks of proxies before the gateway, as the gateway has them [default: none]
    #[arg(long, env, value_name = "NETWORKS")]
    gateway_trusted_proxies: Option<String>,
    /// Ports on which the trusted proxies speak the PROXY protocol, as the gateway has them: the header is sent where this machine
    /// counts as one [default: none]
    #[arg(long, env, value_name = "PORTS")]
    gateway_proxy_protocol: Option<String>,
}

/// The HTTP port to ask.
#[derive(Clone, Debug)]
pub struct ProbeConfig {
    /// Where it listens.
    pub http_addr: SocketAddr,
    /// Whether it speaks TLS.
    pub is_encrypted: bool,
    /// The proxies of which it expects the PROXY protocol.
    pub proxied_by: Proxies,
}

impl ProbeSettings {
    /// Reads the settings; the error has everything that is wrong with them.
    pub fn read(&self) -> Result<ProbeConfig, SettingsProblems> {
        let mut report = SettingsReport::default();
        let expected = "an address and a port such as 127.0.0.1:8080";
        let address = report
            .value("GATEWAY_HTTP_ADDR", &self.gateway_http_addr, expected, |text| text.parse::<SocketAddr>().ok());
        let is_encrypted = self.gateway_tls_cert.as_ref().is_some_and(|file| !file.is_empty());
        let proxies = trusted_proxies(&mut report, self.gateway_trusted_proxies.as_deref());
        let ports = proxy_protocol(&mut report, self.gateway_proxy_protocol.as_deref());
        let config = address.zip(proxies).zip(ports).map(|((http_addr, proxies), ports)| ProbeConfig {
            http_addr,
            is_encrypted,
            proxied_by: proxied_by(&proxies, &ports, ProxiedPort::Http),
        });
        report.finish(config)
    }
}
