//! Takes callbacks during a live test, where a gateway with these settings would take them.

use tokio::{
    net::TcpListener,
    sync::mpsc::{Receiver, channel},
    task::JoinSet,
};

use crate::{
    config::{CommerceConfig, Config},
    http::catch_webhooks,
    upstream::commerce::ReceivedCallback,
};

/// Callbacks that wait to be looked at; of more only the first are needed.
const MOST_CALLBACKS: usize = 64;
/// The header with the signature.
const SIGNATURE: &str = "x-signature";

/// The callbacks that come in, until the task is dropped; the error says why none can.
pub(super) async fn callbacks(
    config: &Config,
    commerce: &CommerceConfig,
) -> (Result<Receiver<ReceivedCallback>, String>, JoinSet<()>) {
    let mut listening = JoinSet::new();
    if commerce.callback_url.is_none() {
        return (Err("COREFY_CALLBACK_URL is not set".to_owned()), listening);
    }
    let listener = match TcpListener::bind(config.http_addr).await {
        Ok(listener) => listener,
        Err(error) => return (Err(format!("GATEWAY_HTTP_ADDR: {}: {error}", config.http_addr)), listening),
    };
    let (sender, receiver) = channel(MOST_CALLBACKS);
    listening.spawn(catch_webhooks(listener, SIGNATURE, move |caught| {
        let callback = ReceivedCallback { query: caught.query, signature: caught.signature, body: caught.body.into() };
        drop(sender.try_send(callback));
    }));
    (Ok(receiver), listening)
}
