//! The acceptance test of a gateway: every RPC, the kinds of errors and, where Corefy is the sandbox, a webhook. It
//! runs against any gateway; a check that needs what the gateway does not offer is skipped, and the table says why.

use super::gateway::TestedGateway;
use crate::cli::table::Table;
use checks::{CheckOutcome, CheckRow, Checks};

mod calls;
mod checks;

/// Makes every check of `gateway` and prints the table. Returns how many there were, skipped ones left out, and how many went as
/// expected.
pub async fn run(gateway: TestedGateway) -> (usize, usize) {
    let mut checks = Checks::new(gateway);
    checks.check_all().await;
    let mut table = Table::new(["rpc", "tried", "outcome", "time"]);
    for CheckRow { rpc, tried, outcome, took } in &checks.rows {
        let outcome = match outcome {
            CheckOutcome::Passed => "ok".to_owned(),
            CheckOutcome::Failed(why) => format!("FAILED: {why}"),
            CheckOutcome::Skipped(why) => format!("skipped: {why}"),
        };
        let took = format!("{} ms", took.as_millis());
        table.row([(*rpc).to_owned(), (*tried).to_owned(), outcome, took]);
    }
    anstream::println!();
    table.print();
    let made = checks.rows.iter().filter(|row| !matches!(row.outcome, CheckOutcome::Skipped(_))).count();
    let passed = checks.rows.iter().filter(|row| matches!(row.outcome, CheckOutcome::Passed)).count();
    (made, passed)
}
