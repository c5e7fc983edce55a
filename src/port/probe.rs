//! Asks a port for one of its pages, as a probe does that wants to know whether a gateway is there and how it is.

use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::proxy_header;
use crate::domain::proxies::Proxies;

/// How long the connection and its answer may take as a whole.
const TIME_LIMIT: Duration = Duration::from_secs(3);
/// How much of an answer is read, in bytes.
const LONGEST_ANSWER: u64 = 1024;

/// The answer of a port.
#[derive(Debug, PartialEq, Eq)]
pub struct ProbeAnswer {
    /// Whether its status is 200.
    pub is_ok: bool,
    /// Its body, without the line break at its end.
    pub body: String,
}

/// Asks the port at `address` for the page at `path`, and begins as a proxy does where this machine is one of `proxied_by`. Nothing that is sent or answered is a secret, so that any certificate is as
/// good as another: a gateway stays well while a changed certificate cannot be used.
///
/// # Errors
/// When nothing answers there within 3 seconds, or not by HTTP.
pub async fn ask(address: SocketAddr, is_encrypted: bool, proxied_by: &Proxies, path: &str) -> io::Result<ProbeAnswer> {
    let asking = async {
        let mut stream = TcpStream::connect(reachable(address)).await?;
        if proxied_by.include(stream.local_addr()?.ip()) {
            stream.write_all(&proxy_header::of_the_proxy_itself()).await?;
        }
        if !is_encrypted {
            return talk(stream, address, path).await;
        }
        let name = ServerName::from(address.ip());
        talk(connector()?.connect(name, stream).await?, address, path).await
    };
    let nothing = || io::Error::new(ErrorKind::TimedOut, "it does not answer");
    timeout(TIME_LIMIT, asking).await.map_err(|_| nothing())?
}

/// The address by which this machine reaches a port that listens on all of its addresses.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(all) if all.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, all.port()).into(),
        SocketAddr::V6(all) if all.ip().is_unspecified() => (Ipv6Addr::LOCALHOST, all.port()).into(),
        other => other,
    }
}

async fn talk(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    address: SocketAddr,
    path: &str,
) -> io::Result<ProbeAnswer> {
    stream.write_all(format!("GET {path} HTTP/1.0\r\nhost: {address}\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    match stream.take(LONGEST_ANSWER).read_to_end(&mut answer).await {
        // A peer that speaks TLS may hang up without a word; what came before is whole by its header.
        Err(error) if error.kind() != ErrorKind::UnexpectedEof => return Err(error),
        _ => {}
    }
    read(&answer).ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "what answers does not speak HTTP"))
}

fn read(answer: &[u8]) -> Option<ProbeAnswer> {
    let (head, body) = str::from_utf8(answer).ok()?.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?;
    Some(ProbeAnswer { is_ok: status == "200", body: body.trim_end().to_owned() })
}

fn connector() -> io::Result<TlsConnector> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let builder = builder.map_err(io::Error::other)?.dangerous();
    let config = builder.with_custom_certificate_verifier(Arc::new(AnyCertificate(provider))).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Accepts every certificate whose key the other side has.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_and_anything_else_is_none() {
        let answer = |is_ok, body: &str| Some(ProbeAnswer { is_ok, body: body.to_owned() });
        for (text, read_as) in [
            ("HTTP/1.0 200 OK\r\ndate: today\r\n\r\nready\n", answer(true, "ready")),
            ("HTTP/1.1 503 Service Unavailable\r\n\r\nshutting down\n", answer(false, "shutting down")),
            ("HTTP/1.1 200 OK\r\n", None),
            ("SSH-2.0-OpenSSH\r\n\r\n", None),
            ("", None),
        ] {
            assert_eq!(read(text.as_bytes()), read_as, "{text:?}");
        }
        assert_eq!(read(b"HTTP/1.1 200 OK\r\n\r\n\xff"), None);
    }

    #[test]
    fn a_port_that_listens_everywhere_is_asked_on_this_machine() {
        for (listens, asked) in [
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:1", "[::1]:1"),
            ("192.0.2.7:1", "192.0.2.7:1"),
            ("[::1]:1", "[::1]:1"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
