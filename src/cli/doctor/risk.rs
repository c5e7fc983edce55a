//! The files of risk: whether each can be used.

use super::findings::Findings;
use crate::{config::Config, server};

const SUBJECT: &str = "risk";

pub(super) fn check_reference_data(config: &Config, findings: &mut Findings) {
    match server::reference_data(&config.risk) {
        Ok(_) => {
            let (given, missing): (Vec<_>, Vec<_>) = settings(config).into_iter().partition(|(_, is_given)| *is_given);
            let names = |settings: Vec<(&'static str, bool)>| {
                settings.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(", ")
            };
            if !given.is_empty() {
                findings.passed(SUBJECT, &format!("usable: {}", names(given)));
            }
            if !missing.is_empty() {
                findings.passed(SUBJECT, &format!("not set, so that rules know nothing of it: {}", names(missing)));
            }
        }
        Err(faults) => faults.each().for_each(|fault| findings.fail(SUBJECT, &fault.to_string())),
    }
}

fn settings(config: &Config) -> [(&'static str, bool); 4] {
    let risk = &config.risk;
    [
        ("GATEWAY_RISK_BIN_TABLE", risk.bin_table.is_some()),
        ("GATEWAY_RISK_IP_DATABASE", !risk.ip_databases.is_empty()),
        ("GATEWAY_RISK_DISPOSABLE_DOMAINS", risk.disposable_domains.is_some()),
        ("GATEWAY_RISK_RATES", risk.rates.base_currency().is_some()),
    ]
}
