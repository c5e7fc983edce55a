//! A gateway as a process of its own, on a database that others may share.

use std::net::SocketAddr;

use corefy_gateway::{
    app::key_admin::{KeyAdmin, NewKey},
    config::local::SandboxKeys,
    domain::{api_key::Scope, environment::Environment},
    sandbox::Sandbox,
};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;
use tonic::transport::Channel;

use super::{
    client::Client,
    database::{TestDatabase, master_key_text},
    operator::note,
    program::{Program, Variables},
};

/// A gateway that serves; killed when dropped.
pub struct GatewayProcess {
    /// Its process.
    pub program: Program,
    /// Where it is called.
    pub grpc: SocketAddr,
    /// Where it takes webhooks.
    pub http: SocketAddr,
    _directory: TempDir,
}

impl GatewayProcess {
    /// Starts one on free ports, with these settings beside those that it needs.
    pub async fn start(database: &TestDatabase, sandbox: &Sandbox, settings: &Variables<'_>) -> Self {
        Self::start_by(&[], database, sandbox, settings).await
    }

    /// The same by a launcher, as `env` with arguments of its own, which becomes the program.
    pub async fn start_by(
        launcher: &[&str],
        database: &TestDatabase,
        sandbox: &Sandbox,
        settings: &Variables<'_>,
    ) -> Self {
        let keys = SandboxKeys::default();
        let (master_key, base_url) = (master_key_text(), sandbox.base_url());
        let needed = [
            ("COREFY_API_KEY", keys.api_key.expose_secret()),
            ("COREFY_SECRET_KEY", keys.secret_key.expose_secret()),
            ("COREFY_CLIENT_KEY", keys.client_key.expose_secret()),
            ("COREFY_WEBHOOK_SECRET", keys.webhook_secret.expose_secret()),
            ("COREFY_BASE_URL", base_url.as_str()),
            ("COREFY_RATE_LIMIT_PER_MINUTE", "100000"),
            ("DATABASE_URL", database.url()),
            ("GATEWAY_MASTER_KEY", master_key.expose_secret()),
            ("GATEWAY_GRPC_ADDR", "127.0.0.1:0"),
            ("GATEWAY_HTTP_ADDR", "127.0.0.1:0"),
        ];
        let directory = tempfile::tempdir().unwrap();
        let mut program = Program::start_by(launcher, directory.path(), &["serve"], &[&needed[..], settings].concat());
        let grpc = program.word_after("grpc=").await.parse().unwrap();
        let http = program.word_after(" http=").await.parse().unwrap();
        Self { program, grpc, http, _directory: directory }
    }

    /// A caller of it, which connects when it first calls and again after each break.
    pub fn client(&self, key: &str) -> Client {
        let channel = Channel::from_shared(format!("http://{}", self.grpc)).unwrap().connect_lazy();
        Client::over(channel, key)
    }
}

/// A key that may do everything, `pk_…:sk_…`.
pub async fn create_key(database: &TestDatabase) -> String {
    create_key_of("Acme", database).await
}

/// A key of the partner of this name that may do everything, `pk_…:sk_…`.
pub async fn create_key_of(partner: &str, database: &TestDatabase) -> String {
    let new = NewKey {
        partner_name: partner.to_owned(),
        key_name: "processes".to_owned(),
        scopes: Scope::ALL.to_vec(),
        allowed: Vec::new(),
        expires_at: None,
    };
    let keys = KeyAdmin::new(database.store().await, Environment::system(), note());
    keys.create(new).await.unwrap().expose_secret().to_owned()
}
