//! Authenticates the caller: by Basic credentials at the private API, by a card token at the card gate, by the public key
//! in the body at the public API.

use axum::http::HeaderMap;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::{card_tokens::session_of, route::CommerceRoute};
use crate::{
    domain::clock::Timestamp,
    sandbox::{answer::SandboxRefusal, options::SandboxAccount},
};

/// Refuses a request that is not the account's. Answers with the session that a card token opens.
pub(in crate::sandbox) fn authenticate_for(
    route: &CommerceRoute,
    account: &SandboxAccount,
    now: Timestamp,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Option<String>, SandboxRefusal> {
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let refusal = |why| SandboxRefusal::new(401, "unauthorized", why);
    match route {
        CommerceRoute::Sale => {
            let token = authorization.strip_prefix("Bearer ").unwrap_or_default();
            let session = session_of(&account.api_key, token, now);
            session.map(Some).ok_or_else(|| refusal("the token is not valid, or has expired"))
        }
        CommerceRoute::Prerequest => {
            has_public_key(account, body).then_some(None).ok_or_else(|| refusal("the public key is not known"))
        }
        _ => {
            let expected = format!("{}:{}", account.account_id, account.api_key.expose_secret());
            let given = authorization.strip_prefix("Basic ").and_then(|encoded| STANDARD.decode(encoded).ok());
            let is_right = given.is_some_and(|given| given == expected.as_bytes());
            is_right.then_some(None).ok_or_else(|| refusal("the account id or the API key is wrong"))
        }
    }
}

fn has_public_key(account: &SandboxAccount, body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Keyed {
        public_key: String,
    }
    serde_json::from_slice::<Keyed>(body).is_ok_and(|keyed| keyed.public_key == account.public_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_basic_credentials_are_taken() {
        let account = SandboxAccount {
            account_id: "coma_EXAMPLE".to_owned(),
            api_key: "apikey-EXAMPLE".into(),
            ..SandboxAccount::default()
        };
        let authenticate = |authorization: &str| {
            let headers = HeaderMap::from_iter([("authorization".parse().unwrap(), authorization.parse().unwrap())]);
            authenticate_for(&CommerceRoute::Balances, &account, Timestamp(0), &headers, b"").is_ok()
        };
        assert!(authenticate("Basic Y29tYV9FWEFNUExFOmFwaWtleS1FWEFNUExF"));
        assert!(!authenticate("Basic Y29tYV9FWEFNUExFOmFwaWtleS1FWEFNUExG"));
        assert!(!authenticate("Bearer Y29tYV9FWEFNUExFOmFwaWtleS1FWEFNUExF"));
    }
}
