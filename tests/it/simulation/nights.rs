//! Nights of a run: hours that go by at once, with which leases, passes and keys end, and what gateways delete after them.

use std::{sync::atomic::Ordering, time::Duration};

use corefy_gateway::{
    app::App,
    domain::retention::{RetainedKind, Retention},
};

use super::{calls::CallRequest, gateway::SimulatedGateway, world::World};

/// How long everything is kept that is deleted in time: longer than a run takes without its nights.
const KEPT: Duration = Duration::from_secs(6 * 3600);
/// How often each payment is read after the last night, and how long after each: once for each look that absence needs.
const READS: (u32, Duration) = (3, Duration::from_secs(30));

/// The retention of simulated gateways.
pub fn retention() -> Retention {
    Retention {
        api_calls: KEPT,
        operations: KEPT,
        webhooks: KEPT,
        events: KEPT,
        risk_decisions: KEPT,
        payer_data: KEPT,
        audit_log: KEPT,
    }
}

/// Deletes what is past its time. Returns how many rows.
async fn prune_all(app: App) -> usize {
    let mut pruned = 0;
    for kind in RetainedKind::ALL {
        while let Ok(rows @ 1..) = app.payments.prune(*kind).await {
            pruned += rows;
        }
    }
    pruned
}

impl World {
    /// Lets so much time go by at once. Not while a request is on its way or a gateway holds one back: to whoever sent it, it is sent
    /// now, and nothing is promised where the clock jumps meanwhile.
    pub fn jump(&mut self, time: Duration) {
        let holds_back = self.gateways.iter().any(|gateway| gateway.threshold.holds_up());
        if holds_back || self.network.under_way.load(Ordering::Relaxed) > 0 {
            return self.judge.note(|| "something is on its way".to_owned());
        }
        self.circumstances.time.jump(time);
        self.gateways.iter().for_each(|gateway| gateway.threshold.time.follow());
        self.network.time.follow();
        self.has_jumped = true;
    }

    /// Has a gateway delete what is past its time, once the judge has seen it. Keys that go with it are free.
    pub async fn prune(&mut self, gateway: usize) {
        self.judge.look().await;
        // An answer that arrived before is forgotten with the rest.
        self.hear_ended();
        let SimulatedGateway { app, threshold, .. } = &self.gateways[gateway];
        let pruned = tokio::select! {
            biased;
            () = threshold.died() => 0,
            // A task of its own, which stands where the gateway dies, as all of it does.
            pruned = tokio::spawn(prune_all(app.clone())) => pruned.unwrap(),
        };
        self.judge.note(|| format!("g{gateway} deletes {pruned}"));
        self.judge.forget_answers();
    }

    /// Has callers read what they wait for. After a night it is asked about by itself only once in hours or days.
    pub async fn read_all(&mut self) {
        for _ in 0..READS.0 {
            for (caller, intent) in self.intents.clone() {
                self.make(caller, CallRequest::Read { intent });
            }
            for call in 0..self.made.len() {
                if self.made[call].request.is_keyed() && !self.made[call].is_over() {
                    self.again(call, call);
                }
            }
            self.hear_all().await;
            self.let_pass(READS.1).await;
        }
    }
}
