//! The command line: one file a command. A command exits with 0 on success, with 1 and a sentence on a failure, with 2 on a
//! usage error, and with 3 when books differ.

use std::{path::Path, process::ExitCode};

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::config::{env_file, given::given_settings, names, secret_files};
use failure::CommandFailure;

mod arguments;
mod audit;
mod audited;
mod calls;
mod completions;
mod database;
mod dev;
mod dev_key;
mod doctor;
mod export;
mod failure;
mod find;
mod health;
mod kept_run;
mod keys;
mod log;
mod man;
mod master_key;
mod memory;
mod memory_file;
mod memory_keeper;
mod migrate;
mod new_file;
mod operations;
mod payments;
mod privacy;
mod progress;
mod reconcile;
mod reload;
mod resumable_file;
mod retention;
mod risk;
mod sandbox;
mod serve;
mod service_manager;
mod shutdown;
mod smoke_test;
mod table;
mod timeline;
mod webhooks;

/// A gRPC gateway to Corefy in which money moves exactly once.
///
/// Settings are given by flags, by variables of the same names, or by a file `.env` in the working directory; a flag
/// goes before a variable, a variable before the file.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: CliCommand,
}

#[derive(Subcommand)]
enum CliCommand {
    /// Run the gateway
    Serve(Box<serve::ServeCommand>),
    /// Run gateway, sandbox and SQLite in one process, and print a key and a grpcurl line
    Dev(dev::DevCommand),
    /// Run a Corefy for tests: stateful, with test cards, signed webhooks and faults on request
    Sandbox(sandbox::SandboxCommand),
    /// Make, list, rotate and revoke the keys of callers
    Keys(keys::KeysCommand),
    /// List, show and replay received webhooks
    Webhooks(webhooks::WebhooksCommand),
    /// List, show and resolve the calls to Corefy whose outcome is not known
    Operations(operations::OperationsCommand),
    /// List payments of every partner by what is known of them, and show one
    Payments(payments::PaymentsCommand),
    /// Say what an id, a reference, a key, an email address or a card is the name of, and the command to go on with
    Find(find::FindCommand),
    /// Check and apply the rules of risk, fill lists, and decide reviews
    Risk(risk::RiskCommand),
    /// Check settings, database, Corefy, keys and ports, and say what to fix
    Doctor(Box<doctor::DoctorCommand>),
    /// Ask a gateway on this machine whether it is ready, for the probes of containers
    Health(health::HealthCommand),
    /// Bring the database up to date
    Migrate(migrate::MigrateCommand),
    /// Seal what is stored under another master key
    MasterKey(master_key::MasterKeyCommand),
    /// List, verify and export the audit log: what was decided, by whom and why
    Audit(audit::AuditCommand),
    /// Export payments, refunds or events as a file; the export is audited
    Export(export::ExportCommand),
    /// Erase a person, export what is kept of one, list erasures and begin them again after a restore
    Privacy(Box<privacy::PrivacyCommand>),
    /// Show what is deleted in time, and when
    Retention(retention::RetentionCommand),
    /// Show the log of calls to Corefy
    Calls(calls::CallsCommand),
    /// Show all that happened to one payment, in one order
    Timeline(timeline::TimelineCommand),
    /// Compare the books with Corefy's, payment by payment and refund by refund, and settle what differs if asked to
    Reconcile(Box<reconcile::ReconcileCommand>),
    /// Walk through payments, a decline, 3-D Secure and refunds on a running gateway, and show each step
    Try(smoke_test::TryCommand),
    /// Print what has a shell complete commands and flags
    Completions(completions::CompletionsCommand),
    /// Write the manual pages of all commands into a folder
    Man(man::ManCommand),
}

impl CliCommand {
    /// Whether it says in its log, or by itself, which variables seem to be misspelt.
    fn has_log(&self) -> bool {
        matches!(self, Self::Serve(_) | Self::Dev(_) | Self::Sandbox(_) | Self::Doctor(_))
    }
}

/// Builds the command line as its help and the documents show it.
pub fn command_line() -> clap::Command {
    Cli::command()
}

/// Parses the command line and runs the command in it.
pub fn run() -> ExitCode {
    match try_run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            anstream::eprintln!("{failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn try_run() -> Result<(), CommandFailure> {
    // Before any thread is started and before flags are parsed, for they have their defaults from the environment.
    env_file::load(Path::new(".env")).map_err(CommandFailure::Settings)?;
    secret_files::load(&Cli::command()).map_err(|problems| CommandFailure::Settings(problems.join("\n")))?;
    let matches = names::without_empty_variables(Cli::command()).get_matches();
    secret_files::refuse_flags(&Cli::command(), &matches)
        .map_err(|problems| CommandFailure::Settings(problems.join("\n")))?;
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    // A sentence for each variable that seems to be a misspelt setting.
    let misspelt = names::unknown_variables(&Cli::command());
    if !cli.command.has_log() {
        misspelt.iter().for_each(|sentence| anstream::eprintln!("{sentence}"));
    }
    // Fails only when a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (has_log, settings) = (cli.command.has_log(), given_settings(&Cli::command(), &matches));
    let ran = runtime.block_on(async {
        match cli.command {
            CliCommand::Serve(command) => command.run(&Cli::command(), &misspelt, &settings).await,
            CliCommand::Dev(command) => command.run(&misspelt).await,
            CliCommand::Sandbox(command) => command.run(&misspelt).await,
            CliCommand::Keys(command) => command.run().await,
            CliCommand::Webhooks(command) => command.run().await,
            CliCommand::Operations(command) => command.run().await,
            CliCommand::Payments(command) => command.run().await,
            CliCommand::Find(command) => command.run().await,
            CliCommand::Risk(command) => command.run().await,
            CliCommand::Doctor(command) => command.run(&misspelt).await,
            CliCommand::Health(command) => command.run().await,
            CliCommand::Migrate(command) => command.run().await,
            CliCommand::MasterKey(command) => command.run().await,
            CliCommand::Audit(command) => command.run().await,
            CliCommand::Export(command) => command.run().await,
            CliCommand::Privacy(command) => command.run().await,
            CliCommand::Retention(command) => command.run().await,
            CliCommand::Calls(command) => command.run().await,
            CliCommand::Timeline(command) => command.run().await,
            CliCommand::Reconcile(command) => command.run().await,
            CliCommand::Try(command) => command.run().await,
            CliCommand::Completions(command) => command.run(Cli::command()),
            CliCommand::Man(command) => command.run(Cli::command()),
        }
    });
    // There is no log yet, and what is missing may be what is misspelt.
    if has_log && matches!(ran, Err(CommandFailure::Settings(_))) {
        misspelt.iter().for_each(|sentence| anstream::eprintln!("{sentence}"));
    }
    ran
}
