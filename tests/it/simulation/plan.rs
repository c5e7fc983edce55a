//! The plan of a run: a list of steps that a seed gives. Parts of the list are plans as well, by which a failure is made shorter.

use std::time::Duration;

use corefy_gateway::sandbox::{CommerceSwitches, CreatedStatus, DuplicateAnswer};
use fastrand::Rng;

use super::{network::Fate, outsiders::OutsideAct, scenarios::SCENARIOS, threshold::Mishap};

/// Steps of a run.
const STEPS: std::ops::Range<usize> = 10..32;
/// The time in which intents are created.
const CREATING: Duration = Duration::from_millis(100);
/// Gateways beside each other at most.
const MOST_GATEWAYS: usize = 3;
/// Meetings with the database or the network after which something happens to a gateway, at most.
const MEETINGS: u32 = 24;
/// How far a request may be late: the gateway takes nothing for absent before it is 120 s old.
const LATEST_MS: u64 = 60_000;

/// The kinds of plans that seeds give in turn: any, one about customers, one with payers and others outside, a scenario.
const KINDS: u64 = 4;
/// The longest time that goes by at once, in hours. What is in doubt is asked about for a week.
const LONGEST_JUMP: u64 = 60;
/// Jumps of a plan at most.
const MOST_JUMPS: usize = 2;

/// A card that is charged.
pub const APPROVED: &str = "4111111111111111";
/// A card that is declined.
pub const DECLINED: &str = "4000000000009995";
/// The cards: approved, declined, asked for more, processing.
const CARDS: [&str; 6] = [APPROVED, APPROVED, APPROVED, DECLINED, "4000000000003220", "4000000000000077"];

/// The cents of refunds: given back at once, given back later, failing later, refused.
const CENTS: [u8; 6] = [0, 0, 0, 61, 62, 63];

/// The plan of a run.
#[derive(Clone, Debug)]
pub struct SimulationPlan {
    pub seed: u64,
    /// Whether Corefy is spoken to in its `commerce` API.
    pub is_commerce: bool,
    pub gateways: usize,
    /// The steps, each with its place in the whole list of the seed.
    pub steps: Vec<(usize, SimulationStep)>,
}

/// A step. Numbers stand for one of those that there are.
#[derive(Clone, Debug)]
pub enum SimulationStep {
    /// A caller calls this gateway.
    Begin(usize, CallPlan),
    /// The call of this number is made again, under its key, at this gateway.
    Again { call: usize, gateway: usize },
    /// The key of this call is used for another call.
    ReuseKey { call: usize, gateway: usize, plan: CallPlan },
    /// The last caller hangs up.
    HangUp,
    /// A request meets this fate, so many later.
    Befall(u8, Fate),
    /// The next request that charges meets this fate.
    BefallCharge(Fate),
    /// This happens to the gateway, so many meetings later.
    Strike(usize, u32, Mishap),
    /// Time goes by, and webhooks arrive.
    Pass(Duration),
    /// The webhooks of the next time that goes by are treated so.
    Deliver(Post),
    /// Somebody does this to the payment of this intent, and no gateway asked for it.
    OutsiderActs { intent: usize, act: OutsideAct },
    /// The payer of this intent does what is asked, or refuses to.
    PayerActs { intent: usize, is_approved: bool },
    /// An operator says of what is in doubt what Corefy's own pages show.
    Resolve,
    /// The clock of this gateway is so many milliseconds off from now on.
    SetClock(usize, i64),
    /// Reads of payments are answered as if there were none, or no longer.
    HidePayments(bool),
    /// So much time goes by at once, for gateways and Corefy alike, unless something is on its way.
    Jump(Duration),
    /// This gateway deletes what is past its time.
    Prune(usize),
}

/// A call of a caller.
#[derive(Clone, Debug)]
pub enum CallPlan {
    Create {
        partner: usize,
    },
    /// For a customer, by its own partner or by the other one.
    CreateFor {
        customer: usize,
        by_other: bool,
    },
    CreateCustomer {
        partner: usize,
        reference: u8,
    },
    Save {
        customer: usize,
        card: &'static str,
    },
    Remove {
        method: usize,
    },
    ConfirmSaved {
        intent: usize,
        method: usize,
        by_merchant: bool,
    },
    ConfirmSaving {
        intent: usize,
        card: &'static str,
    },
    Confirm {
        intent: usize,
        card: &'static str,
    },
    /// On Corefy's page.
    ConfirmOnPage {
        intent: usize,
    },
    Refund {
        intent: usize,
        dollars: u8,
        cents: u8,
    },
    Cancel {
        intent: usize,
    },
    Read {
        intent: usize,
    },
}

/// How webhooks arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Post {
    InOrder,
    Lost,
    Twice,
    Backwards,
    /// Later, with those that come then.
    Kept,
}

impl SimulationPlan {
    /// The plan of this seed.
    pub fn of(seed: u64) -> Self {
        match seed % KINDS {
            1 => Self::about_customers(seed),
            2 => Self::beside_outsiders(seed),
            3 => Self::scenario(seed, seed / KINDS),
            _ => Self::any(seed),
        }
    }

    /// Customers, their saved cards, and nights that go by.
    fn about_customers(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let (is_commerce, gateways) = (rng.u8(0..3) == 0, rng.usize(1..=MOST_GATEWAYS));
        let begin = |rng: &mut Rng, plan| SimulationStep::Begin(rng.usize(0..gateways), plan);
        let mut steps = Vec::new();
        for customer in 0..rng.usize(1..=2) {
            let plan = CallPlan::CreateCustomer { partner: rng.usize(0..2), reference: rng.u8(0..2) };
            steps.extend([begin(&mut rng, plan), SimulationStep::Pass(CREATING)]);
            steps.push(begin(&mut rng, CallPlan::CreateFor { customer, by_other: false }));
            let (intent, card) = (customer, rng.choice(CARDS).unwrap());
            let saving =
                if is_commerce { CallPlan::ConfirmSaving { intent, card } } else { CallPlan::Save { customer, card } };
            steps.extend([SimulationStep::Pass(CREATING), begin(&mut rng, saving)]);
            steps.push(begin(&mut rng, CallPlan::CreateFor { customer, by_other: false }));
        }
        steps.push(SimulationStep::Pass(CREATING));
        let (count, jumps) = (rng.usize(STEPS), rng.usize(0..=MOST_JUMPS));
        let first = steps.len();
        steps.extend((0..count).map(|_| SimulationStep::about_customers(&mut rng, gateways, is_commerce)));
        for _ in 0..jumps {
            let place = rng.usize(first..steps.len());
            steps.insert(place, SimulationStep::Jump(night(&mut rng)));
        }
        Self { seed, is_commerce, gateways, steps: steps.into_iter().enumerate().collect() }
    }

    /// Anything, and beside it payers on pages, banks, and others at Corefy.
    fn beside_outsiders(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let (is_commerce, gateways) = (rng.bool(), rng.usize(1..=MOST_GATEWAYS));
        let begin = |rng: &mut Rng, plan| SimulationStep::Begin(rng.usize(0..gateways), plan);
        let mut steps = vec![create(&mut rng, gateways), create(&mut rng, gateways), SimulationStep::Pass(CREATING)];
        // One is paid and partly given back before anything goes wrong.
        for plan in [
            CallPlan::Confirm { intent: 0, card: APPROVED },
            CallPlan::Refund { intent: 0, dollars: rng.u8(5..40), cents: 0 },
        ] {
            steps.extend([begin(&mut rng, plan), SimulationStep::Pass(CREATING)]);
        }
        let count = rng.usize(STEPS);
        steps.extend((0..count).map(|_| SimulationStep::beside_outsiders(&mut rng, gateways, is_commerce)));
        Self { seed, is_commerce, gateways, steps: steps.into_iter().enumerate().collect() }
    }

    /// A scenario around one moment.
    fn scenario(seed: u64, number: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let scenario = SCENARIOS[usize::try_from(number).unwrap() % SCENARIOS.len()];
        let (is_commerce, gateways) = (rng.u8(0..3) == 0, rng.usize(2..=MOST_GATEWAYS));
        let mut steps = vec![create(&mut rng, gateways), SimulationStep::Pass(CREATING)];
        steps.extend(scenario(&mut rng, gateways));
        Self { seed, is_commerce, gateways, steps: steps.into_iter().enumerate().collect() }
    }

    /// Anything, in any order.
    fn any(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let (is_commerce, gateways) = (rng.u8(0..3) == 0, rng.usize(1..=MOST_GATEWAYS));
        let mut steps = vec![create(&mut rng, gateways)];
        if rng.bool() {
            steps.push(create(&mut rng, gateways));
        }
        steps.push(SimulationStep::Pass(CREATING));
        let count = rng.usize(STEPS);
        steps.extend((0..count).map(|_| SimulationStep::any(&mut rng, gateways)));
        Self { seed, is_commerce, gateways, steps: steps.into_iter().enumerate().collect() }
    }

    /// The behaviour of Corefy's account where documents of the `commerce` API leave it open.
    pub fn account(&self) -> CommerceSwitches {
        let mut rng = Rng::with_seed(self.seed);
        CommerceSwitches {
            created_as: rng.choice([CreatedStatus::Created, CreatedStatus::ProcessPending]).unwrap(),
            duplicates: rng
                .choice([DuplicateAnswer::Unprocessable, DuplicateAnswer::Conflict, DuplicateAnswer::TooManyRequests])
                .unwrap(),
            ..CommerceSwitches::default()
        }
    }

    /// Only the steps at these places.
    pub fn keeping(&self, is_kept: impl Fn(usize) -> bool) -> Self {
        let steps = self.steps.iter().filter(|(place, _)| is_kept(*place)).cloned().collect();
        Self { steps, ..*self }
    }

    /// The places of its steps.
    pub fn places(&self) -> Vec<usize> {
        self.steps.iter().map(|(place, _)| *place).collect()
    }
}

fn create(rng: &mut Rng, gateways: usize) -> SimulationStep {
    SimulationStep::Begin(rng.usize(0..gateways), CallPlan::Create { partner: rng.usize(0..2) })
}

impl SimulationStep {
    fn any(rng: &mut Rng, gateways: usize) -> Self {
        let gateway = rng.usize(0..gateways);
        match rng.u8(0..100) {
            0..=31 => Self::Begin(gateway, CallPlan::any(rng)),
            32..=38 => Self::Again { call: rng.usize(0..8), gateway },
            39..=40 => Self::ReuseKey { call: rng.usize(0..8), gateway, plan: CallPlan::any(rng) },
            41 => Self::HangUp,
            42..=54 => Self::Befall(rng.u8(0..3), Fate::any(rng, LATEST_MS)),
            55..=63 => Self::Strike(gateway, rng.u32(0..MEETINGS), Mishap::any(rng)),
            64..=80 => Self::Pass(duration(rng)),
            81..=88 => Self::Deliver(
                rng.choice([Post::InOrder, Post::Lost, Post::Twice, Post::Backwards, Post::Kept]).unwrap(),
            ),
            89..=92 => Self::PayerActs { intent: rng.usize(0..4), is_approved: rng.bool() },
            93..=94 => Self::Resolve,
            95..=96 => Self::SetClock(gateway, rng.i64(-3000..3000)),
            _ => Self::HidePayments(rng.bool()),
        }
    }
}

impl SimulationStep {
    fn about_customers(rng: &mut Rng, gateways: usize, is_commerce: bool) -> Self {
        let gateway = rng.usize(0..gateways);
        match rng.u8(0..10) {
            0..=3 => Self::Begin(gateway, CallPlan::about_customers(rng, is_commerce)),
            4 if rng.bool() => Self::Prune(gateway),
            _ => Self::any(rng, gateways),
        }
    }

    fn beside_outsiders(rng: &mut Rng, gateways: usize, is_commerce: bool) -> Self {
        let (gateway, intent) = (rng.usize(0..gateways), rng.usize(0..4));
        match rng.u8(0..20) {
            0..=3 => Self::OutsiderActs { intent: rng.usize(0..3), act: OutsideAct::any(rng) },
            4..=5 if is_commerce => Self::Begin(gateway, CallPlan::ConfirmOnPage { intent }),
            4..=5 => Self::Begin(gateway, CallPlan::Confirm { intent, card: APPROVED }),
            6..=7 => Self::PayerActs { intent, is_approved: rng.u8(0..4) > 0 },
            8..=9 => Self::Begin(gateway, CallPlan::Refund { intent, dollars: rng.u8(5..60), cents: 0 }),
            _ => Self::any(rng, gateways),
        }
    }
}

impl CallPlan {
    /// Corefy lets cards be saved without a payment in one of its APIs, and be charged by merchants in the other.
    fn about_customers(rng: &mut Rng, is_commerce: bool) -> Self {
        let (intent, customer, method) = (rng.usize(0..4), rng.usize(0..2), rng.usize(0..4));
        match rng.u8(0..16) {
            0 => Self::CreateCustomer { partner: rng.usize(0..2), reference: rng.u8(0..2) },
            1..=2 => Self::CreateFor { customer, by_other: rng.u8(0..4) == 0 },
            3..=5 if is_commerce => Self::ConfirmSaving { intent, card: rng.choice(CARDS).unwrap() },
            3..=5 => Self::Save { customer, card: rng.choice(CARDS).unwrap() },
            6..=7 => Self::Remove { method },
            _ => Self::ConfirmSaved { intent, method, by_merchant: is_commerce && rng.bool() },
        }
    }

    fn any(rng: &mut Rng) -> Self {
        let intent = rng.usize(0..4);
        match rng.u8(0..20) {
            0..=2 => Self::Create { partner: rng.usize(0..2) },
            3..=10 => Self::Confirm { intent, card: rng.choice(CARDS).unwrap() },
            11..=16 => Self::Refund { intent, dollars: rng.u8(20..80), cents: rng.choice(CENTS).unwrap() },
            17 => Self::Cancel { intent },
            _ => Self::Read { intent },
        }
    }
}

/// Whole hours that go by at once.
pub fn night(rng: &mut Rng) -> Duration {
    Duration::from_secs(rng.u64(1..=LONGEST_JUMP) * 3600)
}

/// A moment, some seconds, or long enough for what is lost to be given up.
fn duration(rng: &mut Rng) -> Duration {
    Duration::from_millis(match rng.u8(0..10) {
        0..=3 => rng.u64(1..1000),
        4..=7 => rng.u64(1000..12_000),
        8 => rng.u64(12_000..60_000),
        _ => rng.u64(60_000..150_000),
    })
}
