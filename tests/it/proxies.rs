//! Proxies before the gateway: which of them are trusted about a caller's address, and what that address counts for.

use std::net::{Ipv4Addr, SocketAddr};

use corefy_gateway::{
    config::{Config, ProxiedPort},
    domain::{
        ids::PartnerId,
        key_pair::{KeyPair, PublicKey},
        randomness::Randomness,
    },
    store::WebhookFilter,
};
use ipnet::IpNet;
use secrecy::ExposeSecret as _;
use tokio::{
    io::{AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::AbortOnDropHandle;
use tonic::{
    Request,
    transport::{Certificate, Channel, ClientTlsConfig},
};

use crate::support::{
    app::TestApp,
    certificates::{Authority, Files, SERVER_NAME},
    client::{Client, reason},
    contract::call_raw,
    database::TestDatabase,
};
use crate::webhooks::{PATH, SECRET, send, sign};

crate::on_both!(
    an_address_that_is_no_trusted_proxy_s_says_nothing_of_callers,
    a_trusted_proxy_names_the_caller_and_what_the_caller_wrote_before_counts_for_nothing,
    wrong_keys_are_counted_by_caller_behind_a_proxy,
    webhooks_are_let_in_by_the_address_that_the_proxy_names,
    a_proxy_names_the_caller_before_the_tls_handshake,
    the_proxy_protocol_is_neither_taken_from_others_nor_left_out_by_proxies,
);

const LIST: &str = "/corefy.gateway.v1.CustomerService/ListCustomers";
/// Wrong keys that an address may show in a minute.
const AUTH_FAILURES: usize = 30;

fn networks(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

async fn behind(database: TestDatabase, trusted: &[&str]) -> TestApp {
    TestApp::start_with(database, None, |config| config.trusted_proxies = networks(trusted)).await
}

/// The reason with which a call is refused that came with these values of `X-Forwarded-For`; empty when it was answered.
async fn outcome(channel: &Channel, key: &str, forwarded: &[&str]) -> String {
    let mut request = Request::new(());
    request.metadata_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    for value in forwarded {
        request.metadata_mut().append("x-forwarded-for", value.parse().unwrap());
    }
    match call_raw(channel, LIST, request).await {
        Ok(_) => String::new(),
        Err(status) => reason(&status),
    }
}

async fn key_for(app: &TestApp, network: &str) -> String {
    app.new_key(|key| key.allowed = networks(&[network])).await.expose_secret().to_owned()
}

async fn an_address_that_is_no_trusted_proxy_s_says_nothing_of_callers(database: TestDatabase) {
    let app = behind(database, &["192.0.2.0/24"]).await;
    let (elsewhere, here) = (key_for(&app, "203.0.113.0/24").await, key_for(&app, "127.0.0.0/8").await);
    let channel = app.client().await.channel;
    assert_eq!(outcome(&channel, &elsewhere, &["203.0.113.7"]).await, "CREDENTIALS_INVALID");
    assert_eq!(outcome(&channel, &here, &["203.0.113.7"]).await, "");
}

async fn a_trusted_proxy_names_the_caller_and_what_the_caller_wrote_before_counts_for_nothing(database: TestDatabase) {
    let app = behind(database, &["127.0.0.0/8", "198.51.100.0/24"]).await;
    let key = key_for(&app, "203.0.113.0/24").await;
    let channel = app.client().await.channel;
    for (forwarded, expected) in [
        (&["203.0.113.7"][..], ""),
        (&["203.0.113.7, 198.51.100.1"], ""),
        (&["203.0.113.7", "198.51.100.1"], ""),
        (&["203.0.113.7, 192.0.2.1"], "CREDENTIALS_INVALID"),
        (&["203.0.113.7, 192.0.2.1, 198.51.100.1"], "CREDENTIALS_INVALID"),
        (&["203.0.113.7, nonsense"], "CREDENTIALS_INVALID"),
        (&["203.0.113.7, nonsense, 198.51.100.1"], "CREDENTIALS_INVALID"),
        (&[], "CREDENTIALS_INVALID"),
    ] {
        assert_eq!(outcome(&channel, &key, forwarded).await, expected, "{forwarded:?}");
        assert_eq!(outcome(&channel, app.key(), forwarded).await, "", "a key without networks, {forwarded:?}");
    }
}

async fn wrong_keys_are_counted_by_caller_behind_a_proxy(database: TestDatabase) {
    let app = behind(database, &["127.0.0.0/8"]).await;
    let stranger = KeyPair::generate(&PartnerId::parse("acme").unwrap(), &Randomness::system()).expose();
    let channel = app.client().await.channel;
    for _ in 0..AUTH_FAILURES {
        assert_eq!(outcome(&channel, stranger.expose_secret(), &["203.0.113.7"]).await, "CREDENTIALS_INVALID");
    }
    assert_eq!(outcome(&channel, stranger.expose_secret(), &["203.0.113.7"]).await, "AUTH_FAILURES_LIMITED");
    assert_eq!(outcome(&channel, stranger.expose_secret(), &["203.0.113.8"]).await, "CREDENTIALS_INVALID");
    assert_eq!(outcome(&channel, stranger.expose_secret(), &["nonsense"]).await, "CREDENTIALS_INVALID");
    // Also a key that is too new for any gateway to have seen it.
    let new = app.new_key(|_| {}).await;
    assert!(PublicKey::parse(new.expose_secret().split_once(':').unwrap().0).is_some());
    assert_eq!(outcome(&channel, new.expose_secret(), &["203.0.113.8"]).await, "");
}

async fn webhooks_are_let_in_by_the_address_that_the_proxy_names(database: TestDatabase) {
    let change = |config: &mut Config| {
        config.trusted_proxies = networks(&["127.0.0.0/8"]);
        config.webhook_allow = networks(&["203.0.113.0/24"]);
    };
    let app = TestApp::start_with(database, None, change).await;
    for (number, (forwarded, expected)) in [
        (Some("203.0.113.7"), 200),
        (Some("203.0.113.7, 192.0.2.1"), 403),
        (Some("203.0.113.7, nonsense"), 403),
        (None, 403),
    ]
    .into_iter()
    .enumerate()
    {
        let body = format!(r#"{{"event_type": "customer.created", "event_id": "evt_{number}"}}"#);
        let signature = sign(SECRET, body.as_bytes());
        let headers = [("x-signature", signature.as_str()), ("x-forwarded-for", forwarded.unwrap_or_default())];
        let headers = if forwarded.is_some() { &headers[..] } else { &headers[..1] };
        assert_eq!(send(&app, PATH, body, headers).await, expected, "{forwarded:?}");
    }
    let store = app.database.store().await;
    let kept = store.read().await.unwrap().webhooks(&WebhookFilter::default(), None, 9).await.unwrap();
    let sources: Vec<_> = kept.iter().map(|webhook| webhook.source_address.as_str()).collect();
    assert_eq!(sources, ["203.0.113.7"]);
}

/// A proxy that passes on TCP and names the caller first, by the PROXY protocol.
struct Forwarder {
    address: SocketAddr,
    _serving: AbortOnDropHandle<()>,
}

impl Forwarder {
    async fn start(gateway: SocketAddr, header: Vec<u8>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let header = header.clone();
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(gateway).await.unwrap();
                    far.write_all(&header).await.unwrap();
                    let _ = copy_bidirectional(&mut near, &mut far).await;
                });
            }
        };
        Self { address, _serving: AbortOnDropHandle::new(tokio::spawn(serving)) }
    }
}

/// The header that a proxy sends for a TCP connection of this address.
fn proxy_header(caller: Ipv4Addr) -> Vec<u8> {
    let ends = [&caller.octets()[..], &[127, 0, 0, 1], &4711_u16.to_be_bytes(), &443_u16.to_be_bytes()].concat();
    [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11"[..], &12_u16.to_be_bytes(), &ends].concat()
}

async fn a_proxy_names_the_caller_before_the_tls_handshake(database: TestDatabase) {
    let authority = Authority::new();
    let files = Files::new(&authority.sign());
    let change = |config: &mut Config| {
        config.tls = Some(files.config());
        config.trusted_proxies = networks(&["127.0.0.0/8"]);
        config.proxy_protocol = vec![ProxiedPort::Grpc];
    };
    let app = TestApp::start_with(database, None, change).await;
    let key = key_for(&app, "203.0.113.0/24").await;
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority.pem())).domain_name(SERVER_NAME);
    for (caller, expected) in [([203, 0, 113, 7], ""), ([192, 0, 2, 1], "CREDENTIALS_INVALID")] {
        let proxy = Forwarder::start(app.server.grpc_addr, proxy_header(caller.into())).await;
        let endpoint = Channel::from_shared(format!("https://{}", proxy.address)).unwrap();
        let channel = endpoint.tls_config(tls.clone()).unwrap().connect().await.unwrap();
        // The caller is no trusted proxy: its own header says nothing.
        assert_eq!(outcome(&channel, &key, &["203.0.113.7"]).await, expected, "{caller:?}");
    }
}

async fn the_proxy_protocol_is_neither_taken_from_others_nor_left_out_by_proxies(database: TestDatabase) {
    let change = |trusted: &'static str| {
        move |config: &mut Config| {
            config.trusted_proxies = networks(&[trusted]);
            config.proxy_protocol = vec![ProxiedPort::Grpc];
        }
    };
    let app = TestApp::start_with(database, None, change("192.0.2.0/24")).await;
    let key = app.key().to_owned();
    let connect = async |address: SocketAddr| Channel::from_shared(format!("http://{address}")).unwrap().connect_lazy();
    let proxy = Forwarder::start(app.server.grpc_addr, proxy_header([203, 0, 113, 7].into())).await;
    let through = connect(proxy.address).await;
    assert!(call(&through, &key).await.is_err(), "an address that is not trusted has sent the header");
    assert!(call(&connect(app.server.grpc_addr).await, &key).await.is_ok());

    let app = app.crash_and_restart_changed(change("127.0.0.0/8")).await;
    let proxy = Forwarder::start(app.server.grpc_addr, proxy_header([203, 0, 113, 7].into())).await;
    assert!(call(&connect(proxy.address).await, &key).await.is_ok());
    assert!(call(&connect(app.server.grpc_addr).await, &key).await.is_err(), "a proxy has left the header out");
}

async fn call(channel: &Channel, key: &str) -> Result<(), tonic::Status> {
    let client = Client::over(channel.clone(), key);
    client.list_customers(corefy_gateway::pb::ListCustomersRequest::default()).await.map(|_| ())
}
