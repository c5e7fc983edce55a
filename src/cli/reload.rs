//! Reads the secrets of a running gateway again, when SIGHUP says that their files have changed.

use clap::Command;

use crate::{
    config::{secret_files, settings::ServeSettings},
    server::CredentialsSender,
};

/// Takes the secrets over that can change while the gateway runs, all of them or none. The log says which, and what is wrong.
pub(super) fn secrets(command: &Command, settings: &ServeSettings, credentials: &CredentialsSender) {
    match try_secrets(command, settings, credentials) {
        Ok(read) if read.is_empty() => {
            tracing::warn!("no secret is in a file that a setting names: nothing was read again")
        }
        Ok(read) => tracing::info!(secrets = read.join(", "), "the secrets in files were read again"),
        Err(problem) => tracing::error!(problem, "the secrets in files cannot be used; those before them stay in use"),
    }
}

/// Answers with the variables of the secrets that were read.
fn try_secrets(
    command: &Command,
    settings: &ServeSettings,
    credentials: &CredentialsSender,
) -> Result<Vec<String>, String> {
    let secrets = secret_files::read_again(command).map_err(|problems| problems.join("; "))?;
    let upstream =
        settings.upstream_with(&secrets).map_err(|problems| problems.each().collect::<Vec<_>>().join("; "))?;
    credentials.replace(&upstream).map_err(|error| error.to_string())?;
    for variable in settings.fixed_and_changed(&secrets) {
        tracing::warn!(variable, "this secret has changed; the gateway takes it over when it starts again");
    }
    Ok(secrets.into_iter().map(|(variable, _)| variable).collect())
}
