//! Why a connection could not be made, in a few words that say where to look.

use std::{
    error::Error,
    io::{self, ErrorKind},
};

use rustls::CertificateError;

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoConnection {
    /// The host's name has no address.
    #[error("the name of its host cannot be found")]
    UnknownName,
    /// The host refused.
    #[error("nothing listens there")]
    Refused,
    /// The host, or the handshake, took too long.
    #[error("it did not answer in time")]
    TimedOut,
    /// No network leads to the host.
    #[error("no network leads there")]
    NoRoute,
    /// The other side ended it at once.
    #[error("the other side ended it at once")]
    Ended,
    /// The certificate's time is over.
    #[error("its certificate has expired")]
    Expired,
    /// The certificate's time has not come, or this machine's clock is slow.
    #[error("its certificate is not valid yet")]
    NotValidYet,
    /// The certificate's issuer is not trusted.
    #[error("its certificate is signed by an authority that is not trusted")]
    UnknownAuthority,
    /// The certificate is for another name.
    #[error("its certificate is for another name")]
    WrongName,
    /// Any other fault of the certificate.
    #[error("its certificate cannot be accepted")]
    Certificate,
    /// The server does not speak TLS.
    #[error("what answers there does not speak TLS")]
    NotTls,
    /// Any other fault of the handshake.
    #[error("the TLS handshake failed")]
    Handshake,
    /// The proxy cannot be reached.
    #[error("the proxy cannot be reached")]
    NoProxy,
    /// The proxy asks for credentials.
    #[error("the proxy wants a user and a password that it accepts")]
    ProxyCredentials,
    /// The proxy did not open a tunnel.
    #[error("the proxy refused to connect to it")]
    ProxyRefused,
    /// None of these.
    #[error("it could not be made")]
    Other,
}

impl NoConnection {
    /// Reads the cause out of an error, from its outermost layer to its innermost.
    pub(super) fn read(error: &(dyn Error + 'static)) -> Self {
        let mut layer = Some(error);
        while let Some(error) = layer {
            if let Some(cause) = reason_of(error) {
                return cause;
            }
            layer = inside(error);
        }
        Self::Other
    }
}

/// The cause behind this layer. An error of input and output hides what it wraps from `source`.
fn inside<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

/// The reason that this layer alone shows.
fn reason_of(error: &(dyn Error + 'static)) -> Option<NoConnection> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(of_tls(error));
    }
    if let Some(cause) = error.downcast_ref::<io::Error>().and_then(of_io) {
        return Some(cause);
    }
    // These have no type that can be named.
    match error.to_string().as_str() {
        "dns error" => Some(NoConnection::UnknownName),
        "tunnel error: failed to create underlying connection" => Some(NoConnection::NoProxy),
        "tunnel error: proxy authorization required" => Some(NoConnection::ProxyCredentials),
        text if text.starts_with("tunnel error: ") => Some(NoConnection::ProxyRefused),
        _ => None,
    }
}

fn of_io(error: &io::Error) -> Option<NoConnection> {
    match error.kind() {
        ErrorKind::ConnectionRefused => Some(NoConnection::Refused),
        ErrorKind::TimedOut => Some(NoConnection::TimedOut),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::AddrNotAvailable => {
            Some(NoConnection::NoRoute)
        }
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => Some(NoConnection::Ended),
        _ => None,
    }
}

fn of_tls(error: &rustls::Error) -> NoConnection {
    let certificate = match error {
        rustls::Error::InvalidCertificate(certificate) => certificate,
        rustls::Error::InvalidMessage(_) => return NoConnection::NotTls,
        _ => return NoConnection::Handshake,
    };
    match certificate {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => NoConnection::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => NoConnection::NotValidYet,
        // A signature is bad where an authority of the same name is trusted, but not this one.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => NoConnection::UnknownAuthority,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => NoConnection::WrongName,
        _ => NoConnection::Certificate,
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread};

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
    use rustls::{ServerConfig, ServerConnection, pki_types::PrivateKeyDer};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };
    use url::Url;

    use super::*;
    use crate::{
        domain::network::Proxy,
        upstream::{
            scripted::{environment, no_log, nowhere, settings},
            transport::{Transport, TransportSettings, tests::post_fails},
        },
    };

    const NAME: &str = "corefy.test";

    fn authority() -> CertifiedIssuer<'static, KeyPair> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    /// A server with a certificate for [`NAME`] that `change` has altered; answers its port.
    fn serve_tls(authority: &CertifiedIssuer<'static, KeyPair>, change: fn(&mut CertificateParams)) -> u16 {
        let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, authority).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config =
            ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key);
        let config = Arc::new(config.unwrap());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                ServerConnection::new(config.clone()).unwrap().complete_io(&mut stream).ok();
            }
        });
        port
    }

    /// Does the same with each connection; answers the port.
    async fn serve<F: Future<Output = ()> + Send>(each: impl Fn(tokio::net::TcpStream) -> F + Send + 'static) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                each(stream).await;
            }
        });
        port
    }

    /// Why a client that trusts `authority` has no connection to `name`, where `port` is.
    async fn cause(authority: &CertifiedIssuer<'static, KeyPair>, name: &str, port: u16) -> NoConnection {
        let trusted = reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([trusted]);
        let client = client.resolve(name, ([127, 0, 0, 1], port).into()).build().unwrap();
        let error = client.get(format!("https://{name}:{port}")).send().await.unwrap_err();
        assert!(error.is_connect(), "{error:?}");
        NoConnection::read(&error)
    }

    #[tokio::test]
    async fn a_certificate_that_is_not_accepted_is_told_by_its_fault() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let authority = authority();
        let expired = serve_tls(&authority, |params| params.not_after = date_time_ymd(2001, 1, 1));
        assert_eq!(cause(&authority, NAME, expired).await, NoConnection::Expired);
        let early = serve_tls(&authority, |params| params.not_before = date_time_ymd(4000, 1, 1));
        assert_eq!(cause(&authority, NAME, early).await, NoConnection::NotValidYet);
        let good = serve_tls(&authority, |_| ());
        assert_eq!(cause(&authority, "another.test", good).await, NoConnection::WrongName);
        assert_eq!(cause(&self::authority(), NAME, good).await, NoConnection::UnknownAuthority);
    }

    /// Why a transport with these settings sends nothing.
    async fn sends_nothing(settings: TransportSettings) -> NoConnection {
        let once = TransportSettings { retries: 0, ..settings };
        post_fails(&Transport::new(once, environment(), no_log()).unwrap()).await
    }

    fn at(url: &str) -> TransportSettings {
        settings(Url::parse(url).unwrap())
    }

    #[tokio::test]
    async fn what_is_not_there_is_told_apart() {
        let port = serve_tls(&authority(), |_| ());
        let https = format!("https://127.0.0.1:{port}");
        assert_eq!(sends_nothing(at(&https)).await, NoConnection::UnknownAuthority);
        assert_eq!(sends_nothing(settings(nowhere())).await, NoConnection::Refused);
        assert_eq!(sends_nothing(at("http://nobody.invalid")).await, NoConnection::UnknownName);

        let plain = serve(|mut stream| async move {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.ok();
            let _ = stream.read(&mut [0; 1024]).await;
        });
        let https = format!("https://127.0.0.1:{}", plain.await);
        assert_eq!(sends_nothing(at(&https)).await, NoConnection::NotTls);
    }

    #[tokio::test]
    async fn a_proxy_that_does_not_let_through_is_told_as_such() {
        let beyond = |port: u16| {
            let proxy = Proxy::parse(&format!("http://127.0.0.1:{port}"));
            TransportSettings { proxy, ..at("https://corefy.test") }
        };
        for (answer, cause) in [
            ("HTTP/1.1 403 Forbidden\r\n\r\n", NoConnection::ProxyRefused),
            ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", NoConnection::ProxyCredentials),
        ] {
            let port = serve(move |mut stream| async move {
                let _ = stream.read(&mut [0; 1024]).await;
                stream.write_all(answer.as_bytes()).await.ok();
            });
            assert_eq!(sends_nothing(beyond(port.await)).await, cause, "{answer}");
        }
        assert_eq!(sends_nothing(beyond(nowhere().port().unwrap())).await, NoConnection::NoProxy);
    }
}
