//! Rules that settings of several parts have in common.

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::report::SettingsReport;
use crate::domain::network;

/// Characters of what Corefy gives out, at least. The shortest ones that are known are longer.
pub(super) const API_KEY_LENGTH: usize = 10;
pub(super) const SECRET_KEY_LENGTH: usize = 20;
pub(super) const CLIENT_KEY_LENGTH: usize = 10;
pub(super) const WEBHOOK_SECRET_LENGTH: usize = 8;
/// Where to get what Corefy gives out.
pub(super) const FROM_COREFY: &str = "Corefy's dashboard has it";

/// Whether the address is of the web, and has no more than a host and a port.
pub(super) fn is_scheme_and_host(url: &Url) -> bool {
    is_address(url) && url.path() == "/"
}

/// Whether the address is of the web, and has no more than a host, a port and a path.
pub(super) fn is_address(url: &Url) -> bool {
    let is_bare = url.username().is_empty() && url.password().is_none();
    ["http", "https"].contains(&url.scheme()) && is_bare && url.query().is_none() && url.fragment().is_none()
}

/// The address, if it is encrypted or of this machine.
pub(super) fn encrypted(variable: &str, url: Url, report: &mut SettingsReport) -> Option<Url> {
    if url.scheme() == "http" && !network::is_this_machine(&url) {
        return report.wrong(variable, "must begin with https:// unless its host is this machine");
    }
    Some(url)
}

/// Notes a key that is of the other mode: Corefy says in its prefix which it is of.
pub(super) fn check_mode(variable: &str, key: &SecretString, is_test: bool, report: &mut SettingsReport) {
    let (is_live_key, is_test_key) = ["_live_", "_test_"].map(|mode| key.expose_secret().contains(mode)).into();
    if is_test && is_live_key {
        report.wrong::<()>(variable, "is a live key, but COREFY_SANDBOX_MODE is true");
    } else if !is_test && is_test_key {
        report.wrong::<()>(variable, "is a test key, but COREFY_SANDBOX_MODE is false");
    }
}
