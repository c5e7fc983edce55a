//! `risk explain` and `risk backtest`: what was decided and why, and what other rules would have done.

use std::path::Path;

use crate::{
    app::risk::{Risk, backtest::BacktestRange, decisions::Explanation},
    cli::{
        failure::CommandFailure,
        table::{Table, moment, print_values, to_the_second},
    },
    domain::{
        clock::Timestamp,
        ids::{PaymentIntentId, RiskDecisionId},
        money::{Currency, Money},
        risk::{
            action::Action,
            backtest::{Backtest, MOST_DECISIONS, Sum, Tally},
            decision::{RuleOutcome, RuleResult},
        },
    },
};

use super::shared::{faulty, read_rules};

/// The subject of an explanation.
#[derive(Clone)]
pub(super) enum Explained {
    /// All attempts to pay an intent.
    Payment(PaymentIntentId),
    /// One decision.
    Decision(RiskDecisionId),
}

impl Explained {
    /// Reads `pi_…`, `pay_…` or `rd_…`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let payment = PaymentIntentId::parse_any(text).map(Self::Payment);
        let found = payment.or_else(|| RiskDecisionId::parse(text).map(Self::Decision));
        found.ok_or_else(|| "must be the id of a payment intent, pi_… or pay_…, or of a decision, rd_…".to_owned())
    }
}

/// Shows all that decisions looked at.
pub(super) async fn explain(risk: &Risk, of: &Explained) -> Result<(), CommandFailure> {
    let explained = match of {
        Explained::Payment(id) => risk.explain_payment(id).await?,
        Explained::Decision(id) => vec![risk.explain_decision(None, id).await?],
    };
    if explained.is_empty() {
        anstream::println!("no attempt to pay it was decided about");
    }
    for (place, explanation) in explained.iter().enumerate() {
        if place > 0 {
            anstream::println!();
        }
        print_explanation(explanation);
    }
    Ok(())
}

fn print_explanation(Explanation { decision, facts, outcomes }: &Explanation) {
    let by = Some(&decision.decided_by).filter(|by| !by.is_empty()).map(|by| format!(" by {by}")).unwrap_or_default();
    let outcomes: Vec<_> = outcomes.iter().map(|outcome| outcome.as_str()).collect();
    print_values(&[
        ("decision", decision.id.to_string()),
        ("action", decision.action.as_str().to_owned()),
        ("decided", format!("at the step {}{by}", decision.step.as_str())),
        ("time", moment(decision.decided_at)),
        ("took", format!("{} µs", decision.took_micros)),
        ("rules", format!("version {}", decision.rules_version)),
        ("operation", decision.operation_id.to_string()),
        ("outcome", if outcomes.is_empty() { "not known".to_owned() } else { outcomes.join(", ") }),
    ]);
    anstream::println!();
    print_values(facts);
    let velocities: Vec<_> = decision.velocities.iter().map(|(name, value)| (name, value.to_string())).collect();
    print_values(&velocities);
    anstream::println!();
    let mut table = Table::new(["NAME", "STEP", "ACTION", "MODE", "RESULT"]);
    for RuleResult { name, step, action, mode, outcome } in &decision.results {
        let outcome = match outcome {
            RuleOutcome::Match => "matches".to_owned(),
            RuleOutcome::NoMatch => "-".to_owned(),
            RuleOutcome::Error(error) => format!("failed: {error}"),
        };
        let words = [step.as_str(), action.as_str(), mode.as_str()].map(str::to_owned);
        let [step, action, mode] = words;
        table.row([name.clone(), step, action, mode, outcome]);
    }
    table.print();
}

/// Tries a file with rules on the decisions since then, and shows what it would have done.
pub(super) async fn backtest(risk: &Risk, file: &Path, since: Timestamp, most: u64) -> Result<(), CommandFailure> {
    let range = BacktestRange { partner: None, since, most: most.min(MOST_DECISIONS) };
    let tested = risk.backtest_rules(read_rules(file)?, &range).await.map_err(|error| faulty(file, error))?;
    print_backtest(&tested);
    Ok(())
}

fn print_backtest(backtest: &Backtest) {
    match backtest.range {
        Some((first, last)) => {
            let (first, last) = (to_the_second(first), to_the_second(last));
            anstream::println!("{} decisions about payments, from {first} to {last}\n", backtest.decisions);
        }
        None => anstream::println!("no decision about a payment was made since then\n"),
    }
    if backtest.is_cut {
        anstream::println!("There are more: give --most to look at up to {MOST_DECISIONS}.\n");
    }
    let mut table =
        Table::new(["ACTION", "CURRENCY", "RULES", "COUNT", "AMOUNT", "PAID", "AMOUNT", "CHARGED BACK", "AMOUNT"]);
    for (tallies, rules) in [(&backtest.tested, "tested"), (&backtest.live, "in force")] {
        for ((action, code), tally) in tallies {
            table.row(row(*action, code, rules, tally));
        }
    }
    table.print();
    anstream::println!();
    let mut table = Table::new(["RULE", "MATCHES", "FAILURES"]);
    for (name, tally) in &backtest.rules {
        table.row([name.clone(), tally.matches.to_string(), tally.errors.to_string()]);
    }
    table.print();
}

fn row(action: Action, code: &str, rules: &str, tally: &Tally) -> [String; 9] {
    let amount = |sum: Sum| {
        Currency::parse_existing(code).map_or_else(String::new, |currency| Money::new(sum.amount, currency).to_string())
    };
    let Tally { all, paid, charged_back } = *tally;
    [
        action.as_str().to_owned(),
        code.to_owned(),
        rules.to_owned(),
        all.count.to_string(),
        amount(all),
        paid.count.to_string(),
        amount(paid),
        charged_back.count.to_string(),
        amount(charged_back),
    ]
}
