//! Gateways as processes on one database, the sandbox, and the doors at which the payers call.

use std::sync::{Arc, Mutex};

use corefy_gateway::{domain::environment::Environment, sandbox::Sandbox};
use fastrand::Rng;
use tokio_util::sync::DropGuard;
use url::Url;

use crate::support::{
    app::start_sandbox,
    client::Client,
    database::{Backend, TestDatabase},
    process::{GatewayProcess, create_key},
};

/// Settings of every gateway: short times, so that more happens in each second.
const SETTINGS: [(&str, &str); 2] = [("COREFY_TIMEOUT_SECONDS", "2"), ("GATEWAY_DRAIN_SECONDS", "10")];

/// One client for each gateway, exchanged when the gateway is started again.
pub struct Doors(Mutex<Vec<Client>>);

/// All of it.
pub struct World {
    pub database: TestDatabase,
    pub sandbox: Sandbox,
    pub doors: Arc<Doors>,
    pub gateways: Vec<GatewayProcess>,
    pub key: String,
    _stop_sandbox: DropGuard,
}

impl Doors {
    /// Any of them.
    pub fn any(&self, random: &mut Rng) -> Client {
        let clients = self.0.lock().unwrap();
        clients[random.usize(..clients.len())].clone()
    }
}

impl World {
    /// Starts `count` gateways. `None`: the database is not to be had.
    pub async fn start(backend: Backend, count: usize) -> Option<Self> {
        let database = TestDatabase::new(backend).await?;
        let (sandbox, _stop_sandbox) = start_sandbox(&Environment::system()).await;
        // Makes every repeated request cost money again.
        sandbox.faults().set(|switches| {
            switches.charge_again = true;
            switches.ignore_idempotency_keys = true;
        });
        let key = create_key(&database).await;
        let mut gateways = Vec::new();
        for _ in 0..count {
            gateways.push(GatewayProcess::start(&database, &sandbox, &SETTINGS).await);
        }
        let doors = Arc::new(Doors(Mutex::new(gateways.iter().map(|gateway| gateway.client(&key)).collect())));
        let world = Self { database, sandbox, doors, gateways, key, _stop_sandbox };
        world.send_webhooks_to(0);
        Some(world)
    }

    /// Starts another gateway instead of one that has ended.
    pub async fn replace(&mut self, place: usize) {
        let gateway = GatewayProcess::start(&self.database, &self.sandbox, &SETTINGS).await;
        self.doors.0.lock().unwrap()[place] = gateway.client(&self.key);
        self.gateways[place] = gateway;
        self.send_webhooks_to(place);
    }

    fn send_webhooks_to(&self, place: usize) {
        let url = format!("http://{}/webhooks/corefy", self.gateways[place].http);
        self.sandbox.set_webhook_url(Url::parse(&url).ok());
    }

    /// Ends the leases of what is under way, as time does in half a minute. A holder that lives has to bear it.
    pub async fn end_leases(&self) {
        self.database.execute("UPDATE operations SET lease_until = 1, next_check_at = 1 WHERE state = 'sent'").await;
    }

    /// Makes everything open five minutes older. Only when nothing is being sent: what Corefy does not show then counts
    /// as never received.
    pub async fn age(&self) {
        const AGE: &str = "UPDATE operations SET sent_at = sent_at - 300000000, lease_until = 1, next_check_at = 1 \
                           WHERE state IN ('sent', 'in_doubt')";
        self.database.execute(AGE).await;
    }
}
