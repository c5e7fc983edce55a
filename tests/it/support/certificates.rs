//! Certificates made for one test: authorities, and what they sign.

use std::{fs, path::PathBuf};

use corefy_gateway::config::TlsConfig;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

/// The name that servers have in their certificates.
pub const SERVER_NAME: &str = "gateway.test";

/// A certificate authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
pub struct Identity {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its own certificate, in PEM: what others trust it by.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for [`SERVER_NAME`], which is as good for a client.
    pub fn sign(&self) -> Identity {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![SERVER_NAME.to_owned()]).unwrap();
        Identity { certificate: params.signed_by(&key, &self.0).unwrap().pem(), key: key.serialize_pem() }
    }
}

/// The files that a gateway has its certificates in; gone when dropped.
pub struct Files(TempDir);

impl Files {
    pub fn new(identity: &Identity) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.write(identity);
        files
    }

    /// Replaces the present certificate by another.
    pub fn write(&self, identity: &Identity) {
        fs::write(self.path("key.pem"), &identity.key).unwrap();
        fs::write(self.path("cert.pem"), &identity.certificate).unwrap();
    }

    /// The settings that name them.
    pub fn config(&self) -> TlsConfig {
        TlsConfig { certificate: self.path("cert.pem"), key: self.path("key.pem"), client_ca: None }
    }

    /// The settings that name them, with this authority of clients.
    pub fn config_for_clients_of(&self, authority: &Authority) -> TlsConfig {
        fs::write(self.path("clients.pem"), authority.pem()).unwrap();
        TlsConfig { client_ca: Some(self.path("clients.pem")), ..self.config() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}
