//! TLS on both ports: which certificates are accepted, and how certificates are changed.

use corefy_gateway::{
    config::TlsConfig,
    pb,
    server::{Harness, Server, StartError},
};
use tokio::{io::AsyncReadExt as _, net::TcpStream};
use tonic::{
    Status,
    transport::{Certificate, Channel, ClientTlsConfig, Error, Identity as ClientIdentity},
};

use crate::support::{
    app::{TestApp, http_client, until},
    certificates::{Authority, Files, Identity, SERVER_NAME},
    client::{Client, new_intent, reason},
    database::TestDatabase,
    program::output,
    refusal::refused,
};

crate::on_both!(
    a_call_over_tls_is_answered_and_a_plain_one_is_not,
    a_server_of_another_authority_is_not_trusted,
    a_client_needs_a_certificate_of_the_authority_that_is_named,
    the_http_port_has_the_certificate_too_and_asks_for_none,
    a_changed_certificate_is_served_without_a_restart,
    a_handshake_that_is_not_gone_on_with_holds_up_nobody,
    the_address_of_a_caller_is_known_through_tls,
    certificates_that_cannot_be_used_are_named_at_the_start,
    try_walks_through_a_gateway_that_speaks_tls,
);

async fn start(database: TestDatabase, tls: TlsConfig) -> TestApp {
    TestApp::start_with(database, None, |config| config.tls = Some(tls)).await
}

/// A connection to the gateway, trusting `authority`, with the certificate `own` if there is one.
async fn connect(app: &TestApp, authority: &Authority, own: Option<&Identity>) -> Result<Channel, Error> {
    let mut tls =
        ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority.pem())).domain_name(SERVER_NAME);
    if let Some(own) = own {
        tls = tls.identity(ClientIdentity::from_pem(&own.certificate, &own.key));
    }
    let address = format!("https://{}", app.server.grpc_addr);
    Channel::from_shared(address).unwrap().tls_config(tls)?.connect().await
}

/// Whether a call comes through. With TLS 1.3 a client learns only then that its certificate is not accepted.
async fn call(app: &TestApp, channel: Channel) -> Result<(), Status> {
    Client::over(channel, app.key()).create_payment_intent(new_intent("10.00")).await.map(|_| ())
}

async fn a_call_over_tls_is_answered_and_a_plain_one_is_not(database: TestDatabase) {
    let authority = Authority::new();
    let files = Files::new(&authority.sign());
    let app = start(database, files.config()).await;
    call(&app, connect(&app, &authority, None).await.unwrap()).await.unwrap();

    let plain = Channel::from_shared(format!("http://{}", app.server.grpc_addr)).unwrap().connect_lazy();
    assert_eq!(reason(&call(&app, plain).await.unwrap_err()), "", "no answer of the gateway");
}

async fn a_server_of_another_authority_is_not_trusted(database: TestDatabase) {
    let files = Files::new(&Authority::new().sign());
    let app = start(database, files.config()).await;
    assert!(connect(&app, &Authority::new(), None).await.is_err());
}

async fn a_client_needs_a_certificate_of_the_authority_that_is_named(database: TestDatabase) {
    let (authority, of_clients) = (Authority::new(), Authority::new());
    let files = Files::new(&authority.sign());
    let app = start(database, files.config_for_clients_of(&of_clients)).await;

    let known = of_clients.sign();
    call(&app, connect(&app, &authority, Some(&known)).await.unwrap()).await.unwrap();
    let stranger = authority.sign();
    for own in [None, Some(&stranger)] {
        // The client sees either of two errors, by timing: that the handshake failed, or that its call did.
        if let Ok(channel) = connect(&app, &authority, own).await {
            assert_eq!(reason(&call(&app, channel).await.unwrap_err()), "", "no answer of the gateway");
        }
    }
}

async fn the_http_port_has_the_certificate_too_and_asks_for_none(database: TestDatabase) {
    let authority = Authority::new();
    let files = Files::new(&authority.sign());
    let app = start(database, files.config_for_clients_of(&Authority::new())).await;
    let address = app.server.http_addr;
    let trusting = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap()])
        .resolve(SERVER_NAME, address)
        .build()
        .unwrap();
    let answer = trusting.get(format!("https://{SERVER_NAME}:{}/healthz", address.port())).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "ok\n");
    assert!(http_client().get(app.http("/healthz")).send().await.is_err(), "a plain request was answered");
}

async fn a_changed_certificate_is_served_without_a_restart(database: TestDatabase) {
    let (old, new) = (Authority::new(), Authority::new());
    let files = Files::new(&old.sign());
    let app = start(database, files.config()).await;
    let opened_before = connect(&app, &old, None).await.unwrap();

    files.write(&new.sign());
    until("the new certificate is served", async || connect(&app, &new, None).await.is_ok()).await;
    assert!(connect(&app, &old, None).await.is_err(), "the old one is served no more");
    call(&app, opened_before).await.unwrap();
}

async fn a_handshake_that_is_not_gone_on_with_holds_up_nobody(database: TestDatabase) {
    let authority = Authority::new();
    let files = Files::new(&authority.sign());
    let app = start(database, files.config()).await;
    let mut silent = TcpStream::connect(app.server.grpc_addr).await.unwrap();
    call(&app, connect(&app, &authority, None).await.unwrap()).await.unwrap();
    assert_eq!(silent.read(&mut [0]).await.unwrap(), 0, "closed when the time of the handshake is over");
}

async fn the_address_of_a_caller_is_known_through_tls(database: TestDatabase) {
    let authority = Authority::new();
    let files = Files::new(&authority.sign());
    let app = start(database, files.config()).await;
    for (network, is_let_in) in [("127.0.0.0/8", true), ("10.0.0.0/8", false)] {
        let key = app.new_key(|new| new.allowed = vec![network.parse().unwrap()]).await;
        let channel = connect(&app, &authority, None).await.unwrap();
        let client = Client::over(channel, secrecy::ExposeSecret::expose_secret(&key));
        let answer = client.list_payment_intents(pb::ListPaymentIntentsRequest::default()).await;
        assert_eq!(answer.is_ok(), is_let_in, "{network}");
        if let Err(status) = answer {
            assert_eq!(refused::<()>(Err(status)).reason, "CREDENTIALS_INVALID");
        }
    }
}

async fn certificates_that_cannot_be_used_are_named_at_the_start(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let files = Files::new(&Authority::new().sign());
    let other_key = Files::new(&Authority::new().sign()).config();
    let missing = TlsConfig { key: "/nowhere/key.pem".into(), ..files.config() };
    let key_twice = TlsConfig { certificate: files.config().key, ..files.config() };
    let unfit = TlsConfig { certificate: other_key.certificate, ..files.config() };
    for (tls, named) in [(missing, "/nowhere/key.pem"), (key_twice, "key.pem"), (unfit, "cert.pem")] {
        let mut config = app.config().clone();
        config.tls = Some(tls);
        let Err(StartError::Certificates(error)) = Server::start(config, Harness::default()).await else {
            panic!("it started without {named}");
        };
        assert!(error.to_string().contains(named), "{error}");
        assert!(!error.to_string().contains("PRIVATE"), "{error}");
    }
}

async fn try_walks_through_a_gateway_that_speaks_tls(database: TestDatabase) {
    let authority = Authority::new();
    let files = Files::new(&authority.sign());
    let app = start(database, files.config()).await;
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("ca.pem"), authority.pem()).unwrap();
    std::fs::write(directory.path().join("other.pem"), Authority::new().pem()).unwrap();
    let target = format!("https://{}", app.server.grpc_addr);
    let walk = async |ca: &'static str, name: &'static str| {
        let (directory, target, key) = (directory.path().to_owned(), target.clone(), app.key().to_owned());
        let walking = move || {
            let variables = [("GATEWAY_TARGET", target.as_str()), ("GATEWAY_API_KEY", key.as_str())];
            output(&directory, &["try", "--target-ca", ca, "--target-name", name], &variables)
        };
        let walked = tokio::task::spawn_blocking(walking).await.unwrap();
        (walked.status.code(), String::from_utf8(walked.stdout).unwrap() + str::from_utf8(&walked.stderr).unwrap())
    };
    let (code, said) = walk("ca.pem", SERVER_NAME).await;
    assert_eq!(code, Some(0), "{said}");
    for (ca, name) in [("other.pem", SERVER_NAME), ("ca.pem", "other.test")] {
        let (code, said) = walk(ca, name).await;
        assert_eq!(code, Some(1), "{ca}, {name}: {said}");
        assert!(said.contains("no gateway that can be trusted answers at"), "{said}");
    }
}
