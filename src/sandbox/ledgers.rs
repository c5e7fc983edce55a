//! Ledgers apart: whoever calls with an API key of its own, `sandbox-api-key.NAME`, has payments, money, faults and webhooks of its
//! own, so that one sandbox serves all that run at the same time. The key without a name has those that were always there.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::{Request, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use tower::ServiceExt as _;
use url::form_urlencoded;

use super::{
    answer::SandboxRefusal,
    commerce::{card_tokens::session_of, invoice::invoice_id},
    dialect::SandboxDialect,
    lock::lock,
    options::SandboxOptions,
    server,
    shared::SandboxInner,
};

/// The header by which a control names its ledger.
pub const LEDGER_HEADER: &str = "x-sandbox-ledger";

/// The ledgers of a sandbox.
pub(super) struct Ledgers {
    first: Room,
    others: Mutex<BTreeMap<String, Room>>,
}

/// A ledger with all that belongs to it, and the routes to it.
#[derive(Clone)]
struct Room {
    shared: Arc<SandboxInner>,
    routes: Router,
}

impl Room {
    fn new(shared: Arc<SandboxInner>) -> Self {
        Self { routes: server::router(shared.clone()), shared }
    }
}

/// Serves each request in the ledger that it is for.
pub(super) fn router(first: Arc<SandboxInner>) -> Router {
    let ledgers = Arc::new(Ledgers { first: Room::new(first), others: Mutex::default() });
    Router::new().fallback(serve).with_state(ledgers)
}

async fn serve(State(ledgers): State<Arc<Ledgers>>, request: Request) -> Response {
    match ledgers.room_for(&request) {
        Ok(room) => room.routes.oneshot(request).await.into_response(),
        Err(refusal) => refusal.answer(SandboxDialect::of_path(request.uri().path())).into_response(),
    }
}

impl Ledgers {
    /// The room that a request is for: by its API key, by its header, or by the payment that its page or token is of.
    fn room_for(&self, request: &Request) -> Result<Room, SandboxRefusal> {
        let headers = request.headers();
        let settings = &self.first.shared.settings;
        let named = text(headers, LEDGER_HEADER).map(str::to_owned).or_else(|| name_by_key(headers, settings));
        match named {
            Some(name) => self.room(&name),
            None if has_key(headers) => Ok(self.first.clone()),
            None => Ok(self.room_of_payment(request).unwrap_or_else(|| self.first.clone())),
        }
    }

    /// The room of this name, which is made when it is first asked for.
    fn room(&self, name: &str) -> Result<Room, SandboxRefusal> {
        let shared = self.first.shared.named(name)?;
        let mut others = lock(&self.others);
        // One that was closed and opened again, with another memory, is another ledger.
        if let Some(room) = others.get(name).filter(|room| Arc::ptr_eq(&room.shared, &shared)) {
            return Ok(room.clone());
        }
        let room = Room::new(shared);
        others.insert(name.to_owned(), room.clone());
        Ok(room)
    }

    /// The room of the payment that a page, or a token of the card gate, is of.
    fn room_of_payment(&self, request: &Request) -> Option<Room> {
        let ledgers = self.first.shared.all_named();
        if ledgers.is_empty() {
            return None;
        }
        let token = text(request.headers(), "authorization").and_then(|value| value.strip_prefix("Bearer "));
        let query = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
        let in_path = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
        let names: Vec<_> = query.map(|(_, value)| value.into_owned()).chain([in_path]).collect();
        let is_of = |ledger: &SandboxInner| {
            let SandboxInner { settings, environment, .. } = ledger;
            let is_opened = |token| session_of(&settings.commerce.api_key, token, environment.clock.now()).is_some();
            token.is_some_and(is_opened)
                || ledger.with_state(|state| {
                    names.iter().any(|name| {
                        state.kept.intents.contains_key(name) || state.kept.intents.contains_key(&invoice_id(name))
                    })
                })
        };
        let (name, _) = ledgers.iter().find(|(_, ledger)| is_of(ledger))?;
        self.room(name).ok()
    }
}

/// The name behind the key of a request, in either dialect.
fn name_by_key(headers: &HeaderMap, settings: &SandboxOptions) -> Option<String> {
    let behind =
        |given: &str, own: &SecretString| given.strip_prefix(own.expose_secret())?.strip_prefix('.').map(str::to_owned);
    let of_intents = || behind(text(headers, "x-api-key")?, &settings.api_key);
    let of_commerce = || {
        let given = STANDARD.decode(text(headers, "authorization")?.strip_prefix("Basic ")?).ok()?;
        let (_, key) = std::str::from_utf8(&given).ok()?.split_once(':')?;
        behind(key, &settings.commerce.api_key)
    };
    of_intents().or_else(of_commerce)
}

/// Whether a request brings a key, and not a token or nothing.
fn has_key(headers: &HeaderMap) -> bool {
    headers.contains_key("x-api-key") || text(headers, "authorization").is_some_and(|value| value.starts_with("Basic "))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
