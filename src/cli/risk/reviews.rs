//! `risk reviews`: payments that a person looks at.

use clap::{Args, Subcommand};

use super::shared::{Change, MOST, open};
use crate::{
    app::risk::reviews::ReviewVerdict,
    cli::{
        failure::CommandFailure,
        keys::partner,
        table::{Table, or_dash, to_the_second},
    },
    config::settings::AdminSettings,
    domain::{
        ids::{PartnerId, RiskDecisionId},
        risk::review::{Review, ReviewRefund, ReviewState},
    },
};

/// The command and its settings.
#[derive(Args)]
pub(super) struct ReviewsCommand {
    #[command(subcommand)]
    action: ReviewsAction,
}

#[derive(Subcommand)]
enum ReviewsAction {
    /// List reviews, the last opened first
    List {
        /// Only those in these states, separated by commas: open, approved, rejected
        #[arg(long, value_delimiter = ',', default_value = "open", value_parser = state)]
        state: Vec<ReviewState>,
        /// Only those of this partner, by its short name as in the keys
        #[arg(long, value_parser = partner)]
        partner: Option<PartnerId>,
        /// How many to list at most: 1 to 1000
        #[arg(long, default_value = "100", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST)))]
        limit: u32,
        #[command(flatten)]
        settings: AdminSettings,
    },
    /// Close a review: the payment is fine
    Approve {
        /// Its decision, rd_…
        #[arg(value_parser = decision)]
        id: RiskDecisionId,
        #[command(flatten)]
        change: Change,
    },
    /// Close a review: the payment is not fine
    Reject {
        /// Its decision, rd_…
        #[arg(value_parser = decision)]
        id: RiskDecisionId,
        /// Have the running gateway refund what is left of the payment
        #[arg(long)]
        refund: bool,
        #[command(flatten)]
        change: Change,
    },
}

impl ReviewsCommand {
    /// Does what was asked.
    pub async fn run(self) -> Result<(), CommandFailure> {
        match self.action {
            ReviewsAction::List { state, partner, limit, settings } => {
                print_reviews(&open(&settings).await?.reviews(partner.as_ref(), &state, None, limit).await?);
                Ok(())
            }
            ReviewsAction::Approve { id, change } => decide(&id, ReviewVerdict::Approve, change).await,
            ReviewsAction::Reject { id, refund, change } => {
                decide(&id, ReviewVerdict::Reject { refund }, change).await?;
                if refund {
                    anstream::println!("the running gateway refunds what is left of the payment");
                }
                Ok(())
            }
        }
    }
}

async fn decide(id: &RiskDecisionId, verdict: ReviewVerdict, change: Change) -> Result<(), CommandFailure> {
    let (risk, note) = change.open().await?;
    let review = risk.decide_review(None, id, verdict, &note).await?;
    anstream::println!("{id} is {}", review.state.as_str());
    Ok(())
}

fn print_reviews(reviews: &[Review]) {
    let mut table = Table::new(["DECISION", "PARTNER", "PAYMENT", "STATE", "OPENED", "DECIDED", "BY", "REFUND"]);
    for review in reviews {
        let refund = match (&review.refund_id, review.refund) {
            (Some(id), _) => id.to_string(),
            (None, ReviewRefund::None) => "-".to_owned(),
            (None, state) => state.as_str().to_owned(),
        };
        table.row([
            review.decision_id.to_string(),
            review.partner_id.to_string(),
            review.payment_intent_id.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            review.state.as_str().to_owned(),
            to_the_second(review.opened_at),
            or_dash(review.decided_at),
            review.decided_by.clone(),
            refund,
        ]);
    }
    table.print();
}

fn decision(text: &str) -> Result<RiskDecisionId, String> {
    RiskDecisionId::parse(text).ok_or_else(|| "must be the id of a decision about risk, rd_…".to_owned())
}

fn state(text: &str) -> Result<ReviewState, String> {
    ReviewState::parse(text).ok_or_else(|| "must be open, approved or rejected".to_owned())
}
