//! The account: whether it answers, and what it offers.

use super::{
    calls::{question, scheduling},
    walk::{AccountWalk, WalkStopped},
};
use crate::upstream::{
    commerce::{
        asking::BALANCES,
        keys::AuthorizationHeaders,
        wire::{AccountDocument, PrerequestBody, PrerequestDocument},
    },
    transport::HttpRequest,
    values::Amount,
};

impl AccountWalk {
    /// Asks for balances and services.
    pub(super) async fn look_at_account(&mut self) -> Result<(), WalkStopped> {
        let answer =
            self.ask(HttpRequest::read("account.balances", BALANCES, scheduling())).await.map_err(WalkStopped)?;
        match answer.status.as_u16() {
            401 | 403 => {
                let why = format!("the credentials are refused: {}", answer.words());
                self.findings.untested("basic_auth", why.clone());
                return Err(WalkStopped(why));
            }
            404 => {
                let why = "nothing is at COREFY_BASE_URL: try it with the other ending, with /api or without";
                return Err(WalkStopped(why.to_owned()));
            }
            _ => {}
        }
        if answer.status.is_success() {
            self.findings.proved("base_url", answer.words());
            self.findings.proved("basic_auth", answer.words());
        }
        let read = answer.success::<AccountDocument>();
        self.findings.judge(
            "balances",
            match read {
                Some(AccountDocument(codes)) => Ok(format!("{} currencies", codes.len())),
                None => Err(format!("{}, without currencies", answer.words())),
            },
        );
        self.look_at_services().await;
        Ok(())
    }

    async fn look_at_services(&mut self) {
        const NAME: &str = "prerequest";
        let public_key = self.account.credentials.borrow().public_key.clone();
        let (Some(url), Some(public_key)) = (&self.account.settings.public_url, &public_key) else {
            return self.findings.untested(NAME, "COREFY_PUBLIC_KEY is not set");
        };
        let (currency, amount) = (self.plan.amount.currency.code(), Some(Amount(self.plan.amount.major())));
        let request = question("payment_method.list_supported", "/public-api/payment-prerequest").at(url);
        let request = request.with_body(&PrerequestBody { public_key, currency, amount });
        let answer = match self.send(&request, &AuthorizationHeaders::public()).await {
            Ok(answer) => answer,
            Err(why) => return self.findings.untested(NAME, why),
        };
        let read = answer.success::<PrerequestDocument>();
        self.findings.judge(
            NAME,
            match read.map(|document| document.services.len()) {
                Some(count @ 1..) => Ok(format!("{count} services in {currency}")),
                _ => Err(format!("{}, without services in {currency}", answer.words())),
            },
        );
    }
}
