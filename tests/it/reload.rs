//! Secrets in files that change while the gateway runs: SIGHUP has them read again.

use std::{fs, path::PathBuf};

use corefy_gateway::{config::local::SandboxKeys, domain::environment::Environment, pb};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;
use tonic::transport::Channel;

use crate::support::{
    app::{http_client, start_sandbox},
    client::Client,
    database::{TestDatabase, master_key_text},
    process::create_key,
    program::Program,
};
use crate::webhooks::{PATH, SECRET, sign};

crate::on_both!(secrets_in_files_are_read_again_on_a_hangup);

const BODY: &str = r#"{"event_id":"evt_1","event_type":"payout.created"}"#;
const READ_AGAIN: &str = "the secrets in files were read again secrets=";
const KEPT: &str = "the secrets in files cannot be used; those before them stay in use problem=";

/// A gateway whose secrets are in files.
struct Stage {
    program: Program,
    directory: TempDir,
    client: Client,
    webhooks: String,
}

async fn secrets_in_files_are_read_again_on_a_hangup(database: TestDatabase) {
    let (sandbox, _stop) = start_sandbox(&Environment::system()).await;
    let keys = SandboxKeys::default();
    let mut stage = Stage::start(&database, sandbox.base_url().as_str(), &keys).await;
    assert!(!stage.is_authenticated().await, "the key is another");
    assert_eq!(stage.send_webhook().await, 401, "the secret is another");

    stage.write("api-key", keys.api_key.expose_secret());
    stage.write("webhook-secret", SECRET);
    assert!(!stage.is_authenticated().await, "nobody said that the files have changed");
    stage.hang_up(READ_AGAIN).await;
    assert!(stage.is_authenticated().await);
    assert_eq!(stage.send_webhook().await, 200);

    // A file that cannot be used leaves the others unread, too.
    stage.write("webhook-secret", "canary-webhook-secret");
    stage.write("api-key", "canary\nof two lines");
    stage.hang_up(KEPT).await;
    assert!(stage.is_authenticated().await);
    assert_eq!(stage.send_webhook().await, 200);

    stage.write("api-key", "canary");
    stage.hang_up("COREFY_API_KEY: must have at least").await;
    assert!(stage.is_authenticated().await);

    // The old secret of webhooks is taken beside the new one, as long as it is named.
    stage.write("api-key", keys.api_key.expose_secret());
    stage.write("webhook-secret-previous", SECRET);
    stage.write("master-key", "another-master-key-0123456789abcdef");
    stage.hang_up("takes it over when it starts again variable=").await;
    assert_eq!(stage.send_webhook().await, 200);
    assert!(stage.is_authenticated().await, "the key of callers is hashed by the master key of the start");

    stage.program.terminate();
    assert_eq!(stage.program.exit_code().await, Some(0));
    let said = stage.program.said();
    assert!(!said.contains("canary") && !said.contains(keys.api_key.expose_secret()), "{said}");
}

impl Stage {
    async fn start(database: &TestDatabase, corefy: &str, keys: &SandboxKeys) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        let files = ["api-key", "webhook-secret", "webhook-secret-previous", "master-key"].map(path);
        let contents =
            ["of-yesterday", "of-yesterday", "of-yesterday", master_key_text().expose_secret()].map(str::to_owned);
        for (file, content) in files.iter().zip(contents) {
            fs::write(file, content).unwrap();
        }
        let key = create_key(database).await;
        let variables = [
            ("COREFY_API_KEY_FILE", files[0].as_str()),
            ("COREFY_WEBHOOK_SECRET_FILE", &files[1]),
            ("COREFY_WEBHOOK_SECRET_PREVIOUS_FILE", &files[2]),
            ("GATEWAY_MASTER_KEY_FILE", &files[3]),
            ("COREFY_SECRET_KEY", keys.secret_key.expose_secret()),
            ("COREFY_CLIENT_KEY", keys.client_key.expose_secret()),
            ("COREFY_BASE_URL", corefy),
            ("DATABASE_URL", database.url()),
            ("GATEWAY_GRPC_ADDR", "127.0.0.1:0"),
            ("GATEWAY_HTTP_ADDR", "127.0.0.1:0"),
        ];
        let mut program = Program::start(directory.path(), &["serve"], &variables);
        let grpc = program.word_after("grpc=").await;
        let http = program.word_after(" http=").await;
        let channel = Channel::from_shared(format!("http://{grpc}")).unwrap().connect_lazy();
        Self { program, directory, client: Client::over(channel, &key), webhooks: format!("http://{http}{PATH}") }
    }

    fn write(&self, name: &str, secret: &str) {
        let file: PathBuf = self.directory.path().join(name);
        fs::write(file, format!("{secret}\n")).unwrap();
    }

    /// Has the files read again, and waits until the log says what came of it, for the first time.
    async fn hang_up(&mut self, outcome: &str) {
        let before = self.program.said().matches(outcome).count();
        assert_eq!(before, 0, "{outcome} was said already");
        self.program.hang_up();
        self.program.word_after(outcome).await;
    }

    /// Whether Corefy lets the gateway in.
    async fn is_authenticated(&self) -> bool {
        self.client.test_connection(pb::TestConnectionRequest {}).await.unwrap().into_inner().authenticated
    }

    /// Sends a webhook that is signed as the sandbox does it, and answers the HTTP status.
    async fn send_webhook(&self) -> u16 {
        let signature = sign(SECRET, BODY.as_bytes());
        let request = http_client().post(&self.webhooks).body(BODY).header("x-signature", signature);
        request.send().await.unwrap().status().as_u16()
    }
}
