//! Certificates from files, read again when the files change.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use rustls::{
    RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject as _},
    },
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use tokio::{task::spawn_blocking, time::sleep};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

use crate::task;

/// How often the files are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// Where the certificates of a port are, all in PEM.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// The port's own certificate, followed by those between it and its authority.
    pub certificate: PathBuf,
    /// The key of that certificate, without a password.
    pub key: PathBuf,
    /// The authorities of clients' certificates, which are then required. `None`: no certificate is required.
    pub client_ca: Option<PathBuf>,
    /// The protocols to offer (ALPN), the preferred one first.
    pub protocols: &'static [&'static str],
}

/// Why certificates could not be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", file.display())]
pub struct CertificateError {
    /// The file.
    file: PathBuf,
    /// The fault of a file. Shows nothing of its content.
    problem: String,
}

/// The certificates of a port as they are in the files, but for the few seconds that a change takes to be seen.
pub struct Certificates {
    current: Current,
    _watch: AbortOnDropHandle<()>,
}

type Current = Arc<RwLock<Arc<ServerConfig>>>;

impl Certificates {
    /// Reads the files and watches them from then on. Files that are changed and cannot be used are logged, and the
    /// certificates before them stay.
    ///
    /// # Errors
    /// When the files cannot be used now.
    pub fn load(files: CertificateFiles) -> Result<Self, CertificateError> {
        let watched = Watched::load(files)?;
        let current = watched.current.clone();
        Ok(Self { current, _watch: AbortOnDropHandle::new(task::spawn("certificates", watch(watched))) })
    }

    /// Shakes hands by the present certificates.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(present(&self.current))
    }
}

fn present(current: &Current) -> Arc<ServerConfig> {
    current.read().unwrap_or_else(PoisonError::into_inner).clone()
}

async fn watch(mut watched: Watched) {
    loop {
        sleep(LOOK_INTERVAL).await;
        let looked = spawn_blocking(move || {
            watched.look();
            watched
        });
        let Ok(back) = looked.await else { return };
        watched = back;
    }
}

/// The state of a file: when it was changed, and its size in bytes. `None`: it does not exist.
type Mark = Option<(SystemTime, u64)>;

/// Files with the state in which they were last read.
struct Watched {
    files: CertificateFiles,
    seen: Vec<Mark>,
    current: Current,
}

impl Watched {
    fn load(files: CertificateFiles) -> Result<Self, CertificateError> {
        // Looked at before they are read, so that no change is missed.
        let seen = files.marks();
        let current = Arc::new(RwLock::new(files.read()?));
        Ok(Self { files, seen, current })
    }

    /// Reads the files again if they have changed.
    fn look(&mut self) {
        let marks = self.files.marks();
        if marks == self.seen {
            return;
        }
        self.seen = marks;
        match self.files.read() {
            Ok(config) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
                tracing::info!(file = %self.files.certificate.display(), "the TLS certificates were read again");
            }
            Err(error) => tracing::error!(%error, "the changed TLS certificates cannot be used; the old ones stay"),
        }
    }
}

impl CertificateFiles {
    fn marks(&self) -> Vec<Mark> {
        let mark = |path: &PathBuf| fs::metadata(path).and_then(|data| Ok((data.modified()?, data.len()))).ok();
        [&self.certificate, &self.key].into_iter().chain(&self.client_ca).map(mark).collect()
    }

    fn read(&self) -> Result<Arc<ServerConfig>, CertificateError> {
        let provider = Arc::new(ring::default_provider());
        let unfit = |problem: rustls::Error| CertificateError::new(&self.certificate, problem);
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_safe_default_protocol_versions().map_err(unfit)?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(file) => builder.with_client_cert_verifier(client_verifier(file, provider)?),
        };
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|cause| unreadable(&self.key, cause))?;
        // Refuses a key that is not the certificate's.
        let mut config = builder.with_single_cert(certificates(&self.certificate)?, key).map_err(unfit)?;
        config.alpn_protocols = self.protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(Arc::new(config))
    }
}

impl CertificateError {
    fn new(file: &Path, problem: impl fmt::Display) -> Self {
        Self { file: file.to_owned(), problem: problem.to_string() }
    }
}

/// Accepts clients with a certificate of one of the authorities in the file.
fn client_verifier(
    file: &Path,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, CertificateError> {
    let mut authorities = RootCertStore::empty();
    for certificate in certificates(file)? {
        authorities.add(certificate).map_err(|problem| CertificateError::new(file, problem))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider).build();
    verifier.map_err(|problem| CertificateError::new(file, problem))
}

/// All certificates of a file, at least one.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    match CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(certificates) if certificates.is_empty() => Err(unreadable(file, pem::Error::NoItemsFound)),
        found => found.map_err(|cause| unreadable(file, cause)),
    }
}

/// The cause itself may show a line of the file, and so of a key.
fn unreadable(file: &Path, cause: pem::Error) -> CertificateError {
    match cause {
        pem::Error::Io(cause) => CertificateError::new(file, cause),
        pem::Error::NoItemsFound => CertificateError::new(file, "holds nothing of what it should, in PEM"),
        _ => CertificateError::new(file, "is not PEM"),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use tempfile::TempDir;

    use super::*;

    /// Writes a new certificate with its key.
    fn write(directory: &TempDir) -> CertificateFiles {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["gateway.test".to_owned()]).unwrap();
        let files = CertificateFiles {
            certificate: directory.path().join("cert.pem"),
            key: directory.path().join("key.pem"),
            client_ca: None,
            protocols: &["h2"],
        };
        fs::write(&files.certificate, cert.pem()).unwrap();
        fs::write(&files.key, signing_key.serialize_pem()).unwrap();
        files
    }

    #[test]
    fn a_broken_file_leaves_the_certificate_and_a_mended_one_replaces_it() {
        let directory = tempfile::tempdir().unwrap();
        let mut watched = Watched::load(write(&directory)).unwrap();
        let first = present(&watched.current);
        for broken in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n"] {
            fs::write(&watched.files.certificate, broken).unwrap();
            watched.look();
            assert!(Arc::ptr_eq(&first, &present(&watched.current)), "{broken:?}");
        }
        fs::remove_file(&watched.files.key).unwrap();
        watched.look();
        assert!(Arc::ptr_eq(&first, &present(&watched.current)));
        write(&directory);
        watched.look();
        assert!(!Arc::ptr_eq(&first, &present(&watched.current)));
    }

    #[test]
    fn files_that_have_not_changed_are_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let mut watched = Watched::load(write(&directory)).unwrap();
        let first = present(&watched.current);
        watched.look();
        assert!(Arc::ptr_eq(&first, &present(&watched.current)));
    }

    #[test]
    fn an_error_names_the_file_and_shows_nothing_of_it() {
        let directory = tempfile::tempdir().unwrap();
        let files = write(&directory);
        for broken in ["secret", "-----BEGIN PRIVATE secret\n", "-----BEGIN PRIVATE KEY-----\nsecret!\n"] {
            fs::write(&files.key, broken).unwrap();
            let error = files.read().unwrap_err().to_string();
            assert!(error.contains("key.pem: ") && !error.contains("secret"), "{error}");
        }
    }
}
