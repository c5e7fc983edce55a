// Made by clients/constants; do not edit.

package gatewayv1

// Types of events, in `Event.type` and in filters. More may come.

// EventTypePaymentIntentCreated: An intent was accepted.
const EventTypePaymentIntentCreated = "payment_intent.created"

// EventTypePaymentIntentRequiresAction: The payer has to act.
const EventTypePaymentIntentRequiresAction = "payment_intent.requires_action"

// EventTypePaymentIntentProcessing: An attempt is under way.
const EventTypePaymentIntentProcessing = "payment_intent.processing"

// EventTypePaymentIntentSucceeded: Paid in full.
const EventTypePaymentIntentSucceeded = "payment_intent.succeeded"

// EventTypePaymentIntentPartiallyPaid: Paid in part.
const EventTypePaymentIntentPartiallyPaid = "payment_intent.partially_paid"

// EventTypePaymentIntentPaymentFailed: An attempt was declined or failed.
const EventTypePaymentIntentPaymentFailed = "payment_intent.payment_failed"

// EventTypePayerErased: Everything that told of a payer without a customer was erased.
const EventTypePayerErased = "payer.erased"

// EventTypePaymentIntentBlocked: An attempt was stopped for its risk, before anything was sent.
const EventTypePaymentIntentBlocked = "payment_intent.blocked"

// EventTypePaymentIntentCanceled: Canceled.
const EventTypePaymentIntentCanceled = "payment_intent.canceled"

// EventTypePaymentIntentLateSuccess: Paid after the attempt had been given up, or after the intent was canceled.
const EventTypePaymentIntentLateSuccess = "payment_intent.late_success"

// EventTypePaymentIntentOrphanCharge: Corefy reports money that does not fit the intent.
const EventTypePaymentIntentOrphanCharge = "payment_intent.orphan_charge"

// EventTypePaymentIntentRefundedUpstream: A refund that was not made through the gateway.
const EventTypePaymentIntentRefundedUpstream = "payment_intent.refunded_upstream"

// EventTypePaymentIntentChargedBack: The payer's bank took money back.
const EventTypePaymentIntentChargedBack = "payment_intent.charged_back"

// EventTypePaymentIntentOverdue: A payment, or a refund of it, has been under way for a week.
const EventTypePaymentIntentOverdue = "payment_intent.overdue"

// EventTypeRefundCreated: A refund was accepted.
const EventTypeRefundCreated = "refund.created"

// EventTypeRefundSucceeded: The money was given back.
const EventTypeRefundSucceeded = "refund.succeeded"

// EventTypeRefundFailed: The money was not given back.
const EventTypeRefundFailed = "refund.failed"

// EventTypeRefundCanceled: Withdrawn.
const EventTypeRefundCanceled = "refund.canceled"

// EventTypeRefundLateSuccess: Given back after the refund had been given up.
const EventTypeRefundLateSuccess = "refund.late_success"

// EventTypeCustomerCreated: A customer was accepted.
const EventTypeCustomerCreated = "customer.created"

// EventTypeCustomerErased: Everything that told of a customer was erased.
const EventTypeCustomerErased = "customer.erased"

// EventTypeCustomerUpdated: A customer was changed at Corefy.
const EventTypeCustomerUpdated = "customer.updated"

// EventTypeCustomerCreationFailed: Corefy refused a customer whose creation was in doubt; the customer is removed.
const EventTypeCustomerCreationFailed = "customer.creation_failed"

// EventTypePaymentMethodCreated: A payment method was saved.
const EventTypePaymentMethodCreated = "payment_method.created"

// EventTypePaymentMethodCreationFailed: Corefy refused a payment method whose creation was in doubt; the method is removed.
const EventTypePaymentMethodCreationFailed = "payment_method.creation_failed"

// EventTypePaymentMethodDeleted: A saved payment method was deleted here; nothing can be paid with it any more.
const EventTypePaymentMethodDeleted = "payment_method.deleted"

// EventTypePaymentMethodUpdated: A saved payment method was changed, by a call or at Corefy.
const EventTypePaymentMethodUpdated = "payment_method.updated"

// EventTypeOperationInDoubt: The outcome of a call to Corefy is not known.
const EventTypeOperationInDoubt = "operation.in_doubt"

// EventTypeOperationNeedsOperator: The outcome of a call to Corefy has to be found out by a person.
const EventTypeOperationNeedsOperator = "operation.needs_operator"

// EventTypeReconcileMismatch: A comparison with Corefy's books found a payment that differs.
const EventTypeReconcileMismatch = "reconcile.mismatch"

// Reasons in the `google.rpc.ErrorInfo` of refused calls. More may come.

// ReasonFieldsInvalid: INVALID_ARGUMENT. Fields are wrong; google.rpc.BadRequest names each by its path, as many as fit into 4 KiB. Metadata when it was Corefy that refused them: `upstream_code`, `http_status`.
const ReasonFieldsInvalid = "FIELDS_INVALID"

// ReasonCredentialsInvalid: UNAUTHENTICATED. No key, or one that is unknown, wrong, expired, revoked or used from another address.
const ReasonCredentialsInvalid = "CREDENTIALS_INVALID"

// ReasonScopeMissing: PERMISSION_DENIED. The key lacks the scope of this call. Metadata: `scope`.
const ReasonScopeMissing = "SCOPE_MISSING"

// ReasonResourceNotFound: NOT_FOUND. The partner has no such object. Metadata: `resource_type`, `resource_id`.
const ReasonResourceNotFound = "RESOURCE_NOT_FOUND"

// ReasonReferenceIdTaken: ALREADY_EXISTS. The reference is taken. Metadata: `reference_id`, `resource_id` (the object that has it).
const ReasonReferenceIdTaken = "REFERENCE_ID_TAKEN"

// ReasonIdempotencyKeyReused: INVALID_ARGUMENT. The idempotency key was used with another request.
const ReasonIdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED"

// ReasonIdempotencyKeyInUse: ABORTED, with RetryInfo. A call with this idempotency key is still running.
const ReasonIdempotencyKeyInUse = "IDEMPOTENCY_KEY_IN_USE"

// ReasonPaymentIntentState: FAILED_PRECONDITION. The intent's state does not allow this. Metadata: `state`.
const ReasonPaymentIntentState = "PAYMENT_INTENT_STATE"

// ReasonAttemptInDoubt: FAILED_PRECONDITION, with RetryInfo. An attempt to pay this intent is under way or its outcome is not known yet. Metadata: `state`.
const ReasonAttemptInDoubt = "ATTEMPT_IN_DOUBT"

// ReasonPaymentMethodMismatch: FAILED_PRECONDITION. The saved payment method is not of the intent's customer.
const ReasonPaymentMethodMismatch = "PAYMENT_METHOD_MISMATCH"

// ReasonCustomerNotReady: FAILED_PRECONDITION, with RetryInfo. Corefy's answer to the customer's (or method's) creation is not known yet. Metadata: `resource_id`.
const ReasonCustomerNotReady = "CUSTOMER_NOT_READY"

// ReasonPaymentNotRefundable: FAILED_PRECONDITION. Nothing was received that could be refunded. Metadata: `state`.
const ReasonPaymentNotRefundable = "PAYMENT_NOT_REFUNDABLE"

// ReasonRefundExceedsPayment: FAILED_PRECONDITION. More than is left. Metadata: `refundable_amount`, `currency`.
const ReasonRefundExceedsPayment = "REFUND_EXCEEDS_PAYMENT"

// ReasonUpstreamRejected: FAILED_PRECONDITION. Corefy refused the request, and nothing was done. Metadata: `upstream_code`, `http_status`.
const ReasonUpstreamRejected = "UPSTREAM_REJECTED"

// ReasonUpstreamUnavailable: UNAVAILABLE, with RetryInfo. Corefy could not be reached; nothing was sent.
const ReasonUpstreamUnavailable = "UPSTREAM_UNAVAILABLE"

// ReasonUpstreamRateLimited: RESOURCE_EXHAUSTED, with RetryInfo and QuotaFailure. The rate limit of calls to Corefy is used up; nothing was sent.
const ReasonUpstreamRateLimited = "UPSTREAM_RATE_LIMITED"

// ReasonUpstreamMisconfigured: INTERNAL. Corefy does not accept the gateway's own credentials or settings; the operator has to act.
const ReasonUpstreamMisconfigured = "UPSTREAM_MISCONFIGURED"

// ReasonUpstreamUnreadable: INTERNAL. Corefy's answer to a read could not be understood.
const ReasonUpstreamUnreadable = "UPSTREAM_UNREADABLE"

// ReasonCapabilityMissing: UNIMPLEMENTED. This gateway cannot do what the request asks for; nothing was done. Metadata: `capability`, the first one that is missing, by its name in GetGatewayInfo.
const ReasonCapabilityMissing = "CAPABILITY_MISSING"

// ReasonStoreUnavailable: UNAVAILABLE, with RetryInfo. The gateway's database did not answer; this call sent nothing.
const ReasonStoreUnavailable = "STORE_UNAVAILABLE"

// ReasonShuttingDown: UNAVAILABLE, with RetryInfo. The gateway is shutting down; this call sent nothing.
const ReasonShuttingDown = "SHUTTING_DOWN"

// ReasonDeadlineExceeded: DEADLINE_EXCEEDED. The caller's deadline passed. Work already begun continues; read the object to learn the outcome.
const ReasonDeadlineExceeded = "DEADLINE_EXCEEDED"

// ReasonInternal: INTERNAL. A fault of the gateway. Give the request id to the operator.
const ReasonInternal = "INTERNAL"

// ReasonKeyRateLimited: RESOURCE_EXHAUSTED, with RetryInfo and QuotaFailure. The key has made its calls of this minute; this call sent nothing.
const ReasonKeyRateLimited = "KEY_RATE_LIMITED"

// ReasonAuthFailuresLimited: RESOURCE_EXHAUSTED, with RetryInfo. Too many keys from the caller's address were not accepted; this call sent nothing.
const ReasonAuthFailuresLimited = "AUTH_FAILURES_LIMITED"

// ReasonEventNotKept: OUT_OF_RANGE. The event to begin after is not kept any more: what came after it may be missing. Metadata: `oldest_event_id` (the oldest that is kept; empty when there is none).
const ReasonEventNotKept = "EVENT_NOT_KEPT"

// ReasonEventReaderTooSlow: ABORTED. The reader of a stream took longer than a minute to take an event. Metadata: `resume_after_event_id`.
const ReasonEventReaderTooSlow = "EVENT_READER_TOO_SLOW"

// ReasonEventStreamsLimited: RESOURCE_EXHAUSTED, with RetryInfo and QuotaFailure. The key has as many open streams of events as it may on this gateway; close one first.
const ReasonEventStreamsLimited = "EVENT_STREAMS_LIMITED"

// ReasonMethodUnknown: UNIMPLEMENTED. The gateway has no such method: it may be older than the client. Metadata: `method`.
const ReasonMethodUnknown = "METHOD_UNKNOWN"

// ReasonIdempotencyKeyRequired: INVALID_ARGUMENT. CreateRefund needs an idempotency key or a `reference_id`, so that a repeated call cannot refund twice.
const ReasonIdempotencyKeyRequired = "IDEMPOTENCY_KEY_REQUIRED"

// ReasonRevisionStale: ABORTED. The object, or the version of the rules that is in force, has changed since the revision that the call expects. Metadata: `resource_id`, `revision` (the current one).
const ReasonRevisionStale = "REVISION_STALE"

// ReasonRiskListsFull: FAILED_PRECONDITION. There are as many lists, or entries of all lists together, as there may be.
const ReasonRiskListsFull = "RISK_LISTS_FULL"

// ReasonReviewDecided: FAILED_PRECONDITION. The review was decided otherwise already. Metadata: `state`.
const ReasonReviewDecided = "REVIEW_DECIDED"

// ReasonBlockedByRisk: FAILED_PRECONDITION. The card was stopped for its risk before it was saved; nothing was sent to Corefy. A payment that is stopped so is no error but a decline.
const ReasonBlockedByRisk = "BLOCKED_BY_RISK"

// ReasonPaymentMethodDeleted: FAILED_PRECONDITION. The payment method was deleted. Save it again, or pay with another.
const ReasonPaymentMethodDeleted = "PAYMENT_METHOD_DELETED"

// ReasonCustomerErased: FAILED_PRECONDITION. The person was erased: the customer and its payments take nothing new but refunds. Metadata: `resource_id`.
const ReasonCustomerErased = "CUSTOMER_ERASED"

// ReasonPaymentsUnderWay: FAILED_PRECONDITION, with RetryInfo. Payments of the customer, or calls that save its payment methods, have not ended. Metadata: `resource_ids` (at most 10, separated by commas).
const ReasonPaymentsUnderWay = "PAYMENTS_UNDER_WAY"

// ReasonExportsLimited: RESOURCE_EXHAUSTED, with RetryInfo and QuotaFailure. The key has as many exports under way as it may on this gateway; wait until one has ended.
const ReasonExportsLimited = "EXPORTS_LIMITED"

// Codes of `last_payment_error` that the gateway knows. Corefy may send others.

// DeclineCodeAntifraudError: The payer's bank or provider suspects fraud.
const DeclineCodeAntifraudError = "antifraud_error"

// DeclineCodeAuthFatalError: The authentication of the payer failed for good.
const DeclineCodeAuthFatalError = "auth_fatal_error"

// DeclineCodeAuthenticationFailed: The payer did not pass 3-D Secure.
const DeclineCodeAuthenticationFailed = "authentication_failed"

// DeclineCodeBlockedByRisk: The attempt was stopped for its risk; nothing was sent to Corefy.
const DeclineCodeBlockedByRisk = "blocked_by_risk"

// DeclineCodeCanceledByPayer: The payer chose not to pay.
const DeclineCodeCanceledByPayer = "canceled_by_payer"

// DeclineCodeCardDeclined: The payer's bank declined the card.
const DeclineCodeCardDeclined = "card_declined"

// DeclineCodeCardExpired: The card has expired.
const DeclineCodeCardExpired = "card_expired"

// DeclineCodeCardLost: The card was reported lost.
const DeclineCodeCardLost = "card_lost"

// DeclineCodeCardStolen: The card was reported stolen.
const DeclineCodeCardStolen = "card_stolen"

// DeclineCodeDeclined: The payer's bank declined.
const DeclineCodeDeclined = "declined"

// DeclineCodeDoNotHonor: The payer's bank declined without a reason.
const DeclineCodeDoNotHonor = "do_not_honor"

// DeclineCodeExpiredCard: The card has expired.
const DeclineCodeExpiredCard = "expired_card"

// DeclineCodeFraudSuspected: Fraud is suspected.
const DeclineCodeFraudSuspected = "fraud_suspected"

// DeclineCodeIncorrectCvc: The CVV is wrong.
const DeclineCodeIncorrectCvc = "incorrect_cvc"

// DeclineCodeIncorrectCvv: The CVV is wrong.
const DeclineCodeIncorrectCvv = "incorrect_cvv"

// DeclineCodeIncorrectNumber: The card number is wrong.
const DeclineCodeIncorrectNumber = "incorrect_number"

// DeclineCodeInsufficientFunds: The account lacks the money.
const DeclineCodeInsufficientFunds = "insufficient_funds"

// DeclineCodeInvalid3dsCode: The code of 3-D Secure is wrong.
const DeclineCodeInvalid3dsCode = "invalid_3ds_code"

// DeclineCodeInvalidCard: The card's details are wrong.
const DeclineCodeInvalidCard = "invalid_card"

// DeclineCodeInvalidCvv: The CVV is wrong.
const DeclineCodeInvalidCvv = "invalid_cvv"

// DeclineCodeInvalidDetails: The details of the payment method are wrong.
const DeclineCodeInvalidDetails = "invalid_details"

// DeclineCodeInvalidExpiryDate: The expiry date is wrong.
const DeclineCodeInvalidExpiryDate = "invalid_expiry_date"

// DeclineCodeInvalidPan: The card number is wrong.
const DeclineCodeInvalidPan = "invalid_pan"

// DeclineCodeIssuerUnavailable: The payer's bank could not be reached.
const DeclineCodeIssuerUnavailable = "issuer_unavailable"

// DeclineCodeLimitExceeded: A limit of the card is exceeded.
const DeclineCodeLimitExceeded = "limit_exceeded"

// DeclineCodeLostCard: The card was reported lost.
const DeclineCodeLostCard = "lost_card"

// DeclineCodeLostOrStolenCard: The card was reported lost or stolen.
const DeclineCodeLostOrStolenCard = "lost_or_stolen_card"

// DeclineCodePaymentExpired: The payer did not pay in time.
const DeclineCodePaymentExpired = "payment_expired"

// DeclineCodePaymentFailed: The payment failed; no reason is given.
const DeclineCodePaymentFailed = "payment_failed"

// DeclineCodePickupCard: The payer's bank wants the card withheld.
const DeclineCodePickupCard = "pickup_card"

// DeclineCodeProcessingError: The payment could not be processed.
const DeclineCodeProcessingError = "processing_error"

// DeclineCodeProviderError: The payment provider failed.
const DeclineCodeProviderError = "provider_error"

// DeclineCodeRefused: The payer's bank or Corefy refused.
const DeclineCodeRefused = "refused"

// DeclineCodeResolvedByOperator: The operator of the gateway found that the attempt did not happen.
const DeclineCodeResolvedByOperator = "resolved_by_operator"

// DeclineCodeRestrictedCard: The card is restricted.
const DeclineCodeRestrictedCard = "restricted_card"

// DeclineCodeStolenCard: The card was reported stolen.
const DeclineCodeStolenCard = "stolen_card"

// DeclineCodeTimeout: The payer or the provider took too long.
const DeclineCodeTimeout = "timeout"

// DeclineCodeTransactionNotPermitted: The payer's bank does not permit the card this kind of payment.
const DeclineCodeTransactionNotPermitted = "transaction_not_permitted"

// DeclineCodeTryAgainLater: The payer's bank asks to try later.
const DeclineCodeTryAgainLater = "try_again_later"

// DeclineCodeUpstreamNoRecord: Corefy has no record of the attempt: it never arrived.
const DeclineCodeUpstreamNoRecord = "upstream_no_record"

// DeclineCodeWithdrawalLimitExceeded: A limit of the card is exceeded.
const DeclineCodeWithdrawalLimitExceeded = "withdrawal_limit_exceeded"
