//! The terms of a live test: how it goes, whom it tells, and what comes in meanwhile.

use std::time::Duration;

use tokio::sync::mpsc::Receiver;

use crate::domain::{money::Money, next_action::NextAction};

/// Settings of one run.
#[derive(Debug)]
pub struct LiveTestPlan {
    /// Begins the reference of everything that is made; no other run has the same.
    pub name: String,
    /// The amount of each payment.
    pub amount: Money,
    /// The time that someone has to act on the pages that are announced.
    pub page_patience: Duration,
    /// The time that Corefy has to end a payment that needs no payer, to show a refund, and to send a callback.
    pub outcome_patience: Duration,
    /// The callbacks that come in meanwhile; the error says why none can.
    pub callbacks: Result<Receiver<ReceivedCallback>, String>,
}

/// Something to tell the operator during the walk.
#[derive(Debug)]
pub enum LiveTestNotice<'a> {
    /// The step that begins.
    Step(&'static str),
    /// A page to act on by then, with this test card.
    Page {
        /// The task in words.
        task: &'static str,
        /// Where to go.
        page: &'a NextAction,
        /// The number of the card to pay with, where one is to be entered.
        card: Option<&'static str>,
    },
}

/// A callback as it came in.
pub struct ReceivedCallback {
    /// The query of the address that it was sent to.
    pub query: String,
    /// The header with the signature.
    pub signature: Option<String>,
    /// The body, which can hold personal data.
    pub body: Vec<u8>,
}
