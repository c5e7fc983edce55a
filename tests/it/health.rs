//! How a gateway is, asked by the program itself: the command `health` of containers, and `doctor`.

use std::net::SocketAddr;

use corefy_gateway::config::ProxiedPort;
use tokio::task::spawn_blocking;

use crate::support::{
    app::TestApp,
    certificates::{Authority, Files},
    database::TestDatabase,
    program::output,
};

crate::on_both!(
    a_gateway_is_asked_whether_it_is_ready,
    a_gateway_that_speaks_tls_is_asked_by_tls,
    a_gateway_behind_a_proxy_on_its_machine_is_asked_as_by_the_proxy,
    a_gateway_whose_database_is_gone_lives_and_is_not_ready,
);

/// Runs `health` about the port at this address: its exit code, and all that it said.
async fn health(address: SocketAddr, flags: &[&'static str]) -> (Option<i32>, String) {
    let args = [&["health"], flags].concat();
    let asked = move || output(&std::env::temp_dir(), &args, &[("GATEWAY_HTTP_ADDR", &address.to_string())]);
    let output = spawn_blocking(asked).await.unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

async fn a_gateway_is_asked_whether_it_is_ready(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let address = app.server.http_addr;
    assert_eq!(health(address, &[]).await, (Some(0), "ready\n".to_owned()));
    assert_eq!(health(address, &["--alive"]).await, (Some(0), "ok\n".to_owned()));
    let (code, said) = health(address, &["--gateway-tls-cert=cert.pem"]).await;
    assert!(code == Some(1) && said.starts_with("GATEWAY_HTTP_ADDR: 127.0.0.1:"), "{said}");
    drop(app);
    let (code, said) = health(address, &[]).await;
    assert!(code == Some(1) && said.contains("refused"), "{said}");
    let (code, said) = health(address, &["--gateway-http-addr=here"]).await;
    assert!(code == Some(2) && said.contains("GATEWAY_HTTP_ADDR: must be an address"), "{said}");
}

async fn a_gateway_that_speaks_tls_is_asked_by_tls(database: TestDatabase) {
    let authority = Authority::new();
    let files = Files::new(&authority.sign());
    // The HTTP port asks for no certificate, whatever the gRPC port does.
    let tls = files.config_for_clients_of(&authority);
    let app = TestApp::start_with(database, None, |config| config.tls = Some(tls.clone())).await;
    let address = app.server.http_addr;
    assert_eq!(health(address, &["--gateway-tls-cert=cert.pem"]).await, (Some(0), "ready\n".to_owned()));
    assert_eq!(health(address, &[]).await.0, Some(1), "it was asked without TLS");

    let key = tls.key.to_str().unwrap().to_owned();
    let certificate = tls.certificate.to_str().unwrap().to_owned();
    let doctor = move || {
        let address = address.to_string();
        let tls = [("GATEWAY_TLS_CERT", certificate.as_str()), ("GATEWAY_TLS_KEY", key.as_str())];
        let needed = [("COREFY_API_KEY", "api-key-0123"), ("COREFY_CLIENT_KEY", "client-key-0123")];
        let more = [("COREFY_SECRET_KEY", "secret-key-0123456789"), ("COREFY_BASE_URL", "http://127.0.0.1:1")];
        let own = [("GATEWAY_MASTER_KEY", "0123456789abcdef0123456789abcdef"), ("DATABASE_URL", "sqlite://none.db")];
        let ports = [("GATEWAY_HTTP_ADDR", address.as_str()), ("GATEWAY_GRPC_ADDR", "127.0.0.1:0")];
        let directory = tempfile::tempdir().unwrap();
        output(directory.path(), &["doctor"], &[tls, needed, more, own, ports].concat())
    };
    let told = String::from_utf8(spawn_blocking(doctor).await.unwrap().stdout).unwrap();
    assert!(told.contains("a gateway is ready there"), "{told}");
}

async fn a_gateway_behind_a_proxy_on_its_machine_is_asked_as_by_the_proxy(database: TestDatabase) {
    let app = TestApp::start_with(database, None, |config| {
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        config.proxy_protocol = vec![ProxiedPort::Http];
    })
    .await;
    let address = app.server.http_addr;
    let flags = ["--gateway-trusted-proxies=127.0.0.0/8", "--gateway-proxy-protocol=http"];
    assert_eq!(health(address, &flags).await, (Some(0), "ready\n".to_owned()));
    for flags in [&flags[..1], &["--gateway-trusted-proxies=10.0.0.0/8", flags[1]]] {
        assert_eq!(health(address, flags).await.0, Some(1), "{flags:?}: it was asked without the header");
    }
}

async fn a_gateway_whose_database_is_gone_lives_and_is_not_ready(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.server.app.drain().await;
    let (code, said) = health(app.server.http_addr, &[]).await;
    assert_eq!((code, said.as_str()), (Some(1), "the database does not answer\n"));
    assert_eq!(health(app.server.http_addr, &["--alive"]).await.0, Some(0));
}
