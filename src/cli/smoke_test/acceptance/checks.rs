//! The checks of a gateway, as they are made: judged, counted, and printed.

use std::time::Duration;

use owo_colors::OwoColorize as _;
use tokio::time::Instant;
use tonic::{Code, Response, Status, metadata::MetadataMap};

use crate::cli::smoke_test::{gateway::TestedGateway, steps::reason_of};

/// The outcome of a check.
pub(super) enum CheckOutcome {
    Passed,
    /// The sentence says what was found instead.
    Failed(String),
    /// The sentence says why.
    Skipped(&'static str),
}

/// A check that was made.
pub(super) struct CheckRow {
    pub rpc: &'static str,
    pub tried: &'static str,
    pub outcome: CheckOutcome,
    pub took: Duration,
}

/// The checks of a gateway, as they are made.
pub struct Checks {
    pub(super) gateway: TestedGateway,
    pub(super) rows: Vec<CheckRow>,
    /// The things that the gateway says it can do.
    pub(super) capabilities: Vec<String>,
}

/// The finding of a check: the value for later ones, or what was found instead.
pub(super) type Found<T> = Result<T, String>;

impl Checks {
    /// Of this gateway.
    pub fn new(gateway: TestedGateway) -> Self {
        Self { gateway, rows: Vec::new(), capabilities: Vec::new() }
    }

    /// Makes one check: awaits the call and judges what came of it. `None`: it did not go as expected.
    pub async fn check<A, T>(
        &mut self,
        rpc: &'static str,
        tried: &'static str,
        call: impl Future<Output = Result<A, Status>>,
        judge: impl FnOnce(Result<A, Status>) -> Found<T>,
    ) -> Option<T> {
        let started = Instant::now();
        let found = judge(call.await);
        let took = started.elapsed();
        let (outcome, found) = match found {
            Ok(found) => (CheckOutcome::Passed, Some(found)),
            Err(why) => (CheckOutcome::Failed(why), None),
        };
        self.note(CheckRow { rpc, tried, outcome, took });
        found
    }

    pub fn skip(&mut self, rpc: &'static str, tried: &'static str, why: &'static str) {
        self.note(CheckRow { rpc, tried, outcome: CheckOutcome::Skipped(why), took: Duration::ZERO });
    }

    fn note(&mut self, row: CheckRow) {
        let mark = match row.outcome {
            CheckOutcome::Passed => "✓".green().to_string(),
            CheckOutcome::Failed(_) => "✗".red().bold().to_string(),
            CheckOutcome::Skipped(_) => "-".dimmed().to_string(),
        };
        anstream::println!("{mark} {}: {}", row.rpc, row.tried);
        self.rows.push(row);
    }
}

/// The answer, whatever is in it.
pub(super) fn answered<A>(answer: Result<Response<A>, Status>) -> Found<A> {
    answer.map(Response::into_inner).map_err(describe)
}

/// The answer, when `is_right`.
pub(super) fn answered_with<A>(
    answer: Result<Response<A>, Status>,
    is_right: impl FnOnce(&A, &MetadataMap) -> bool,
) -> Found<A> {
    let answer = answer.map_err(describe)?;
    let is_right = is_right(answer.get_ref(), answer.metadata());
    is_right.then(|| answer.into_inner()).ok_or_else(|| "another answer than expected".to_owned())
}

/// The refusal that was expected.
pub(super) fn refused<A>(answer: Result<A, Status>, code: Code, reason: &str) -> Found<()> {
    match answer {
        Ok(_) => Err(format!("it was answered, and not refused with {reason}")),
        Err(status) if status.code() == code && reason_of(&status).as_deref() == Some(reason) => Ok(()),
        Err(status) => Err(describe(status)),
    }
}

pub(super) fn describe(status: Status) -> String {
    let reason = reason_of(&status).unwrap_or_default();
    format!("{:?} {reason}: {}", status.code(), status.message())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_where_a_refusal_was_expected_and_another_refusal_are_failures() {
        assert!(refused(Ok(()), Code::NotFound, "RESOURCE_NOT_FOUND").is_err());
        let without_details = Err::<(), _>(Status::not_found("nothing"));
        assert_eq!(
            refused(without_details, Code::NotFound, "RESOURCE_NOT_FOUND"),
            Err("NotFound : nothing".to_owned())
        );
        assert!(answered_with(Ok(Response::new(1)), |answer, _| *answer == 2).is_err());
        assert_eq!(answered_with(Ok(Response::new(2)), |answer, _| *answer == 2), Ok(2));
    }
}
