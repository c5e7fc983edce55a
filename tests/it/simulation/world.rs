//! The world of a run: the gateways, their database and their Corefy, their callers and the time, and the steps of the plan.

use std::{net::IpAddr, sync::Arc, time::Duration};

use corefy_gateway::{
    app::{audit::AuditLog, webhooks::Delivery},
    config::local::{SandboxKeys, sandbox_upstream},
    domain::{environment::Environment, proxies::CallSource},
    sandbox::{Sandbox, SignedWebhook},
};
use fastrand::Rng;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    calls::{CallAnswer, CallRequest, PaidBy},
    customer_calls::CustomerRequest,
    gateway::{Circumstances, SimulatedGateway, WorkPace},
    judge::Judge,
    network::Network,
    nights::retention,
    plan::{CallPlan, Post, SimulationPlan, SimulationStep},
    template::Template,
    threshold::{DayTime, WorldTime},
};
use crate::support::{
    app::{START, config, in_commerce, sandbox_options},
    database::TestDatabase,
};

/// How long a call may take at most.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long a gateway may take to receive a webhook.
const RECEIPT: Duration = Duration::from_secs(5);
/// Connections that read, of each gateway: fewer than there are tasks.
const CONNECTIONS: u32 = 2;
/// The pause of workers while the plan goes on.
const BUSY: Duration = Duration::from_millis(1500);

/// A call that was made.
#[derive(Clone, Debug)]
pub struct MadeCall {
    pub caller: usize,
    pub request: CallRequest,
    pub key: String,
    pub last: Option<CallAnswer>,
}

impl MadeCall {
    /// Whether the caller knows what came of it.
    pub fn is_over(&self) -> bool {
        matches!(self.last, Some(CallAnswer::Object { is_final: true, .. } | CallAnswer::Refused { .. }))
    }
}

/// The world.
pub struct World {
    pub judge: Arc<Judge>,
    pub network: Arc<Network>,
    pub pace: WorkPace,
    pub made: Vec<MadeCall>,
    pub circumstances: Circumstances,
    pub gateways: Vec<SimulatedGateway>,
    /// Intents that callers know, with the caller that each is of.
    pub intents: Vec<(usize, String)>,
    /// Whether hours have gone by at once.
    pub has_jumped: bool,
    /// Whether something happened to payments that no gateway asked for.
    pub has_news_outside: bool,
    /// Customers that callers know, in the same way.
    customers: Vec<(usize, String)>,
    running: JoinSet<(usize, String, CallAnswer)>,
    hang_up: Option<tokio::task::AbortHandle>,
    calls: usize,
    lives: u64,
    post: Post,
    kept: Vec<SignedWebhook>,
    rng: Rng,
    _database: TestDatabase,
}

impl World {
    /// The world of this plan at its beginning.
    pub async fn new(plan: &SimulationPlan, template: &Template) -> Self {
        let world_time = WorldTime::begin();
        let database = template.database();
        let environment = Environment::from_seed(START, plan.seed);
        let time = DayTime::new(environment.clock.clone(), world_time.clone());
        let corefy = Sandbox::in_process(sandbox_options(), environment).unwrap();
        // In the other API it would also let a paid invoice fail.
        corefy.faults().set(|switches| {
            switches.charge_again = !plan.is_commerce;
            switches.commerce = plan.account();
        });
        let mut config = config(&database, sandbox_upstream(&SandboxKeys::default(), corefy.base_url()));
        config.database.connections = CONNECTIONS;
        config.retention = retention();
        if plan.is_commerce {
            in_commerce(&mut config);
        }
        let judge = Arc::new(Judge::new(database.store().await, corefy.clone(), template.callers.clone()));
        let (patience, judge_too) = (config.upstream.timeout, judge.clone());
        let (fates, charge_fates, under_way) = Default::default();
        let network = Arc::new(Network { corefy, time, patience, judge: judge_too, fates, charge_fates, under_way });
        let pace = WorkPace::new(BUSY);
        let is_beside_others = plan.gateways > 1;
        let circumstances = Circumstances {
            config: Arc::new(config),
            network: network.clone(),
            seed: plan.seed,
            time: world_time,
            pace: pace.clone(),
            is_beside_others,
        };
        let mut gateways = Vec::new();
        for number in 0..plan.gateways {
            gateways.push(SimulatedGateway::start(&circumstances, number, 0).await);
        }
        Self {
            judge,
            network,
            pace,
            made: Vec::new(),
            circumstances,
            gateways,
            intents: Vec::new(),
            has_jumped: false,
            has_news_outside: false,
            customers: Vec::new(),
            running: JoinSet::new(),
            hang_up: None,
            calls: 0,
            lives: 0,
            post: Post::InOrder,
            kept: Vec::new(),
            rng: Rng::with_seed(plan.seed),
            _database: database,
        }
    }

    /// Takes a step.
    pub async fn take(&mut self, step: &SimulationStep) {
        match step {
            SimulationStep::Begin(gateway, plan) => self.begin_planned(*gateway, plan),
            SimulationStep::Again { call, gateway } => self.again(*call, *gateway),
            SimulationStep::ReuseKey { call, gateway, plan } => self.reuse_key(*call, *gateway, plan),
            SimulationStep::HangUp => self.hang_up.iter().for_each(tokio::task::AbortHandle::abort),
            SimulationStep::Befall(later, fate) => self.network.fates.lock().unwrap().push((*later, *fate)),
            SimulationStep::BefallCharge(fate) => self.network.charge_fates.lock().unwrap().push_back(*fate),
            SimulationStep::Strike(gateway, meetings, mishap) => {
                self.gateways[*gateway].threshold.plan(*meetings, *mishap);
            }
            SimulationStep::Pass(time) => self.pass(*time).await,
            SimulationStep::Deliver(post) => self.post = *post,
            SimulationStep::PayerActs { intent, is_approved } => {
                if let Some((_, id)) = chosen(&self.intents, *intent).cloned() {
                    self.payer_acts(&id, *is_approved).await;
                }
            }
            SimulationStep::OutsiderActs { intent, act } => {
                if let Some((_, id)) = chosen(&self.intents, *intent).cloned() {
                    self.act_outside(&id, *act);
                }
            }
            SimulationStep::Resolve => self.resolve().await,
            SimulationStep::SetClock(gateway, millis) => self.gateways[*gateway].threshold.time.set_off(*millis),
            SimulationStep::Jump(time) => self.jump(*time),
            SimulationStep::Prune(gateway) => self.prune(*gateway).await,
            SimulationStep::HidePayments(is_hidden) => {
                self.network.corefy.faults().set(|switches| switches.hide_payments = *is_hidden);
            }
        }
    }

    fn begin_planned(&mut self, gateway: usize, plan: &CallPlan) {
        if let Some((caller, request)) = self.request(plan) {
            self.make_at(caller, request, gateway);
        }
    }

    /// Has a caller make a call under a key of its own, at any gateway.
    pub fn make(&mut self, caller: usize, request: CallRequest) {
        let gateway = self.made.len();
        self.make_at(caller, request, gateway);
    }

    fn make_at(&mut self, caller: usize, request: CallRequest, gateway: usize) {
        let key = format!("key-{}", self.made.len());
        self.made.push(MadeCall { caller, request, key, last: None });
        self.begin(self.made.len() - 1, gateway);
    }

    /// Makes the earlier call again.
    pub fn again(&mut self, call: usize, gateway: usize) {
        if !self.made.is_empty() {
            self.begin(call % self.made.len(), gateway);
        }
    }

    fn reuse_key(&mut self, call: usize, gateway: usize, plan: &CallPlan) {
        let Some(MadeCall { caller, key, .. }) = chosen(&self.made, call).cloned() else { return };
        let Some((of, request)) = self.request(plan) else { return };
        if of == caller {
            self.made.push(MadeCall { caller, request, key, last: None });
            self.begin(self.made.len() - 1, gateway);
        }
    }

    /// The call of a plan, and the caller who makes it; `None`: there is nothing that it could be about.
    fn request(&self, plan: &CallPlan) -> Option<(usize, CallRequest)> {
        let about = |number: &usize| chosen(&self.intents, *number).cloned();
        Some(match plan {
            CallPlan::Create { partner } => (*partner, CallRequest::Create),
            CallPlan::Confirm { intent, card } => self.confirming(*intent, PaidBy::Card(card))?,
            CallPlan::ConfirmOnPage { intent } => self.confirming(*intent, PaidBy::Page)?,
            CallPlan::ConfirmSaving { intent, card } => self.confirming(*intent, PaidBy::CardToSave(card))?,
            CallPlan::ConfirmSaved { intent, method, by_merchant } => {
                let (_, method) = chosen(&self.judge.saved_methods(), *method)?.clone();
                self.confirming(*intent, PaidBy::Saved { method: method.to_string(), by_merchant: *by_merchant })?
            }
            CallPlan::CreateFor { customer, by_other } => {
                let (owner, customer) = chosen(&self.customers, *customer).cloned()?;
                let caller = (owner + usize::from(*by_other)) % self.judge.callers.len();
                (caller, CallRequest::CreateFor { customer })
            }
            CallPlan::CreateCustomer { .. } | CallPlan::Save { .. } | CallPlan::Remove { .. } => {
                let (caller, request) = self.about_customer(plan)?;
                (caller, CallRequest::OfCustomer(request))
            }
            CallPlan::Refund { intent, dollars, cents } => {
                let amount = format!("{dollars}.{cents:02}");
                about(intent).map(|(caller, intent)| (caller, CallRequest::Refund { intent, amount }))?
            }
            CallPlan::Cancel { intent } => {
                about(intent).map(|(caller, intent)| (caller, CallRequest::Cancel { intent }))?
            }
            CallPlan::Read { intent } => {
                about(intent).map(|(caller, intent)| (caller, CallRequest::Read { intent }))?
            }
        })
    }

    fn confirming(&self, intent: usize, means: PaidBy) -> Option<(usize, CallRequest)> {
        let (caller, intent) = chosen(&self.intents, intent).cloned()?;
        Some((caller, CallRequest::Confirm { intent, means }))
    }

    fn about_customer(&self, plan: &CallPlan) -> Option<(usize, CustomerRequest)> {
        match plan {
            CallPlan::CreateCustomer { partner, reference } => {
                Some((*partner, CustomerRequest::Create { reference: *reference }))
            }
            CallPlan::Save { customer, card } => {
                let (caller, customer) = chosen(&self.customers, *customer).cloned()?;
                Some((caller, CustomerRequest::Save { customer, card }))
            }
            CallPlan::Remove { method } => {
                let (partner, method) = chosen(&self.judge.saved_methods(), *method)?.clone();
                let caller = self.judge.callers.iter().position(|caller| caller.partner == partner)?;
                Some((caller, CustomerRequest::Remove { method: method.to_string() }))
            }
            _ => None,
        }
    }

    fn begin(&mut self, call: usize, gateway: usize) {
        self.calls += 1;
        let (MadeCall { caller, request, key, .. }, request_id) = (&self.made[call], format!("request-{}", self.calls));
        self.judge.note_call(request, &request_id);
        let gateway = &self.gateways[gateway % self.gateways.len()];
        let api_key = self.judge.callers[*caller].api_key.clone();
        let making = request.clone().make(gateway.service.clone(), api_key, key.clone(), request_id.clone());
        let threshold = gateway.threshold.clone();
        threshold.time.follow();
        self.hang_up = Some(self.running.spawn(async move {
            let answer = tokio::select! {
                biased;
                () = threshold.died() => Some(CallAnswer::Cut),
                made = timeout(PATIENCE, making) => made.ok(),
            };
            let late = || CallAnswer::Refused { reason: "INTERNAL".into(), message: "no answer".into() };
            (call, request_id, answer.unwrap_or_else(late))
        }));
    }

    /// Lets time go by; then the judge looks at it all.
    pub async fn pass(&mut self, time: Duration) {
        self.let_pass(time).await;
        self.judge.look().await;
    }

    /// Lets time go by; then answers have arrived, the dead are replaced, and webhooks arrive.
    pub async fn let_pass(&mut self, time: Duration) {
        sleep(time).await;
        self.network.time.follow();
        self.network.corefy.settle_due();
        self.hear_ended();
        for number in 0..self.gateways.len() {
            if self.gateways[number].threshold.is_dead() {
                self.lives += 1;
                self.judge.note(|| format!("g{number} died, and is started again"));
                self.gateways[number] = SimulatedGateway::start(&self.circumstances, number, self.lives).await;
            }
        }
        self.deliver().await;
    }

    /// Takes the answers that have arrived.
    pub fn hear_ended(&mut self) {
        while let Some(ended) = self.running.try_join_next() {
            // One that hung up heard nothing.
            if let Ok((call, request_id, answer)) = ended {
                self.heard(call, &request_id, answer);
            }
        }
    }

    fn heard(&mut self, call: usize, request_id: &str, answer: CallAnswer) {
        let MadeCall { caller, request, key, last } = &mut self.made[call];
        self.judge.note_answer(&self.judge.callers[*caller], key, request, request_id, &answer);
        let makes_customer = matches!(request, CallRequest::OfCustomer(CustomerRequest::Create { .. }));
        let known = match &request {
            request if request.makes_intent() => Some(&mut self.intents),
            _ if makes_customer => Some(&mut self.customers),
            _ => None,
        };
        if let (Some(known), CallAnswer::Object { id, .. }) = (known, &answer)
            && known.iter().all(|(_, known)| known != id)
        {
            known.push((*caller, id.clone()));
        }
        *last = Some(answer);
    }

    async fn deliver(&mut self) {
        let mut webhooks = std::mem::take(&mut self.kept);
        webhooks.extend(self.network.corefy.take_held());
        match std::mem::replace(&mut self.post, Post::InOrder) {
            Post::InOrder => {}
            Post::Lost => webhooks.clear(),
            Post::Twice => webhooks.extend(webhooks.clone()),
            Post::Backwards => webhooks.reverse(),
            Post::Kept => self.kept = std::mem::take(&mut webhooks),
        }
        let source = CallSource { address: None, peer: IpAddr::from([127, 0, 0, 1]) };
        for webhook in webhooks {
            let gateway = self.rng.choice(&self.gateways).unwrap();
            gateway.threshold.time.follow();
            let signature = Some(webhook.signature.as_str());
            let delivery = Delivery { body: &webhook.body, signature, headers: "{}", source };
            gateway.app.webhooks.verify_webhook(&delivery).unwrap();
            // One that is not received in time is lost.
            let _ = timeout(RECEIPT, gateway.app.webhooks.receive_webhook(&delivery)).await;
        }
    }

    /// Lets nothing go wrong any more.
    pub fn end_mishaps(&mut self) {
        self.gateways.iter().for_each(|gateway| gateway.threshold.spare());
        self.network.fates.lock().unwrap().clear();
        self.network.charge_fates.lock().unwrap().clear();
        self.network.corefy.faults().set(|switches| switches.hide_payments = false);
        self.post = Post::InOrder;
    }

    /// Waits for every call that is under way.
    pub async fn hear_all(&mut self) {
        while let Some(ended) = self.running.join_next().await {
            if let Ok((call, request_id, answer)) = ended {
                self.heard(call, &request_id, answer);
            }
        }
    }

    /// The log of what was decided.
    pub fn audit_log(&self) -> AuditLog {
        AuditLog::new(self.judge.store.clone(), Environment::from_seed(START, 0))
    }
}

fn chosen<T>(of: &[T], number: usize) -> Option<&T> {
    if of.is_empty() { None } else { Some(&of[number % of.len()]) }
}
