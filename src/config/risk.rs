//! The rules for the settings of risk.

use std::{ffi::OsString, path::PathBuf};

use super::{report::SettingsReport, settings::RiskSettings, values::RiskConfig};
use crate::domain::risk::rates::Rates;

const RATES: &str = "rates such as EUR=1.08, separated by commas";

impl RiskSettings {
    pub(super) fn read(&self, report: &mut SettingsReport) -> Option<RiskConfig> {
        let screening = report.truth("GATEWAY_RISK_SCREENING", &self.gateway_risk_screening);
        const RATES_VARIABLE: &str = "GATEWAY_RISK_RATES";
        let file = |file: &Option<OsString>| file.clone().filter(|path| !path.is_empty()).map(PathBuf::from);
        let databases = self.gateway_risk_ip_database.as_deref().unwrap_or_default().split(',').map(str::trim);
        let rates = report.list(RATES_VARIABLE, self.gateway_risk_rates.as_deref(), RATES, Rates::parse_one)?;
        let rates = Rates::new(rates).or_else(|problem| report.wrong(RATES_VARIABLE, problem).ok_or(()));
        Some(RiskConfig {
            screening: screening?,
            bin_table: file(&self.gateway_risk_bin_table),
            ip_databases: databases.filter(|file| !file.is_empty()).map(PathBuf::from).collect(),
            disposable_domains: file(&self.gateway_risk_disposable_domains),
            rates: rates.ok()?,
        })
    }
}
