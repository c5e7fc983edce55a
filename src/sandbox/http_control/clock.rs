//! The clock: read, and put ahead.

use std::time::Duration;

use axum::{Json, body::Bytes, extract::State};
use serde_json::{Value, json};

use super::{fields::ControlFields, refusals::ControlRefusal};
use crate::sandbox::{handle::Sandbox, turning::MAX_ADVANCE};

/// The form of a span, as a refusal says it.
const SPAN: &str = "must be a whole number and a unit, s, m, h or d, such as 25h, and at most 400d";

pub(super) async fn read(State(sandbox): State<Sandbox>) -> Json<Value> {
    shown(&sandbox)
}

/// Lets time go by, and answers when whatever it made due is done.
pub(super) async fn advance(State(sandbox): State<Sandbox>, body: Bytes) -> Result<Json<Value>, ControlRefusal> {
    let mut fields = ControlFields::read(&body)?;
    let text: Option<String> = fields.required("advance", SPAN);
    let by = text.as_deref().map(span);
    if by == Some(None) {
        fields.problem("advance", SPAN);
    }
    fields.finish()?;
    sandbox.advance_clock(by.flatten().unwrap_or_default()).await?;
    Ok(shown(&sandbox))
}

fn shown(sandbox: &Sandbox) -> Json<Value> {
    let (now, lead) = sandbox.time();
    Json(json!({"now": now.to_string(), "ahead_seconds": lead.as_secs()}))
}

/// The span that a text such as `25h` stands for, within bounds.
fn span(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = is_number.then(|| number.parse().ok()).flatten()?;
    number.checked_mul(seconds).map(Duration::from_secs).filter(|span| *span <= MAX_ADVANCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_whole_numbers_with_a_unit() {
        for (text, seconds) in [("0s", 0), ("90s", 90), ("2m", 120), ("25h", 90_000), ("400d", 34_560_000)] {
            assert_eq!(span(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "h", "25", "-1h", "+1h", "1.5h", "1w", "401d", "99999999999999999999s", "5é", "é"] {
            assert_eq!(span(text), None, "{text}");
        }
    }
}
