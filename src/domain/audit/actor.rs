//! The authors of decisions.

use std::fmt;

/// The operator that gives a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The user of the operating system, and by whom that was taken on, if by another.
    pub user: String,
    /// The machine.
    pub host: String,
}

/// The author of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// An operator, by a command on this machine.
    Operator(Operator),
    /// The public half of an API key, by a call.
    Key(String),
    /// The gateway by itself, on this machine.
    Gateway {
        /// The machine.
        host: String,
    },
}

impl Actor {
    /// Reads an author as [`fmt::Display`] writes it: an operator with a machine, or a key.
    pub fn read(text: &str) -> Self {
        match text.rsplit_once('@') {
            Some((user, host)) => Self::Operator(Operator { user: user.to_owned(), host: host.to_owned() }),
            None => Self::Key(text.to_owned()),
        }
    }

    /// The word for its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Operator(_) => "operator",
            Self::Key(_) => "key",
            Self::Gateway { .. } => "gateway",
        }
    }

    /// Its name: a user, or the public half of a key.
    pub fn name(&self) -> &str {
        match self {
            Self::Operator(operator) => &operator.user,
            Self::Key(key) => key,
            Self::Gateway { .. } => "gateway",
        }
    }

    /// The machine; empty for a key, whose calls may come from anywhere.
    pub fn host(&self) -> &str {
        match self {
            Self::Operator(Operator { host, .. }) | Self::Gateway { host } => host,
            Self::Key(_) => "",
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host() {
            "" => f.write_str(self.name()),
            host => write!(f, "{}@{host}", self.name()),
        }
    }
}

/// The author of a decision, and the reason for it.
#[derive(Clone, Debug)]
pub struct Note {
    /// The author.
    pub by: Actor,
    /// Why, in their words; may be empty.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_reads_back() {
        let jane = Operator { user: "jane (sudo by root)".to_owned(), host: "bastion".to_owned() };
        for author in [Actor::Operator(jane), Actor::Key("pk_acme_1a2b".to_owned())] {
            assert_eq!(Actor::read(&author.to_string()), author);
        }
    }
}
