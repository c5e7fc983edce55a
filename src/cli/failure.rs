//! The failure of a command, and the exit code that says it.

use std::{fmt, io};

use crate::{
    config::SettingsProblems,
    error::Error,
    server::{StartError, setting_of},
    store,
};

/// The failure of a command.
pub(super) enum CommandFailure {
    /// A usage error.
    Settings(String),
    /// The command did its work, and found that books differ.
    Differences(String),
    /// Anything else.
    Failed(String),
}

impl CommandFailure {
    /// The exit code of the program.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Settings(_) => 2,
            Self::Differences(_) => 3,
        }
    }
}

impl From<SettingsProblems> for CommandFailure {
    fn from(problems: SettingsProblems) -> Self {
        Self::Settings(problems.to_string())
    }
}

impl From<io::Error> for CommandFailure {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<StartError> for CommandFailure {
    fn from(error: StartError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<store::Error> for CommandFailure {
    fn from(error: store::Error) -> Self {
        Self::Failed(format!("{}: {error}", setting_of(&error)))
    }
}

impl From<Error> for CommandFailure {
    fn from(error: Error) -> Self {
        Self::Failed(error.cause().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}")))
    }
}

impl fmt::Display for CommandFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(sentence) | Self::Differences(sentence) | Self::Failed(sentence) => f.write_str(sentence),
        }
    }
}
