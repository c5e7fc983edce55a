//! The live test: walks a payment through an account in test mode, and finds out which of the facts that the dialect relies on are
//! true there. Nothing is charged: every invoice says that it is a test, and the walk ends at the first that is not shown as one.

use super::asking::CommerceAccount;
pub use findings::{FactFinding, FactVerdict};
pub use plan::{LiveTestNotice, LiveTestPlan, ReceivedCallback};
use walk::{AccountWalk, WalkStopped};

mod account;
mod answer;
mod callbacks;
mod calls;
mod cards;
mod creation;
mod findings;
mod payers;
mod plan;
mod refunds;
mod saved_cards;
mod walk;

/// The outcome of a live test.
#[derive(Debug)]
pub struct LiveTestReport {
    /// Every fact with its verdict.
    pub findings: Vec<FactFinding>,
    /// Why the walk ended early.
    pub stopped: Option<String>,
}

/// A test that can be run once.
pub struct LiveTest(AccountWalk);

impl LiveTest {
    pub(super) fn new(
        account: CommerceAccount,
        plan: LiveTestPlan,
        tell: Box<dyn Fn(LiveTestNotice<'_>) + Send + Sync>,
    ) -> Self {
        Self(AccountWalk::new(account, plan, tell))
    }

    /// Walks. Takes as long as the payers need, and some minutes at most beside.
    pub async fn run(self) -> LiveTestReport {
        let Self(mut walk) = self;
        walk.findings.untested("chargeback_amount", "the API cannot bring a chargeback about");
        let stopped = walk.go().await.err().map(|WalkStopped(why)| why);
        walk.judge_callbacks().await;
        LiveTestReport { findings: walk.findings.into_all(), stopped }
    }
}

impl AccountWalk {
    async fn go(&mut self) -> Result<(), WalkStopped> {
        if !self.account.settings.test_mode {
            return Err(WalkStopped("the settings are for live payments: set COREFY_SANDBOX_MODE=true".to_owned()));
        }
        self.say("the account");
        self.look_at_account().await?;
        self.say("an invoice");
        let invoice = self.first_invoice().await?;
        self.say("a card at the Card Gate");
        let is_paid = self.pay_by_card(&invoice).await;
        self.say("the payer's pages");
        let is_paid = self.pay_on_pages(&invoice, is_paid).await?;
        if !is_paid {
            return Err(WalkStopped("no payment was made, which refunds and saved cards need".to_owned()));
        }
        self.say("the saved card");
        self.charge_saved_card(&invoice).await;
        self.say("a refund");
        self.give_back(&invoice).await;
        Ok(())
    }
}
