//! Corefy's own faults, by chance: requests that fail, hang, are carried out and not answered, or answered by something else.

use corefy_gateway::sandbox::{
    Sandbox,
    faults::{Fault, WebhookSwitches},
};
use fastrand::Rng;

use crate::support::money::{CONFIRM, CREATE, READ, REFUND};

/// Of so many calls one meets a fault.
const RARITY: usize = 15;
/// How late Corefy answers what it has done at once: most of what breaks finds a call under way.
const ANSWER_DELAY_MS: u64 = 30;
/// Of a hundred webhooks so many are lost.
const LOST_WEBHOOKS: u8 = 30;
/// More requests than come while Corefy is down.
const ALL: u32 = 100_000;

/// The calls that meet faults.
const CALLS: [(&str, &str); 4] = [CREATE, CONFIRM, REFUND, READ];

/// The faults they meet. What contradicts the gateway is not among them: a person has to look at that.
const FAULTS: [Fault; 10] = [
    Fault::Http(500),
    Fault::Http(503),
    Fault::Http(429),
    Fault::HttpAfterExecute(502),
    Fault::DropBefore,
    Fault::DropAfterExecute,
    Fault::Hang,
    Fault::HangAfterExecute,
    Fault::Garbage,
    Fault::NoRoute,
];

/// Makes every request that comes twice cost money again.
pub fn make_repetition_dear(sandbox: &Sandbox) {
    sandbox.faults().set(|switches| {
        switches.charge_again = true;
        switches.ignore_idempotency_keys = true;
    });
}

/// Makes answers late, and webhooks late, doubled, shuffled or lost.
pub fn stir(sandbox: &Sandbox) {
    sandbox.faults().set(|switches| {
        switches.answer_delay_ms = ANSWER_DELAY_MS;
        switches.webhooks =
            WebhookSwitches { extra_copies: 1, shuffle: true, loss_percent: LOST_WEBHOOKS, ..Default::default() };
    });
}

/// Has one of the next requests meet a fault, by chance.
pub fn strike_by_chance(sandbox: &Sandbox, random: &mut Rng) {
    if random.usize(..RARITY) == 0 {
        let (method, template) = random.choice(CALLS).unwrap();
        sandbox.faults().fail_next(1, method, template, random.choice(FAULTS).unwrap());
    }
}

/// Has all requests fail until [`calm`].
pub fn go_down(sandbox: &Sandbox) {
    for (method, template) in CALLS {
        sandbox.faults().fail_next(ALL, method, template, Fault::Http(503));
    }
}

/// Ends all faults.
pub fn calm(sandbox: &Sandbox) {
    sandbox.faults().clear();
    make_repetition_dear(sandbox);
}
