//! `risk`: the rules by which attempts to pay are let through, the lists that they ask for, and the reviews that they open.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{
    failure::CommandFailure,
    table::{Table, to_the_second},
};
use crate::{
    app::risk::Risk,
    config::settings::AdminSettings,
    domain::{
        clock::Timestamp,
        risk::{backtest::MOST_DECISIONS, rule_set::RuleSet, rules_version::RulesVersion},
    },
};

mod decisions;
mod lists;
mod reviews;
mod shared;

use decisions::Explained;
use shared::{Change, MOST, faulty, open, read_rules};

/// The command and its settings.
#[derive(Args)]
pub(super) struct RiskCommand {
    #[command(subcommand)]
    action: RiskAction,
}

#[derive(Subcommand)]
enum RiskAction {
    /// Check a file with rules, and tell all that is wrong with it; changes nothing
    Check {
        /// The file, or - for standard input
        file: PathBuf,
        #[command(flatten)]
        settings: AdminSettings,
    },
    /// Apply a file with rules: a new version, which every gateway has within ten seconds
    Apply {
        /// The file, or - for standard input
        file: PathBuf,
        #[command(flatten)]
        change: Change,
    },
    /// Print the rules that are in force, or an earlier version
    Show {
        /// The version [default: the one in force]
        #[arg(long = "version", value_name = "VERSION", value_parser = clap::value_parser!(i64).range(1..))]
        wanted: Option<i64>,
        #[command(flatten)]
        settings: AdminSettings,
    },
    /// List the versions of the rules, newest first
    Versions {
        /// How many to list at most: 1 to 1000
        #[arg(long, default_value = "20", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST)))]
        limit: u32,
        #[command(flatten)]
        settings: AdminSettings,
    },
    /// Apply an earlier version again, as a new one
    Revert {
        /// The version that is to be in force again
        #[arg(value_name = "VERSION", value_parser = clap::value_parser!(i64).range(1..))]
        wanted: i64,
        #[command(flatten)]
        change: Change,
    },
    /// Show what was decided about the attempts to pay an intent, and why: every rule's result, and the inputs as they were
    Explain {
        /// The payment intent, pi_… or pay_…, or one decision, rd_…
        #[arg(value_parser = Explained::parse)]
        id: Explained,
        #[command(flatten)]
        settings: AdminSettings,
    },
    /// Try a file with rules on the decisions that were made, beside the rules that are in force; changes nothing
    Backtest {
        /// The file, or - for standard input
        file: PathBuf,
        /// Only decisions made since: a time such as 2026-11-23T10:00:00Z, or an age such as 24h or 30d
        #[arg(long, default_value = "30d", value_parser = super::arguments::moment)]
        since: Timestamp,
        /// How many decisions to look at, the first ones: 1 to 1000000
        #[arg(long, default_value = "100000", value_parser = clap::value_parser!(u64).range(1..=MOST_DECISIONS))]
        most: u64,
        #[command(flatten)]
        settings: AdminSettings,
    },
    /// Make, fill and show the lists that rules ask for, and those that block by themselves
    Lists(lists::ListsCommand),
    /// List and decide the reviews that rules open
    Reviews(reviews::ReviewsCommand),
    /// List who changed rules, lists and reviews, newest first
    Changes {
        /// How many to list at most: 1 to 1000
        #[arg(long, default_value = "20", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST)))]
        limit: u32,
        #[command(flatten)]
        settings: AdminSettings,
    },
}

impl RiskCommand {
    /// Does what was asked.
    pub async fn run(self) -> Result<(), CommandFailure> {
        match self.action {
            RiskAction::Check { file, settings } => {
                let rules = open(&settings)
                    .await?
                    .check_rules(read_rules(&file)?)
                    .await
                    .map_err(|error| faulty(&file, error))?;
                print_rules(&rules);
            }
            RiskAction::Apply { file, change } => {
                let (risk, note) = change.open().await?;
                let applied = risk.apply_rules(read_rules(&file)?, None, &note).await;
                tell_applied(&applied.map_err(|error| faulty(&file, error))?);
            }
            RiskAction::Show { wanted, settings } => show(&open(&settings).await?, wanted).await?,
            RiskAction::Versions { limit, settings } => {
                print_versions(&open(&settings).await?.rules_versions(None, limit).await?);
            }
            RiskAction::Revert { wanted, change } => {
                let (risk, note) = change.open().await?;
                let applied = risk.revert_rules(wanted, None, &note).await;
                tell_applied(&applied.map_err(|error| faulty(Path::new(&format!("version {wanted}")), error))?);
            }
            RiskAction::Explain { id, settings } => decisions::explain(&open(&settings).await?, &id).await?,
            RiskAction::Backtest { file, since, most, settings } => {
                decisions::backtest(&open(&settings).await?, &file, since, most).await?;
            }
            RiskAction::Lists(command) => command.run().await?,
            RiskAction::Reviews(command) => command.run().await?,
            RiskAction::Changes { limit, settings } => {
                let mut table = Table::new(["TIME", "BY", "CHANGE", "OF", "REASON"]);
                for change in open(&settings).await?.changes(limit).await? {
                    let (at, by) = (to_the_second(change.made_at), change.author());
                    table.row([at, by, change.action, change.object, change.reason]);
                }
                table.print();
            }
        }
        Ok(())
    }
}

fn tell_applied(rules: &RulesVersion) {
    anstream::println!(
        "version {} ({}) is in force, and on every gateway within ten seconds",
        rules.version,
        rules.name
    );
}

fn print_rules(rules: &RuleSet) {
    let mut table = Table::new(["RULE", "ACTION", "MODE", "PRIORITY"]);
    for rule in &rules.rules {
        let (action, mode) = (rule.action.as_str().to_owned(), rule.mode.as_str().to_owned());
        table.row([rule.name.clone(), action, mode, rule.priority.to_string()]);
    }
    table.print();
    anstream::println!("\n{} has no faults", rules.name);
}

async fn show(risk: &Risk, version: Option<i64>) -> Result<(), CommandFailure> {
    let rules = match version {
        Some(version) => Some(risk.get_rules(version).await?),
        None => risk.rules_in_force().await?,
    };
    let none = || CommandFailure::Failed("no rules were applied yet: the lists and the guard decide alone".to_owned());
    let rules = rules.ok_or_else(none)?;
    // Beside the file, so that this can be sent into one.
    anstream::eprintln!(
        "version {}, applied {} by {}: {}",
        rules.version,
        to_the_second(rules.applied_at),
        rules.applied_by,
        rules.reason
    );
    anstream::print!("{}", rules.source);
    Ok(())
}

fn print_versions(versions: &[RulesVersion]) {
    let mut table = Table::new(["VERSION", "NAME", "APPLIED", "BY", "REASON"]);
    for rules in versions {
        table.row([
            rules.version.to_string(),
            rules.name.clone(),
            to_the_second(rules.applied_at),
            rules.applied_by.clone(),
            rules.reason.clone(),
        ]);
    }
    table.print();
}
