//! The way to Corefy, by the program as a whole: proxies see no request, and what is in the way is named.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use rustls::{ServerConfig, ServerConnection, pki_types::PrivateKeyDer, pki_types::pem::PemObject as _};

use crate::support::{
    certificates::Authority,
    program::{Program, output},
};

/// How long a proxy waits for more.
const TIME_LIMIT: Duration = Duration::from_secs(2);

/// The required settings of `doctor` to call Corefy.
const SETTINGS: [(&str, &str); 6] = [
    ("COREFY_API_KEY", "canary-api-key"),
    ("COREFY_SECRET_KEY", "canary-secret-key-0123456789"),
    ("COREFY_CLIENT_KEY", "canary-client-key"),
    ("GATEWAY_MASTER_KEY", "the-master-key-of-the-way-to-corefy"),
    ("GATEWAY_GRPC_ADDR", "127.0.0.1:0"),
    ("GATEWAY_HTTP_ADDR", "127.0.0.1:0"),
];

/// A proxy that opens every tunnel and leads nowhere: its address, and all that it was sent.
fn proxy() -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://user:canary@{}", listener.local_addr().unwrap());
    let sent = Arc::<Mutex<Vec<u8>>>::default();
    let heard = sent.clone();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                heard.lock().unwrap().extend(&buffer[..length]);
                if !buffer.starts_with(b"CONNECT ") {
                    break;
                }
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            }
        }
    });
    (address, sent)
}

#[tokio::test]
async fn dev_and_try_ask_no_proxy() {
    let (address, sent) = proxy();
    let directory = tempfile::tempdir().unwrap();
    let names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "grpc_proxy"];
    let proxies: Vec<_> = names.map(|name| (name, address.as_str())).to_vec();
    let ports = ["GATEWAY_GRPC_ADDR", "GATEWAY_HTTP_ADDR", "GATEWAY_SANDBOX_ADDR"].map(|name| (name, "127.0.0.1:0"));
    let mut dev = Program::start(directory.path(), &["dev"], &[&ports[..], &proxies].concat());
    let target = format!("http://{}", dev.word_after("  gRPC ").await);
    dev.word_after("No grpcurl?").await;
    let walked = output(directory.path(), &["try"], &[&[("GATEWAY_TARGET", target.as_str())][..], &proxies].concat());
    assert_eq!(walked.status.code(), Some(0), "{}", String::from_utf8_lossy(&walked.stdout));
    assert_eq!(String::from_utf8_lossy(&sent.lock().unwrap()), "");
}

/// Runs `doctor` with these variables and answers what it said.
fn doctor(variables: &[(&str, &str)]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let ran = output(directory.path(), &["doctor"], &[&SETTINGS[..], variables].concat());
    String::from_utf8(ran.stdout).unwrap() + str::from_utf8(&ran.stderr).unwrap()
}

#[test]
fn a_proxy_sees_a_tunnel_and_nothing_in_it() {
    let (address, sent) = proxy();
    let said = doctor(&[
        ("COREFY_BASE_URL", "https://corefy.invalid"),
        ("COREFY_TIMEOUT_SECONDS", "2"),
        ("HTTPS_PROXY", &address),
        ("HTTP_PROXY", &address),
    ]);
    let host = address.rsplit('@').next().unwrap();
    assert!(said.contains(&format!("HTTPS_PROXY: Corefy is called through the proxy at {host}")), "{said}");
    assert!(said.contains("HTTP_PROXY: not used") && !said.contains("canary"), "{said}");
    let sent = sent.lock().unwrap().clone();
    let text = String::from_utf8_lossy(&sent);
    assert!(text.starts_with("CONNECT corefy.invalid:443 HTTP/1.1\r\n"), "{text}");
    let handshake = text.split_once("\r\n\r\n").unwrap().1;
    assert!(handshake.starts_with("\u{16}\u{3}"), "what goes through is TLS: {text}");
    assert!(!text.contains("canary") && !text.contains("GET "), "{text}");
}

/// A server with a certificate of `authority`, that nothing is asked of; answers its port.
fn serve_tls(authority: &Authority) -> u16 {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let identity = authority.sign();
    let certificate = rustls::pki_types::CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let stream: &mut TcpStream = &mut stream;
            ServerConnection::new(config.clone()).unwrap().complete_io(stream).ok();
        }
    });
    port
}

#[test]
fn what_is_wrong_with_corefy_s_certificate_is_said_and_whom_to_trust_can_be_set() {
    let (authority, another) = (Authority::new(), Authority::new());
    let url = format!("https://localhost:{}", serve_tls(&authority));
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, pem: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (ours, theirs) = (file("ours.pem", authority.pem()), file("theirs.pem", another.pem()));
    let said = doctor(&[("COREFY_BASE_URL", &url), ("SSL_CERT_FILE", &theirs)]);
    assert!(said.contains("signed by an authority that is not trusted"), "{said}");
    let said = doctor(&[("COREFY_BASE_URL", &url), ("SSL_CERT_FILE", &ours)]);
    assert!(said.contains("its certificate is for another name"), "{said}");
    assert!(said.contains(&format!("SSL_CERT_FILE: the authorities in {ours} are trusted")), "{said}");
}
