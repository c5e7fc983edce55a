//! The conformance of a dialect: every operation, outcome and error of [`Upstream`], as tests over a scripted Corefy that hold for
//! each dialect. A dialect says how Corefy answers in it ([`Dialect`]) and runs them by [`conformance!`]; the form of its requests
//! and the corners of its answers are tested beside it.

mod attempts;
mod creations;
mod dialect;
mod reads;
mod refunds;
mod scene;
mod setup;
mod unclear;
mod webhooks;

pub(super) use attempts::*;
pub(super) use creations::*;
pub(super) use dialect::{Attempt, Dialect, Signed};
pub(super) use reads::*;
pub(super) use refunds::*;
pub(super) use scene::{ASKED, Scene, by, by_card, card, customer, intent, method, refund, rejection, usd};
pub(super) use setup::*;
pub(super) use unclear::*;
pub(super) use webhooks::*;

/// Runs the suite for a dialect, each test under its own name.
macro_rules! conformance {
    ($dialect:ty) => {
        $crate::upstream::conformance::conformance! { $dialect:
            a_creation_gives_the_payment_and_is_sent_once,
            a_creation_whose_reference_is_taken_has_made_what_has_it,
            a_creation_whose_reference_another_payment_has_is_not_believed,
            a_lost_creation_is_found_or_made,
            a_customer_is_made_once,
            an_attempt_gives_what_corefy_says_of_it,
            an_attempt_never_goes_to_another_payment,
            what_the_dialect_lacks_is_refused_unsent,
            what_corefy_does_not_know_is_refused_unsent,
            a_payment_is_shown_as_it_stands,
            an_attempt_whose_answer_is_missing_is_found_out,
            a_payment_that_is_not_there_is_none,
            another_payment_is_not_believed,
            a_read_that_is_refused_or_unreadable_says_so,
            a_refund_gives_its_amount_and_reference,
            a_refund_of_another_amount_is_unclear,
            an_answer_that_proves_nothing_leaves_what_moves_money_open,
            only_corefy_s_own_refusal_proves_that_nothing_was_done,
            where_nobody_listens_nothing_was_sent,
            a_refusal_names_our_fields_and_no_card,
            refused_credentials_are_told_from_a_refused_request,
            a_connection_test_tells_reach_from_authentication,
            secrets_neither_print_nor_travel,
            a_webhook_counts_only_as_it_was_signed,
            a_webhook_names_its_payment_and_keeps_nothing_of_the_payer,
        }
    };
    ($dialect:ty: $($law:ident),+ $(,)?) => {
        mod conformance {
            use super::*;
            $(
                #[tokio::test]
                async fn $law() {
                    $crate::upstream::conformance::$law::<$dialect>().await;
                }
            )+
        }
    };
}

pub(super) use conformance;
