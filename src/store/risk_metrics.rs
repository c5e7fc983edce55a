//! Metrics of the decisions about risk that became durable.

use std::time::Duration;

use crate::{
    domain::risk::{
        action::{Action, Mode},
        decision::{RiskDecision, RuleOutcome, Step},
        guard,
    },
    telemetry::{
        Telemetry,
        catalogue::{RISK_ADDRESS_UNKNOWN, RISK_DECISION_DURATION, RISK_DECISIONS, RISK_GUARD, RISK_RULE_ERRORS},
        label_values::one_of,
    },
};

/// A decision that became durable, as far as it is counted.
pub(super) struct DecisionCount {
    action: Action,
    /// The actions that rules in shadow which apply ask for, one for each.
    shadow: Vec<Action>,
    /// The guard that found something.
    guard: Option<&'static str>,
    rule_errors: u64,
    is_address_unknown: bool,
    took: Duration,
}

impl DecisionCount {
    pub(super) fn of(decision: &RiskDecision) -> Self {
        let matches = decision.results.iter().filter(|result| result.outcome == RuleOutcome::Match);
        let guard = decision.results.iter().find(|result| result.step == Step::Guard);
        let is_error = |outcome: &RuleOutcome| matches!(outcome, RuleOutcome::Error(_));
        let errors = decision.results.iter().filter(|result| is_error(&result.outcome)).count();
        Self {
            action: decision.action,
            shadow: matches.filter(|result| result.mode == Mode::Shadow).map(|result| result.action).collect(),
            guard: guard.map(|result| one_of(&result.name, guard::NAMES)),
            rule_errors: errors as u64,
            is_address_unknown: decision.inputs.ip.is_none() && decision.inputs.payment_intent_id.is_some(),
            took: Duration::from_micros(decision.took_micros.unsigned_abs()),
        }
    }
}

/// Shows every count from the beginning.
pub(super) fn init(telemetry: &Telemetry) {
    for action in Action::ALL {
        for mode in Mode::ALL {
            telemetry.init_zero(&RISK_DECISIONS, [action.as_str(), mode.as_str()]);
        }
    }
    for name in guard::NAMES {
        telemetry.init_zero(&RISK_GUARD, [name]);
    }
    telemetry.init_zero(&RISK_RULE_ERRORS, []);
    telemetry.init_zero(&RISK_ADDRESS_UNKNOWN, []);
}

/// Counts what is now durable.
pub(super) fn count(telemetry: &Telemetry, decisions: &[DecisionCount]) {
    for decision in decisions {
        telemetry.count(&RISK_DECISIONS, [decision.action.as_str(), Mode::Live.as_str()]);
        for action in &decision.shadow {
            telemetry.count(&RISK_DECISIONS, [action.as_str(), Mode::Shadow.as_str()]);
        }
        if let Some(guard) = decision.guard {
            telemetry.count(&RISK_GUARD, [guard]);
        }
        telemetry.add(&RISK_RULE_ERRORS, [], decision.rule_errors);
        telemetry.add(&RISK_ADDRESS_UNKNOWN, [], decision.is_address_unknown.into());
        telemetry.time(&RISK_DECISION_DURATION, [], decision.took);
    }
}
