//! The way to Corefy, by the variables that other programs obey too: proxies, and the authorities that are trusted.
//!
//! They have no flags: a proxy's address may hold a password, and `NO_PROXY` is about all programs of a machine.

use std::env;

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use super::report::SettingsReport;
use crate::domain::network::{self, Proxy};

/// The proxy for what is encrypted, and the one for everything. The first that is set to something counts.
const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
/// The proxy for what is not encrypted, which is never used.
const PLAIN_PROXIES: [&str; 2] = ["HTTP_PROXY", "http_proxy"];
/// The hosts that are called without a proxy.
const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];
/// The file and the folders with the authorities that are trusted instead of the system's.
const AUTHORITIES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// How Corefy is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamRoute {
    /// The proxy on the way; `None`: there is none.
    pub proxy: Option<Proxy>,
    /// The consequences of the variables of this module, a sentence each, for the log and `doctor`.
    pub notes: Vec<String>,
}

impl UpstreamRoute {
    /// The way to Corefy at `target` by the variables of this process.
    pub(super) fn of_process(target: &Url, report: &mut SettingsReport) -> Option<Self> {
        Self::read(target, report, |variable| env::var(variable).ok())
    }

    /// The way to `target` by the variables that `look_up` finds.
    fn read(target: &Url, report: &mut SettingsReport, look_up: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let given = |variables: &[&'static str]| {
            variables.iter().find_map(|variable| {
                let value = look_up(variable)?.trim().to_owned();
                (!value.is_empty()).then_some((*variable, value))
            })
        };
        let mut route = Self::default();
        if let Some((variable, _)) = given(&PLAIN_PROXIES) {
            route.notes.push(format!("{variable}: not used, for that proxy would see requests in clear"));
        }
        for variable in AUTHORITIES {
            if let Some((_, place)) = given(&[variable]) {
                route
                    .notes
                    .push(format!("{variable}: the authorities in {place} are trusted, and not those of the system"));
            }
        }
        let Some((variable, address)) = given(&PROXIES) else { return Some(route) };
        if !network::may_use_proxy(target) {
            route.notes.push(format!("{variable}: not used, for Corefy is on this machine"));
            return Some(route);
        }
        if let Some((exceptions, _)) = given(&EXCEPTIONS).filter(|(_, list)| is_exception(list, target)) {
            route.notes.push(format!("{variable}: not used, for {exceptions} names the host of Corefy"));
            return Some(route);
        }
        let Some(proxy) = Proxy::parse(&address) else {
            // The address is not shown: it may hold a password.
            return report
                .wrong(variable, "must be http:// or https://, a host and a port; or name Corefy in NO_PROXY");
        };
        route.notes.push(format!("{variable}: Corefy is called through the proxy at {proxy}"));
        route.proxy = Some(proxy);
        Some(route)
    }
}

/// Whether the list of hosts and networks has the host of `target`.
fn is_exception(list: &str, target: &Url) -> bool {
    let matcher = Matcher::builder().all("http://proxy.invalid").no(list).build();
    target.as_str().parse().is_ok_and(|target| matcher.intercept(&target).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(target: &str, variables: &[(&str, &str)]) -> Result<UpstreamRoute, String> {
        let mut report = SettingsReport::default();
        let look_up =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let route = UpstreamRoute::read(&Url::parse(target).unwrap(), &mut report, look_up);
        report.finish(route).map_err(|problems| problems.to_string())
    }

    fn proxy(target: &str, variables: &[(&str, &str)]) -> Option<String> {
        read(target, variables).unwrap().proxy.map(|proxy| proxy.to_string())
    }

    const COREFY: &str = "https://api.corefy.com";

    #[test]
    fn what_is_encrypted_goes_by_the_proxy_for_it_or_for_all() {
        assert_eq!(proxy(COREFY, &[]), None);
        for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            assert_eq!(proxy(COREFY, &[(variable, "http://proxy:3128")]).unwrap(), "proxy:3128", "{variable}");
        }
        let both = [("ALL_PROXY", "http://all:1"), ("HTTPS_PROXY", "https://first")];
        assert_eq!(proxy(COREFY, &both).unwrap(), "first:443");
        assert_eq!(proxy(COREFY, &[("HTTPS_PROXY", " "), ("ALL_PROXY", "bare:8")]).unwrap(), "bare:8");
    }

    #[test]
    fn nothing_in_clear_and_nothing_on_this_machine_goes_by_a_proxy() {
        let all =
            [("HTTP_PROXY", "http://proxy:1"), ("HTTPS_PROXY", "http://proxy:1"), ("ALL_PROXY", "http://proxy:1")];
        for target in [
            "http://127.0.0.1:8090",
            "http://[::1]:1",
            "http://localhost",
            "https://localhost",
            "https://LOCALHOST.",
            "https://127.8.8.8",
            "https://[::ffff:127.0.0.1]",
            "http://api.corefy.com",
        ] {
            assert_eq!(proxy(target, &all), None, "{target}");
        }
        assert_eq!(proxy(COREFY, &all[..1]), None, "the proxy for what is not encrypted");
    }

    #[test]
    fn a_host_that_is_named_is_called_without_a_proxy() {
        for list in ["api.corefy.com", ".corefy.com", "corefy.com", "*", "other.example, api.corefy.com"] {
            assert_eq!(proxy(COREFY, &[("HTTPS_PROXY", "proxy:1"), ("NO_PROXY", list)]), None, "{list}");
        }
        for list in ["", "example.com", "efy.com"] {
            assert!(proxy(COREFY, &[("HTTPS_PROXY", "proxy:1"), ("no_proxy", list)]).is_some(), "{list}");
        }
        assert_eq!(proxy("https://10.0.0.7", &[("HTTPS_PROXY", "proxy:1"), ("NO_PROXY", "10.0.0.0/8")]), None);
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_named_without_its_address() {
        for address in ["socks5://canary:1", "http://", "://canary", "http://u:canary@host:port"] {
            let problem = read(COREFY, &[("HTTPS_PROXY", address)]).unwrap_err();
            assert!(problem.contains("HTTPS_PROXY: must be http://") && !problem.contains("canary"), "{problem}");
            assert!(read("http://127.0.0.1:1", &[("HTTPS_PROXY", address)]).is_ok(), "it is not used");
        }
    }

    #[test]
    fn what_is_in_force_is_told_without_secrets() {
        let variables = [
            ("HTTPS_PROXY", "http://user:canary@proxy.example:3128"),
            ("HTTP_PROXY", "http://user:canary@plain.example"),
            ("SSL_CERT_FILE", "/etc/ours.pem"),
        ];
        let route = read(COREFY, &variables).unwrap();
        let told = route.notes.join("\n");
        assert!(told.contains("HTTPS_PROXY: Corefy is called through the proxy at proxy.example:3128"), "{told}");
        assert!(told.contains("HTTP_PROXY: not used") && told.contains("SSL_CERT_FILE: "), "{told}");
        assert!(!format!("{route:?}").contains("canary"), "{route:?}");
    }
}
