//! Checks Corefy and our own ports.

use std::{io::ErrorKind, time::Duration};

use tokio::net::TcpListener;

use super::{account, database::skew, findings::Findings};
use crate::{
    config::{Config, ProxiedPort},
    domain::environment::Environment,
    port::probe,
    server::{Harness, upstream},
    telemetry::Telemetry,
};

/// Requests to Corefy carry the time: a server whose clock differs by more may refuse them.
const MOST_SKEW: Duration = Duration::from_secs(30);

/// Makes one authenticated call to Corefy.
pub(super) async fn check_upstream(config: &Config, environment: &Environment, findings: &mut Findings) {
    const SUBJECT: &str = "Corefy";
    config.upstream.route.notes.iter().for_each(|note| findings.passed("route", note));
    let harness = Harness { environment: environment.clone(), ..Harness::default() };
    let upstream = match upstream(&config.upstream, &harness, Telemetry::default(), None) {
        Ok(client) => client.upstream,
        Err(error) => return findings.fail(SUBJECT, &error.to_string()),
    };
    let before = environment.clock.now();
    let connection = upstream.test_connection().await;
    let after = environment.clock.now();
    let (address, millis) = (&config.upstream.base_url, connection.latency.as_millis());
    if !connection.is_reachable {
        let advice = "check COREFY_BASE_URL, the network, or the proxy on the way";
        return findings.fail(SUBJECT, &format!("{address} cannot be reached. {} {advice}", connection.message));
    }
    if !connection.is_authenticated {
        let advice = if connection.is_refused {
            format!("compare {} with Corefy's dashboard", config.upstream.api.credentials())
        } else {
            "look at the proxy, firewall or load balancer on the way, and at COREFY_BASE_URL".to_owned()
        };
        findings.fail(SUBJECT, &format!("{address} does not let us in. {} {advice}", connection.message));
    } else {
        findings.passed(SUBJECT, &format!("{address} accepts the credentials, in {millis} ms"));
        account::check_payment_methods(&*upstream, config, findings).await;
    }
    let Some(date) = connection.date else {
        let text = "its answers tell no time, so that finished operations are never deleted; see that no proxy removes the header Date";
        return findings.warn(SUBJECT, text);
    };
    let off = skew(date, before, after);
    if off > MOST_SKEW {
        let text = format!("its clock and this machine's differ by {} s; set this one by NTP", off.as_secs());
        findings.warn(SUBJECT, &text);
    }
}

/// Looks whether the ports are free, or served by a gateway.
pub(super) async fn check_ports(config: &Config, findings: &mut Findings) {
    let is_serving = is_ready(config).await;
    for (variable, address) in [("GATEWAY_GRPC_ADDR", config.grpc_addr), ("GATEWAY_HTTP_ADDR", config.http_addr)] {
        const SUBJECT: &str = "ports";
        match TcpListener::bind(address).await {
            Ok(_) => findings.passed(SUBJECT, &format!("{variable}: {address} is free")),
            Err(error) if error.kind() == ErrorKind::AddrInUse && is_serving => {
                findings.passed(SUBJECT, &format!("{variable}: {address} is taken, and a gateway is ready there"));
            }
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                let text = format!("{variable}: another program has {address}; stop it, or choose another port");
                findings.fail(SUBJECT, &text);
            }
            Err(error) => {
                let text =
                    format!("{variable}: cannot listen on {address}: {error}; choose an address of this machine");
                findings.fail(SUBJECT, &text);
            }
        }
    }
}

/// Whether a gateway on the HTTP port says that it is ready.
async fn is_ready(config: &Config) -> bool {
    let proxied_by = config.proxied_by(ProxiedPort::Http);
    let answer = probe::ask(config.http_addr, config.tls.is_some(), &proxied_by, "/readyz").await;
    answer.is_ok_and(|answer| answer.is_ok && answer.body == "ready")
}
