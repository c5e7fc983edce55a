//! Constants of the gateway. Made by clients/constants; do not edit.

/// Types of events, in `Event.type` and in filters. More may come.
pub mod event_types {
    /// An intent was accepted.
    pub const PAYMENT_INTENT_CREATED: &str = "payment_intent.created";

    /// The payer has to act.
    pub const PAYMENT_INTENT_REQUIRES_ACTION: &str = "payment_intent.requires_action";

    /// An attempt is under way.
    pub const PAYMENT_INTENT_PROCESSING: &str = "payment_intent.processing";

    /// Paid in full.
    pub const PAYMENT_INTENT_SUCCEEDED: &str = "payment_intent.succeeded";

    /// Paid in part.
    pub const PAYMENT_INTENT_PARTIALLY_PAID: &str = "payment_intent.partially_paid";

    /// An attempt was declined or failed.
    pub const PAYMENT_INTENT_PAYMENT_FAILED: &str = "payment_intent.payment_failed";

    /// Everything that told of a payer without a customer was erased.
    pub const PAYER_ERASED: &str = "payer.erased";

    /// An attempt was stopped for its risk, before anything was sent.
    pub const PAYMENT_INTENT_BLOCKED: &str = "payment_intent.blocked";

    /// Canceled.
    pub const PAYMENT_INTENT_CANCELED: &str = "payment_intent.canceled";

    /// Paid after the attempt had been given up, or after the intent was canceled.
    pub const PAYMENT_INTENT_LATE_SUCCESS: &str = "payment_intent.late_success";

    /// Corefy reports money that does not fit the intent.
    pub const PAYMENT_INTENT_ORPHAN_CHARGE: &str = "payment_intent.orphan_charge";

    /// A refund that was not made through the gateway.
    pub const PAYMENT_INTENT_REFUNDED_UPSTREAM: &str = "payment_intent.refunded_upstream";

    /// The payer's bank took money back.
    pub const PAYMENT_INTENT_CHARGED_BACK: &str = "payment_intent.charged_back";

    /// A payment, or a refund of it, has been under way for a week.
    pub const PAYMENT_INTENT_OVERDUE: &str = "payment_intent.overdue";

    /// A refund was accepted.
    pub const REFUND_CREATED: &str = "refund.created";

    /// The money was given back.
    pub const REFUND_SUCCEEDED: &str = "refund.succeeded";

    /// The money was not given back.
    pub const REFUND_FAILED: &str = "refund.failed";

    /// Withdrawn.
    pub const REFUND_CANCELED: &str = "refund.canceled";

    /// Given back after the refund had been given up.
    pub const REFUND_LATE_SUCCESS: &str = "refund.late_success";

    /// A customer was accepted.
    pub const CUSTOMER_CREATED: &str = "customer.created";

    /// Everything that told of a customer was erased.
    pub const CUSTOMER_ERASED: &str = "customer.erased";

    /// A customer was changed at Corefy.
    pub const CUSTOMER_UPDATED: &str = "customer.updated";

    /// Corefy refused a customer whose creation was in doubt; the customer is removed.
    pub const CUSTOMER_CREATION_FAILED: &str = "customer.creation_failed";

    /// A payment method was saved.
    pub const PAYMENT_METHOD_CREATED: &str = "payment_method.created";

    /// Corefy refused a payment method whose creation was in doubt; the method is removed.
    pub const PAYMENT_METHOD_CREATION_FAILED: &str = "payment_method.creation_failed";

    /// A saved payment method was deleted here; nothing can be paid with it any more.
    pub const PAYMENT_METHOD_DELETED: &str = "payment_method.deleted";

    /// A saved payment method was changed, by a call or at Corefy.
    pub const PAYMENT_METHOD_UPDATED: &str = "payment_method.updated";

    /// The outcome of a call to Corefy is not known.
    pub const OPERATION_IN_DOUBT: &str = "operation.in_doubt";

    /// The outcome of a call to Corefy has to be found out by a person.
    pub const OPERATION_NEEDS_OPERATOR: &str = "operation.needs_operator";

    /// A comparison with Corefy's books found a payment that differs.
    pub const RECONCILE_MISMATCH: &str = "reconcile.mismatch";
}

/// Reasons in the `google.rpc.ErrorInfo` of refused calls. More may come.
pub mod error_reasons {
    /// INVALID_ARGUMENT. Fields are wrong; google.rpc.BadRequest names each by its path, as many as fit into 4 KiB. Metadata when it was Corefy that refused them: `upstream_code`, `http_status`.
    pub const FIELDS_INVALID: &str = "FIELDS_INVALID";

    /// UNAUTHENTICATED. No key, or one that is unknown, wrong, expired, revoked or used from another address.
    pub const CREDENTIALS_INVALID: &str = "CREDENTIALS_INVALID";

    /// PERMISSION_DENIED. The key lacks the scope of this call. Metadata: `scope`.
    pub const SCOPE_MISSING: &str = "SCOPE_MISSING";

    /// NOT_FOUND. The partner has no such object. Metadata: `resource_type`, `resource_id`.
    pub const RESOURCE_NOT_FOUND: &str = "RESOURCE_NOT_FOUND";

    /// ALREADY_EXISTS. The reference is taken. Metadata: `reference_id`, `resource_id` (the object that has it).
    pub const REFERENCE_ID_TAKEN: &str = "REFERENCE_ID_TAKEN";

    /// INVALID_ARGUMENT. The idempotency key was used with another request.
    pub const IDEMPOTENCY_KEY_REUSED: &str = "IDEMPOTENCY_KEY_REUSED";

    /// ABORTED, with RetryInfo. A call with this idempotency key is still running.
    pub const IDEMPOTENCY_KEY_IN_USE: &str = "IDEMPOTENCY_KEY_IN_USE";

    /// FAILED_PRECONDITION. The intent's state does not allow this. Metadata: `state`.
    pub const PAYMENT_INTENT_STATE: &str = "PAYMENT_INTENT_STATE";

    /// FAILED_PRECONDITION, with RetryInfo. An attempt to pay this intent is under way or its outcome is not known yet. Metadata: `state`.
    pub const ATTEMPT_IN_DOUBT: &str = "ATTEMPT_IN_DOUBT";

    /// FAILED_PRECONDITION. The saved payment method is not of the intent's customer.
    pub const PAYMENT_METHOD_MISMATCH: &str = "PAYMENT_METHOD_MISMATCH";

    /// FAILED_PRECONDITION, with RetryInfo. Corefy's answer to the customer's (or method's) creation is not known yet. Metadata: `resource_id`.
    pub const CUSTOMER_NOT_READY: &str = "CUSTOMER_NOT_READY";

    /// FAILED_PRECONDITION. Nothing was received that could be refunded. Metadata: `state`.
    pub const PAYMENT_NOT_REFUNDABLE: &str = "PAYMENT_NOT_REFUNDABLE";

    /// FAILED_PRECONDITION. More than is left. Metadata: `refundable_amount`, `currency`.
    pub const REFUND_EXCEEDS_PAYMENT: &str = "REFUND_EXCEEDS_PAYMENT";

    /// FAILED_PRECONDITION. Corefy refused the request, and nothing was done. Metadata: `upstream_code`, `http_status`.
    pub const UPSTREAM_REJECTED: &str = "UPSTREAM_REJECTED";

    /// UNAVAILABLE, with RetryInfo. Corefy could not be reached; nothing was sent.
    pub const UPSTREAM_UNAVAILABLE: &str = "UPSTREAM_UNAVAILABLE";

    /// RESOURCE_EXHAUSTED, with RetryInfo and QuotaFailure. The rate limit of calls to Corefy is used up; nothing was sent.
    pub const UPSTREAM_RATE_LIMITED: &str = "UPSTREAM_RATE_LIMITED";

    /// INTERNAL. Corefy does not accept the gateway's own credentials or settings; the operator has to act.
    pub const UPSTREAM_MISCONFIGURED: &str = "UPSTREAM_MISCONFIGURED";

    /// INTERNAL. Corefy's answer to a read could not be understood.
    pub const UPSTREAM_UNREADABLE: &str = "UPSTREAM_UNREADABLE";

    /// UNIMPLEMENTED. This gateway cannot do what the request asks for; nothing was done. Metadata: `capability`, the first one that is missing, by its name in GetGatewayInfo.
    pub const CAPABILITY_MISSING: &str = "CAPABILITY_MISSING";

    /// UNAVAILABLE, with RetryInfo. The gateway's database did not answer; this call sent nothing.
    pub const STORE_UNAVAILABLE: &str = "STORE_UNAVAILABLE";

    /// UNAVAILABLE, with RetryInfo. The gateway is shutting down; this call sent nothing.
    pub const SHUTTING_DOWN: &str = "SHUTTING_DOWN";

    /// DEADLINE_EXCEEDED. The caller's deadline passed. Work already begun continues; read the object to learn the outcome.
    pub const DEADLINE_EXCEEDED: &str = "DEADLINE_EXCEEDED";

    /// INTERNAL. A fault of the gateway. Give the request id to the operator.
    pub const INTERNAL: &str = "INTERNAL";

    /// RESOURCE_EXHAUSTED, with RetryInfo and QuotaFailure. The key has made its calls of this minute; this call sent nothing.
    pub const KEY_RATE_LIMITED: &str = "KEY_RATE_LIMITED";

    /// RESOURCE_EXHAUSTED, with RetryInfo. Too many keys from the caller's address were not accepted; this call sent nothing.
    pub const AUTH_FAILURES_LIMITED: &str = "AUTH_FAILURES_LIMITED";

    /// OUT_OF_RANGE. The event to begin after is not kept any more: what came after it may be missing. Metadata: `oldest_event_id` (the oldest that is kept; empty when there is none).
    pub const EVENT_NOT_KEPT: &str = "EVENT_NOT_KEPT";

    /// ABORTED. The reader of a stream took longer than a minute to take an event. Metadata: `resume_after_event_id`.
    pub const EVENT_READER_TOO_SLOW: &str = "EVENT_READER_TOO_SLOW";

    /// RESOURCE_EXHAUSTED, with RetryInfo and QuotaFailure. The key has as many open streams of events as it may on this gateway; close one first.
    pub const EVENT_STREAMS_LIMITED: &str = "EVENT_STREAMS_LIMITED";

    /// UNIMPLEMENTED. The gateway has no such method: it may be older than the client. Metadata: `method`.
    pub const METHOD_UNKNOWN: &str = "METHOD_UNKNOWN";

    /// INVALID_ARGUMENT. CreateRefund needs an idempotency key or a `reference_id`, so that a repeated call cannot refund twice.
    pub const IDEMPOTENCY_KEY_REQUIRED: &str = "IDEMPOTENCY_KEY_REQUIRED";

    /// ABORTED. The object, or the version of the rules that is in force, has changed since the revision that the call expects. Metadata: `resource_id`, `revision` (the current one).
    pub const REVISION_STALE: &str = "REVISION_STALE";

    /// FAILED_PRECONDITION. There are as many lists, or entries of all lists together, as there may be.
    pub const RISK_LISTS_FULL: &str = "RISK_LISTS_FULL";

    /// FAILED_PRECONDITION. The review was decided otherwise already. Metadata: `state`.
    pub const REVIEW_DECIDED: &str = "REVIEW_DECIDED";

    /// FAILED_PRECONDITION. The card was stopped for its risk before it was saved; nothing was sent to Corefy. A payment that is stopped so is no error but a decline.
    pub const BLOCKED_BY_RISK: &str = "BLOCKED_BY_RISK";

    /// FAILED_PRECONDITION. The payment method was deleted. Save it again, or pay with another.
    pub const PAYMENT_METHOD_DELETED: &str = "PAYMENT_METHOD_DELETED";

    /// FAILED_PRECONDITION. The person was erased: the customer and its payments take nothing new but refunds. Metadata: `resource_id`.
    pub const CUSTOMER_ERASED: &str = "CUSTOMER_ERASED";

    /// FAILED_PRECONDITION, with RetryInfo. Payments of the customer, or calls that save its payment methods, have not ended. Metadata: `resource_ids` (at most 10, separated by commas).
    pub const PAYMENTS_UNDER_WAY: &str = "PAYMENTS_UNDER_WAY";

    /// RESOURCE_EXHAUSTED, with RetryInfo and QuotaFailure. The key has as many exports under way as it may on this gateway; wait until one has ended.
    pub const EXPORTS_LIMITED: &str = "EXPORTS_LIMITED";
}

/// Codes of `last_payment_error` that the gateway knows. Corefy may send others.
pub mod decline_codes {
    /// The payer's bank or provider suspects fraud.
    pub const ANTIFRAUD_ERROR: &str = "antifraud_error";

    /// The authentication of the payer failed for good.
    pub const AUTH_FATAL_ERROR: &str = "auth_fatal_error";

    /// The payer did not pass 3-D Secure.
    pub const AUTHENTICATION_FAILED: &str = "authentication_failed";

    /// The attempt was stopped for its risk; nothing was sent to Corefy.
    pub const BLOCKED_BY_RISK: &str = "blocked_by_risk";

    /// The payer chose not to pay.
    pub const CANCELED_BY_PAYER: &str = "canceled_by_payer";

    /// The payer's bank declined the card.
    pub const CARD_DECLINED: &str = "card_declined";

    /// The card has expired.
    pub const CARD_EXPIRED: &str = "card_expired";

    /// The card was reported lost.
    pub const CARD_LOST: &str = "card_lost";

    /// The card was reported stolen.
    pub const CARD_STOLEN: &str = "card_stolen";

    /// The payer's bank declined.
    pub const DECLINED: &str = "declined";

    /// The payer's bank declined without a reason.
    pub const DO_NOT_HONOR: &str = "do_not_honor";

    /// The card has expired.
    pub const EXPIRED_CARD: &str = "expired_card";

    /// Fraud is suspected.
    pub const FRAUD_SUSPECTED: &str = "fraud_suspected";

    /// The CVV is wrong.
    pub const INCORRECT_CVC: &str = "incorrect_cvc";

    /// The CVV is wrong.
    pub const INCORRECT_CVV: &str = "incorrect_cvv";

    /// The card number is wrong.
    pub const INCORRECT_NUMBER: &str = "incorrect_number";

    /// The account lacks the money.
    pub const INSUFFICIENT_FUNDS: &str = "insufficient_funds";

    /// The code of 3-D Secure is wrong.
    pub const INVALID_3DS_CODE: &str = "invalid_3ds_code";

    /// The card's details are wrong.
    pub const INVALID_CARD: &str = "invalid_card";

    /// The CVV is wrong.
    pub const INVALID_CVV: &str = "invalid_cvv";

    /// The details of the payment method are wrong.
    pub const INVALID_DETAILS: &str = "invalid_details";

    /// The expiry date is wrong.
    pub const INVALID_EXPIRY_DATE: &str = "invalid_expiry_date";

    /// The card number is wrong.
    pub const INVALID_PAN: &str = "invalid_pan";

    /// The payer's bank could not be reached.
    pub const ISSUER_UNAVAILABLE: &str = "issuer_unavailable";

    /// A limit of the card is exceeded.
    pub const LIMIT_EXCEEDED: &str = "limit_exceeded";

    /// The card was reported lost.
    pub const LOST_CARD: &str = "lost_card";

    /// The card was reported lost or stolen.
    pub const LOST_OR_STOLEN_CARD: &str = "lost_or_stolen_card";

    /// The payer did not pay in time.
    pub const PAYMENT_EXPIRED: &str = "payment_expired";

    /// The payment failed; no reason is given.
    pub const PAYMENT_FAILED: &str = "payment_failed";

    /// The payer's bank wants the card withheld.
    pub const PICKUP_CARD: &str = "pickup_card";

    /// The payment could not be processed.
    pub const PROCESSING_ERROR: &str = "processing_error";

    /// The payment provider failed.
    pub const PROVIDER_ERROR: &str = "provider_error";

    /// The payer's bank or Corefy refused.
    pub const REFUSED: &str = "refused";

    /// The operator of the gateway found that the attempt did not happen.
    pub const RESOLVED_BY_OPERATOR: &str = "resolved_by_operator";

    /// The card is restricted.
    pub const RESTRICTED_CARD: &str = "restricted_card";

    /// The card was reported stolen.
    pub const STOLEN_CARD: &str = "stolen_card";

    /// The payer or the provider took too long.
    pub const TIMEOUT: &str = "timeout";

    /// The payer's bank does not permit the card this kind of payment.
    pub const TRANSACTION_NOT_PERMITTED: &str = "transaction_not_permitted";

    /// The payer's bank asks to try later.
    pub const TRY_AGAIN_LATER: &str = "try_again_later";

    /// Corefy has no record of the attempt: it never arrived.
    pub const UPSTREAM_NO_RECORD: &str = "upstream_no_record";

    /// A limit of the card is exceeded.
    pub const WITHDRAWAL_LIMIT_EXCEEDED: &str = "withdrawal_limit_exceeded";
}
