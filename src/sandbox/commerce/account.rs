//! The account: its balances, and the ways to pay that it has.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::{
    services::{METHODS, ServiceField, ServiceMethod, service_code},
    wire::{PrerequestInput, decimal, number, php_object},
};
use crate::sandbox::{
    answer::{Done, SandboxOutcome, read},
    ledger::LedgerEntryKind,
    state::State,
};

/// The smallest and the greatest amount that every service takes, in major units.
const LIMITS: (i64, i64) = (0, 1_000_000);
/// Currencies that the account has, whatever has moved.
const CURRENCIES: [&str; 3] = ["EUR", "GBP", "USD"];

impl State {
    /// The balance of the money that moved, by currency.
    pub(super) fn balances(&self) -> Done {
        let mut balances: BTreeMap<&str, Decimal> = CURRENCIES.iter().map(|code| (*code, Decimal::ZERO)).collect();
        for entry in &self.kept.ledger.entries {
            let balance = balances.entry(entry.amount.currency.code()).or_default();
            match entry.kind {
                LedgerEntryKind::Charge | LedgerEntryKind::RefundReturned => *balance += entry.amount.major(),
                LedgerEntryKind::Refund | LedgerEntryKind::ChargedBack => *balance -= entry.amount.major(),
            }
        }
        let accounts: Map<String, Value> =
            balances.into_iter().map(|(code, sum)| (code.to_owned(), balance(code, sum))).collect();
        let attributes = json!({ "currency_accounts": accounts });
        Done::new(200, &json!({"data": {"type": "account", "id": self.commerce.account_id, "attributes": attributes}}))
    }

    /// The services that take an amount in a currency.
    pub(super) fn prerequest(&self, body: &[u8]) -> SandboxOutcome {
        let request: PrerequestInput = read(body)?;
        let amount = decimal(&request.amount);
        let fits = amount.is_none_or(|amount| amount > LIMITS.0.into() && amount <= LIMITS.1.into());
        let offered = METHODS.iter().filter(|method| fits && method.currencies.contains(&request.currency.as_str()));
        let (mut services, mut methods) = (Map::new(), Map::new());
        for method in offered {
            let code = service_code(method.code, &request.currency);
            services.insert(code.clone(), service(method, &code, &request.currency));
            let shown =
                json!({"code": method.code, "name": method.name, "category": "online", "logo": null, "icon": null});
            methods.insert(method.code.to_owned(), shown);
        }
        let attributes = json!({
            "currency": request.currency,
            "amount": request.amount,
            "test_mode": self.commerce.test_mode,
            "services": php_object(services),
            "methods": php_object(methods),
        });
        Ok(Done::new(200, &json!({"data": {"type": "payment-prerequest", "attributes": attributes}})))
    }
}

fn balance(currency: &str, sum: Decimal) -> Value {
    json!({
        "account_id": format!("comca_{}", currency.to_lowercase()),
        "active_balance": number(sum),
        "pending_balance": 0,
        "reserved_balance": 0,
        "overdraft_limit": 0,
        "balance_lower_limit": 0,
    })
}

fn service(method: &ServiceMethod, code: &str, currency: &str) -> Value {
    let field = |(position, field): (usize, &ServiceField)| {
        json!({
            "key": field.key,
            "type": "string",
            "label": {"en": field.label},
            "hint": {"en": ""},
            "regexp": field.regexp,
            "required": true,
            "position": position,
            "example": null,
        })
    };
    json!({
        "code": code,
        "method": method.code,
        "flow": "hpp",
        "currency": currency,
        "fields": method.fields.iter().enumerate().map(field).collect::<Vec<_>>(),
        "amount_min": LIMITS.0,
        "amount_max": LIMITS.1,
    })
}
