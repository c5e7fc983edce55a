//! The callbacks that come in during the test: where they go to, and what they are signed with.

use tokio::time::timeout;
use url::Url;

use super::{plan::ReceivedCallback, walk::AccountWalk};
use crate::upstream::commerce::webhook;

/// The member of the query by which a callback of this test is known.
const MARK: &str = "live_test";

impl AccountWalk {
    /// The address that the invoices of the test name.
    pub(super) fn callback_url(&self) -> Option<Url> {
        let mut url = self.account.settings.callback_url.clone()?;
        url.query_pairs_mut().append_pair(MARK, &self.plan.name);
        Some(url)
    }

    /// Judges the first callback of this test.
    pub(super) async fn judge_callbacks(&mut self) {
        const NAMES: [&str; 3] = ["callback_signature", "callback_mode", "callback_address"];
        let patience = self.plan.outcome_patience;
        let mark = format!("{MARK}={}", self.plan.name);
        let came = match &mut self.plan.callbacks {
            Err(why) => Err(why.clone()),
            Ok(_) if !self.has_invoice => Err("no payment was made".to_owned()),
            Ok(callbacks) => {
                let ours = async {
                    loop {
                        match callbacks.recv().await {
                            Some(callback) if callback.query.contains(&mark) => break Some(callback),
                            Some(_) => {}
                            None => break None,
                        }
                    }
                };
                let came = timeout(patience, ours).await.ok().flatten();
                came.ok_or_else(|| format!("none came in within {} s", patience.as_secs()))
            }
        };
        match came {
            Ok(callback) => self.judge_callback(&callback),
            Err(why) => NAMES.into_iter().for_each(|name| self.findings.untested(name, why.clone())),
        }
    }

    fn judge_callback(&mut self, callback: &ReceivedCallback) {
        self.findings.proved("callback_address", "one came in at the address of its payment");
        let secrets = &self.account.credentials.borrow().webhook_secrets.clone();
        if secrets.is_empty() {
            return self.findings.untested("callback_signature", "COREFY_WEBHOOK_SECRET is not set");
        }
        let signature = callback.signature.as_deref();
        let verified = |test_mode| webhook::verify(secrets, test_mode, signature, &callback.body).is_ok();
        let is_signed = verified(true) || verified(false);
        self.findings.judge(
            "callback_signature",
            match is_signed {
                true => Ok("COREFY_WEBHOOK_SECRET makes the same".to_owned()),
                false => Err("COREFY_WEBHOOK_SECRET makes another; see that it is the account's".to_owned()),
            },
        );
        if is_signed {
            self.findings.judge(
                "callback_mode",
                match verified(true) {
                    true => Ok("one about a test is signed with the test secret".to_owned()),
                    false => Err("one about a test does not say that it is one".to_owned()),
                },
            );
        }
    }
}
