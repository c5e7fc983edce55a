//! Rules of risk on the wire, and the reasons of all changes.

use crate::{
    app::{Caller, risk::rules::ApplyError},
    domain::{
        audit::{Actor, Note},
        risk::{
            rule_set::{MOST_FILE_BYTES, RuleFault, RuleSet},
            rules_version::{LONGEST_REASON, RulesVersion},
        },
    },
    error::{Error, Violation},
    pb,
};

use super::{fields::Fields, formats, timestamps};

/// The reason for a change, whose author is the caller.
pub(super) struct ChangeReason(String);

impl ChangeReason {
    pub(super) fn read(fields: &mut Fields, value: String) -> Self {
        let rule = |value: &str| {
            formats::must(!value.trim().is_empty(), "must not be blank")?;
            formats::prose(LONGEST_REASON)(value)
        };
        Self(fields.required("reason", value, rule))
    }

    pub(super) fn by(self, caller: &Caller) -> Note {
        Note { by: Actor::Key(caller.key_id.clone()), reason: self.0 }
    }
}

/// The input of ApplyRules.
pub(super) struct Apply {
    pub(super) source: String,
    pub(super) expected: Option<i64>,
    pub(super) reason: ChangeReason,
}

/// The input of RevertRules.
pub(super) struct Revert {
    pub(super) version: i64,
    pub(super) expected: Option<i64>,
    pub(super) reason: ChangeReason,
}

/// Reads ApplyRules.
pub(super) fn apply(fields: &mut Fields, message: pb::ApplyRulesRequest) -> Option<Apply> {
    Some(Apply {
        source: source(fields, message.source),
        expected: expected(fields, message.expected_version),
        reason: ChangeReason::read(fields, message.reason),
    })
}

/// Reads RevertRules.
pub(super) fn revert(fields: &mut Fields, message: pb::RevertRulesRequest) -> Option<Revert> {
    at_least(fields, "version", message.version, 1);
    let expected = expected(fields, message.expected_version);
    Some(Revert { version: message.version, expected, reason: ChangeReason::read(fields, message.reason) })
}

/// Reads GetRules: the version, or none for the one in force.
pub(super) fn get(fields: &mut Fields, message: pb::GetRulesRequest) -> Option<Option<i64>> {
    at_least(fields, "version", message.version, 0);
    Some(Some(message.version).filter(|version| *version != 0))
}

/// Reads a file with rules.
pub(super) fn source(fields: &mut Fields, value: String) -> String {
    let most = format!("must have at most {MOST_FILE_BYTES} bytes");
    fields.required("source", value, |value| formats::must(value.len() <= MOST_FILE_BYTES, &most))
}

fn expected(fields: &mut Fields, version: Option<i64>) -> Option<i64> {
    at_least(fields, "expected_version", version.unwrap_or_default(), 0);
    version
}

fn at_least(fields: &mut Fields, field: &str, value: i64, least: i64) {
    if value < least {
        fields.refuse(field, format!("must be {least} or more"));
    }
}

/// The answer to CheckRules.
pub(super) fn checked(checked: Result<RuleSet, ApplyError>) -> Result<pb::CheckRulesResponse, Error> {
    match checked {
        Ok(rules) => Ok(pb::CheckRulesResponse { faults: Vec::new(), rule_count: whole(rules.rules.len()) }),
        Err(ApplyError::Faults(faults)) => {
            Ok(pb::CheckRulesResponse { faults: faults.into_iter().map(Into::into).collect(), rule_count: 0 })
        }
        Err(ApplyError::Refused(error)) => Err(error),
    }
}

/// The refusal of rules; their faults are those of `field`.
pub(super) fn refusal(field: &str, error: ApplyError) -> Error {
    match error {
        ApplyError::Faults(faults) => {
            let violation = |fault: RuleFault| Violation { field: field.to_owned(), description: fault.to_string() };
            Error::fields(faults.into_iter().map(violation).collect())
        }
        ApplyError::Refused(error) => error,
    }
}

/// A version as lists show it.
pub(super) fn without_source(rules: RulesVersion) -> pb::RiskRules {
    pb::RiskRules { source: String::new(), ..rules.into() }
}

impl From<RulesVersion> for pb::RiskRules {
    fn from(rules: RulesVersion) -> Self {
        Self {
            version: rules.version,
            name: rules.name,
            source: rules.source,
            applied_at: Some(timestamps::wire(rules.applied_at)),
            applied_by: rules.applied_by,
            reason: rules.reason,
        }
    }
}

impl From<RuleFault> for pb::RiskRulesFault {
    fn from(fault: RuleFault) -> Self {
        Self {
            line: whole(fault.line),
            column: whole(fault.column),
            rule: fault.rule.unwrap_or_default(),
            message: fault.message,
        }
    }
}

fn whole(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
