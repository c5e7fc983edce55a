//! `master-key`: seals what is stored under another master key.

use clap::{Args, Subcommand};

use super::{audited::AuditedDecision, failure::CommandFailure, progress::Progress};
use crate::{
    app::master_key_rotation::{MasterKeyRotation, RotationProgress},
    domain::environment::Environment,
    server::open_store,
};

/// The command and its settings.
#[derive(Args)]
pub(super) struct MasterKeyCommand {
    #[command(subcommand)]
    action: MasterKeyAction,
}

#[derive(Subcommand)]
enum MasterKeyAction {
    /// Seal everything that is stored under GATEWAY_MASTER_KEY, beside running gateways; GATEWAY_MASTER_KEY_OTHER, the one before,
    /// opens the database no more afterwards. Can be stopped and begun again
    Rotate {
        #[command(flatten)]
        decision: AuditedDecision,
        /// Show no progress
        #[arg(long)]
        quiet: bool,
    },
}

impl MasterKeyCommand {
    /// Does what was asked.
    pub async fn run(self) -> Result<(), CommandFailure> {
        let MasterKeyAction::Rotate { decision, quiet } = self.action;
        let config = decision.settings.read()?;
        if config.master_keys.other.is_none() {
            let missing = "GATEWAY_MASTER_KEY_OTHER: is missing; set it to the master key from before";
            return Err(CommandFailure::Settings(missing.to_owned()));
        }
        let store = open_store(&config.database, &config.master_keys, &Environment::system()).await?;
        let rotation = MasterKeyRotation::new(store, Environment::system(), decision.note());
        let mut progress = Progress::new(0, quiet);
        let rotated = rotation.run(|at| progress.advance(share(at), at.rows)).await;
        progress.finish();
        let rotated = rotated?;
        anstream::println!("{} values were sealed under the new master key", rotated.sealed);
        if rotated.damaged > 0 {
            anstream::eprintln!(
                "{} values open under neither key: they were damaged before, and stay as they are; the first: {}",
                rotated.damaged,
                rotated.damaged_first.join(", ")
            );
        }
        if rotated.late > 0 {
            let late = format!(
                "{} of them were written under the other key meanwhile: restart every process that still has it as \
                 GATEWAY_MASTER_KEY, and run this again",
                rotated.late
            );
            return Err(CommandFailure::Failed(late));
        }
        anstream::println!("the other master key opens this database no more: remove GATEWAY_MASTER_KEY_OTHER");
        Ok(())
    }
}

/// The share of the tables that were looked through.
#[expect(clippy::cast_precision_loss, reason = "tables are few")]
fn share(at: RotationProgress) -> f64 {
    at.tables_done as f64 / at.tables as f64
}
