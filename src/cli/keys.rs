//! `keys`: makes, lists, rotates and revokes the keys of callers.

use std::time::Duration;

use clap::{Args, Subcommand};
use ipnet::IpNet;
use secrecy::ExposeSecret as _;

use super::{
    audited::AuditedDecision,
    database,
    failure::CommandFailure,
    table::{Table, to_the_second},
};
use crate::{
    app::key_admin::{KeyAdmin, NewKey},
    config::settings::AdminSettings,
    domain::{
        api_key::{ApiKey, Scope},
        clock::{Clock, Timestamp},
        environment::Environment,
        ids::PartnerId,
        key_pair::PublicKey,
        network,
        plain_text::check_unmistakable,
    },
};

/// The longest name of a partner or a key, in characters.
const MAX_NAME: usize = 100;
/// The longest life of a key, in days: ten years.
const MAX_DAYS: u64 = 3650;

/// The longest overlap of two secrets, in hours: 30 days.
const MAX_OVERLAP_HOURS: u64 = 720;

/// The command and its settings.
#[derive(Args)]
pub(super) struct KeysCommand {
    #[command(subcommand)]
    action: KeysAction,
}

#[derive(Subcommand)]
enum KeysAction {
    /// Make a key and print it, once: it cannot be shown again
    Create {
        /// Partner that owns the key; created if there is none of this name
        #[arg(long, value_parser = name)]
        partner_name: String,
        /// Name of the key, for its owner
        #[arg(long, value_parser = name)]
        key_name: String,
        /// Scopes of the key: read, write, refunds, risk (which governs the rules of the whole gateway)
        #[arg(long, value_delimiter = ',', default_value = "read,write,refunds", value_parser = scope)]
        scopes: Vec<Scope>,
        /// Networks it may be used from, as CIDR separated by commas [default: any]
        #[arg(long, value_delimiter = ',', value_parser = cidr)]
        allow_cidrs: Vec<IpNet>,
        /// Days until it expires: 1 to 3650 [default: never]
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..=MAX_DAYS))]
        expires_in_days: Option<u64>,
        #[command(flatten)]
        decision: AuditedDecision,
    },
    /// List the keys, without their secrets
    List {
        /// Only those of this partner, by its short name as in the keys
        #[arg(long, value_parser = partner)]
        partner: Option<PartnerId>,
        #[command(flatten)]
        settings: AdminSettings,
    },
    /// Give a key another secret and print the pair, once; the previous secret stays valid for a while
    Rotate {
        /// The public half, pk_…
        #[arg(value_parser = public_key)]
        key: PublicKey,
        /// Hours for which the previous secret stays valid: 0 to 720
        #[arg(long, default_value = "24", value_parser = clap::value_parser!(u64).range(0..=MAX_OVERLAP_HOURS))]
        overlap_hours: u64,
        #[command(flatten)]
        decision: AuditedDecision,
    },
    /// Revoke a key; every gateway refuses it within ten seconds
    Revoke {
        /// The public half, pk_…
        #[arg(value_parser = public_key)]
        key: PublicKey,
        #[command(flatten)]
        decision: AuditedDecision,
    },
}

impl KeysCommand {
    /// Does what was asked.
    pub async fn run(self) -> Result<(), CommandFailure> {
        match self.action {
            KeysAction::Create { partner_name, key_name, scopes, allow_cidrs, expires_in_days, decision } => {
                let expires_at = expires_in_days.map(in_days);
                let new = NewKey { partner_name, key_name, scopes, allowed: allow_cidrs, expires_at };
                let pair = open(decision).await?.create(new).await?;
                anstream::println!("{}", pair.expose_secret());
            }
            KeysAction::List { partner, settings } => {
                let decision = AuditedDecision { reason: None, settings };
                print_table(&open(decision).await?.list(partner.as_ref()).await?);
            }
            KeysAction::Rotate { key, overlap_hours, decision } => {
                let overlap = Duration::from_secs(overlap_hours * 3600);
                let pair = open(decision).await?.rotate(&key, overlap).await?;
                let unfit = || CommandFailure::Failed(format!("{key} is no key, or revoked or expired"));
                anstream::println!("{}", pair.ok_or_else(unfit)?.expose_secret());
                anstream::eprintln!(
                    "the new secret works within ten seconds, the one before until {}",
                    to_the_second(Clock::system().now() + overlap)
                );
            }
            KeysAction::Revoke { key, decision } => {
                if !open(decision).await?.revoke(&key).await? {
                    return Err(CommandFailure::Failed(format!("{} is no key, or revoked already", key.as_str())));
                }
                anstream::println!("{} is revoked", key.as_str());
            }
        }
        Ok(())
    }
}

async fn open(decision: AuditedDecision) -> Result<KeyAdmin, CommandFailure> {
    let store = database::open(&decision.settings).await?;
    Ok(KeyAdmin::new(store, Environment::system(), decision.note()))
}

fn print_table(keys: &[ApiKey]) {
    let mut table = Table::new(["KEY", "NAME", "SCOPES", "CREATED", "LAST USED", "STATE"]);
    for key in keys {
        let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
        let used = key.last_used_at.map_or_else(|| "never".to_owned(), to_the_second);
        let (id, created) = (key.id.to_string(), to_the_second(key.created_at));
        table.row([id, key.name.clone(), scopes.join(","), created, used, state(key)]);
    }
    table.print();
}

fn state(key: &ApiKey) -> String {
    match (key.revoked_at, key.expires_at) {
        (Some(since), _) => format!("revoked {}", to_the_second(since)),
        (None, Some(end)) if end <= Clock::system().now() => format!("expired {}", to_the_second(end)),
        (None, Some(end)) => format!("valid until {}", to_the_second(end)),
        (None, None) => "valid".to_owned(),
    }
}

fn in_days(days: u64) -> Timestamp {
    Clock::system().now() + Duration::from_secs(days * 24 * 3600)
}

fn name(text: &str) -> Result<String, String> {
    let fits = (1..=MAX_NAME).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if !fits {
        return Err(format!("must have 1 to {MAX_NAME} characters"));
    }
    check_unmistakable(text)?;
    Ok(text.to_owned())
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).ok_or_else(|| "must be read, write, refunds or risk".to_owned())
}

fn cidr(text: &str) -> Result<IpNet, String> {
    network::parse(text).ok_or_else(|| "must be a network such as 203.0.113.0/24".to_owned())
}

/// Reads a partner's short name.
pub(super) fn partner(text: &str) -> Result<PartnerId, String> {
    PartnerId::parse(text).ok_or_else(|| "must be a short name such as acme".to_owned())
}

fn public_key(text: &str) -> Result<PublicKey, String> {
    PublicKey::parse(text)
        .ok_or_else(|| "must be the public half of a key, pk_…; this has a typo or is cut off".to_owned())
}
