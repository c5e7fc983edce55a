//! The outcome of a live test: each fact with its verdict for people, and all with the redacted calls as a file.

use std::io::Write;

use owo_colors::OwoColorize as _;
use serde_json::{Value, json};

use crate::{
    cli::failure::CommandFailure,
    domain::{api_call::ApiCall, clock::Timestamp},
    upstream::commerce::{FactFinding, FactVerdict, LiveTestReport},
};

/// Width of the column of verdicts, and of that of names.
const COLUMNS: (usize, usize) = (9, 31);

/// Prints each fact, and of those that are disproved the consequence.
pub(super) fn print(report: &LiveTestReport) {
    let (verdicts, names) = COLUMNS;
    anstream::println!();
    for FactFinding { fact, verdict, why } in &report.findings {
        let word = format!("{:verdicts$}", verdict.as_str());
        let word = match verdict {
            FactVerdict::Proved => word.green().to_string(),
            FactVerdict::Disproved => word.red().bold().to_string(),
            FactVerdict::Untested => word.yellow().to_string(),
        };
        anstream::println!("{word}  {:names$}  {why}", fact.name);
        if *verdict == FactVerdict::Disproved {
            anstream::println!("{:verdicts$}  {}. Otherwise: {}", "", fact.statement, fact.otherwise);
        }
    }
}

/// Writes the whole, with every request and answer redacted as in the log of calls.
pub(super) fn write(
    mut file: Box<dyn Write + Send>,
    report: &LiveTestReport,
    calls: &[ApiCall],
    at: Timestamp,
) -> Result<(), CommandFailure> {
    let whole = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "at": at.to_string(),
        "stopped": report.stopped,
        "facts": report.findings.iter().map(fact).collect::<Vec<_>>(),
        "calls": calls.iter().map(call).collect::<Vec<_>>(),
    });
    writeln!(file, "{whole:#}").and_then(|()| file.flush())?;
    Ok(())
}

fn fact(FactFinding { fact, verdict, why }: &FactFinding) -> Value {
    json!({
        "name": fact.name,
        "statement": fact.statement,
        "ground": fact.ground.as_str(),
        "verdict": verdict.as_str(),
        "why": why,
    })
}

fn call(call: &ApiCall) -> Value {
    let body = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
    json!({
        "at": call.created_at.to_string(),
        "method": call.method,
        "path": call.path,
        "id": call.upstream_id,
        "http_status": call.http_status,
        "error": call.exchange.error,
        "request": body(&call.exchange.request_body),
        "answer": body(&call.exchange.response_body),
    })
}

/// A failure, unless all that was tested is proved.
pub(super) fn verdict(report: &LiveTestReport) -> Result<(), CommandFailure> {
    let count = |verdict| report.findings.iter().filter(|finding| finding.verdict == verdict).count();
    let [proved, disproved, untested] = [FactVerdict::Proved, FactVerdict::Disproved, FactVerdict::Untested].map(count);
    let mut summary = format!("{proved} facts proved, {disproved} disproved, {untested} untested");
    if let Some(why) = &report.stopped {
        summary += &format!("; the test ended early: {why}");
    }
    if disproved > 0 || report.stopped.is_some() {
        return Err(CommandFailure::Failed(summary));
    }
    anstream::println!("{summary}");
    Ok(())
}
