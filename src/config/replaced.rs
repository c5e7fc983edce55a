//! Secrets that a running gateway takes over when their files have changed: those that it proves itself to Corefy by, and Corefy to it.

use secrecy::{ExposeSecret as _, SecretString};

use super::{
    SettingsProblems, UpstreamConfig,
    report::SettingsReport,
    settings::{ServeSettings, UpstreamSettings},
};

impl ServeSettings {
    /// Reads the settings of Corefy with these secrets in the place of those at the start, by the names of their variables.
    pub fn upstream_with(&self, secrets: &[(String, SecretString)]) -> Result<UpstreamConfig, SettingsProblems> {
        let mut upstream = self.upstream.clone();
        for (name, secret) in secrets {
            if let Some((_, place)) = upstream.replaceable().into_iter().find(|(variable, _)| variable == name) {
                *place = Some(secret.clone());
            }
        }
        let mut report = SettingsReport::default();
        let config = upstream.read(&mut report);
        report.finish(config)
    }

    /// The variables of those secrets that are not what they were at the start, and that only a new start takes over.
    pub fn fixed_and_changed(&self, secrets: &[(String, SecretString)]) -> Vec<&'static str> {
        let fixed = [
            ("DATABASE_URL", Some(&self.database.database_url)),
            ("GATEWAY_MASTER_KEY", self.master_key.gateway_master_key.as_ref()),
            ("GATEWAY_MASTER_KEY_OTHER", self.master_key.gateway_master_key_other.as_ref()),
        ];
        let was = |place: Option<&SecretString>| place.map(|secret| secret.expose_secret().to_owned());
        let is_other = |(name, place): &(&'static str, Option<&SecretString>)| {
            secrets
                .iter()
                .any(|(variable, now)| variable == name && was(*place).as_deref() != Some(now.expose_secret()))
        };
        fixed.into_iter().filter(is_other).map(|(name, _)| name).collect()
    }
}

impl UpstreamSettings {
    fn replaceable(&mut self) -> [(&'static str, &mut Option<SecretString>); 6] {
        [
            ("COREFY_API_KEY", &mut self.corefy_api_key),
            ("COREFY_SECRET_KEY", &mut self.corefy_secret_key),
            ("COREFY_CLIENT_KEY", &mut self.corefy_client_key),
            ("COREFY_PUBLIC_KEY", &mut self.corefy_public_key),
            ("COREFY_WEBHOOK_SECRET", &mut self.corefy_webhook_secret),
            ("COREFY_WEBHOOK_SECRET_PREVIOUS", &mut self.corefy_webhook_secret_previous),
        ]
    }
}
