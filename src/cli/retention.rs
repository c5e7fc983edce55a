//! `retention`: what is deleted in time, and when.

use clap::{Args, Subcommand};

use super::{
    database,
    failure::CommandFailure,
    table::{Table, or_dash, to_the_second},
};
use crate::{
    app::retention::retained,
    config::settings::{AdminSettings, RetentionSettings},
    domain::{
        clock::{Clock, Timestamp},
        retention::{RetainedKind, Retention},
    },
    store::{MOST_COUNTED, Retained},
};

/// The command and its settings.
#[derive(Args)]
pub(super) struct RetentionCommand {
    #[command(subcommand)]
    action: RetentionAction,
}

#[derive(Subcommand)]
enum RetentionAction {
    /// Show how long each kind of data is kept, the oldest there is, when that goes, and how much is past its time
    Show {
        #[command(flatten)]
        retention: RetentionSettings,
        #[command(flatten)]
        settings: AdminSettings,
    },
}

impl RetentionCommand {
    /// Does what was asked.
    pub async fn run(self) -> Result<(), CommandFailure> {
        let RetentionAction::Show { retention, settings } = self.action;
        let retention = retention.checked()?;
        let store = database::open(&settings).await?;
        print(&retention, &retained(&store, &retention, Clock::system().now()).await?);
        Ok(())
    }
}

fn print(retention: &Retention, kinds: &[(RetainedKind, Retained)]) {
    let mut table = Table::new(["KIND", "KEPT", "OLDEST", "GOES", "PAST ITS TIME"]);
    for (kind, Retained { oldest, due }) in kinds {
        let kept = retention.of(*kind);
        let goes = oldest.map_or_else(|| "-".to_owned(), |oldest: Timestamp| to_the_second(oldest + kept));
        let days = kept.as_secs() / (24 * 60 * 60);
        let more = if *due >= u64::from(MOST_COUNTED) { " or more" } else { "" };
        table.row([kind.as_str().to_owned(), format!("{days} days"), or_dash(*oldest), goes, format!("{due}{more}")]);
    }
    table.print();
}
