//! The sandbox of a contender, which can be gone for a while.

use std::{
    error::Error,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    contender::program,
    process::{Process, free_addr},
};

/// How long a gateway may take to notice that its connections are closed.
const CLOSING: Duration = Duration::from_millis(200);

/// A sandbox, which keeps its address.
pub struct Sandbox {
    process: Option<Process>,
    addr: SocketAddr,
    url: String,
    /// Where its webhooks go.
    webhooks: SocketAddr,
    log: PathBuf,
    client: reqwest::Client,
}

impl Sandbox {
    /// Starts the sandbox of the contender `name`, whose webhooks go to `webhooks` once they are wanted.
    pub async fn start(dir: &Path, name: &str, webhooks: SocketAddr) -> Result<Self, Box<dyn Error>> {
        let addr = free_addr()?;
        let mut sandbox = Self {
            process: None,
            addr,
            url: format!("http://{addr}"),
            webhooks,
            log: dir.join(format!("sandbox-{name}-{}.log", addr.port())),
            client: reqwest::Client::builder().no_proxy().build()?,
        };
        sandbox.come_back().await?;
        Ok(sandbox)
    }

    /// Its base URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Refuses connections from now on, and forgets everything.
    pub async fn go_away(&mut self) {
        self.process = None;
        tokio::time::sleep(CLOSING).await;
    }

    /// Serves again, or for the first time; it sends no webhooks.
    pub async fn come_back(&mut self) -> Result<(), Box<dyn Error>> {
        let mut command = program();
        command
            .arg("sandbox")
            .env("GATEWAY_SANDBOX_ADDR", self.addr.to_string())
            .env("GATEWAY_SANDBOX_WEBHOOK_URL", format!("http://{}/webhooks/corefy", self.webhooks))
            .env("GATEWAY_LOG", "error");
        self.process = Some(Process::start(command, self.addr, self.log.clone())?);
        self.send_webhooks(false).await
    }

    /// Sends webhooks from now on, or no more.
    pub async fn send_webhooks(&self, wanted: bool) -> Result<(), Box<dyn Error>> {
        let lost = if wanted { 0 } else { 100 };
        let faults = json!({ "switches": { "webhooks": { "loss_percent": lost } } });
        let sent = self.client.post(format!("{}/_sandbox/faults", self.url)).json(&faults).send().await?;
        sent.error_for_status()?;
        Ok(())
    }

    /// Forgets everything, while nobody calls.
    pub async fn forget(&self) -> Result<(), Box<dyn Error>> {
        self.client.post(format!("{}/_sandbox/reset", self.url)).send().await?.error_for_status()?;
        Ok(())
    }

    /// How many payments were made since it came back.
    pub async fn payment_count(&self) -> Result<usize, Box<dyn Error>> {
        Ok(self.view("payments").await?.as_array().map_or(0, Vec::len))
    }

    /// How many refunds gave money back.
    pub async fn refund_count(&self) -> Result<usize, Box<dyn Error>> {
        let ledger = self.view("ledger").await?;
        let entries = ledger["entries"].as_array().into_iter().flatten();
        Ok(entries.filter(|entry| entry["kind"] == "refund").count())
    }

    async fn view(&self, name: &str) -> Result<Value, Box<dyn Error>> {
        Ok(self.client.get(format!("{}/_sandbox/{name}", self.url)).send().await?.json().await?)
    }
}
