package gateway

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/corefy/corefy-gateway/clients/go/gatewayv1"
)

// Error is how a call fails: refused by the gateway, or not answered by it. A declined payment is not an error.
//
//	var refused *gateway.Error
//	if errors.As(err, &refused) && refused.Reason == "FIELDS_INVALID" {
type Error struct {
	// Code is the gRPC code.
	Code codes.Code
	// Message is a sentence for developers.
	Message string
	// Reason is the name of a gatewayv1.ErrorReason without its prefix; empty when it was not the gateway that spoke.
	Reason string
	// ReasonCode is the reason as a value of the enum; ERROR_REASON_UNSPECIFIED for an empty one and for one that is younger than
	// this client.
	ReasonCode gatewayv1.ErrorReason
	// Fields has the invalid fields of the request by path, each with its reason.
	Fields map[string]string
	// RetryAfter is the time after which the same call may succeed; 0 when waiting does not help.
	RetryAfter time.Duration
	// RequestID is what the gateway's operator finds the call by; empty when the gateway was not reached.
	RequestID string
	// Metadata is what gatewayv1.ErrorReason promises beside this reason.
	Metadata map[string]string

	nothingWasSent bool
	status         *status.Status
}

const (
	domain           = "corefy-gateway"
	previousAttempts = "previous_attempts"
)

// NothingWasSent reports whether this call provably sent nothing to Corefy: in each attempt, the gateway itself said so.
// Otherwise make the call again under the same idempotency key, or read the object: it may have been done.
func (e *Error) NothingWasSent() bool { return e.nothingWasSent }

// errorOf reads what a call ended with.
func errorOf(err error, trailer metadata.MD) *Error {
	if already := (*Error)(nil); errors.As(err, &already) {
		return already
	}
	answer := status.Convert(err)
	failure := &Error{Code: answer.Code(), Message: answer.Message(), status: answer}
	if ids := trailer.Get("x-request-id"); len(ids) > 0 {
		failure.RequestID = ids[0]
	}
	for _, detail := range answer.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if detail.GetDomain() == domain {
				failure.Reason, failure.Metadata = detail.GetReason(), detail.GetMetadata()
				failure.ReasonCode = gatewayv1.ErrorReason(gatewayv1.ErrorReason_value["ERROR_REASON_"+failure.Reason])
			}
		case *errdetails.BadRequest:
			failure.Fields = make(map[string]string)
			for _, violation := range detail.GetFieldViolations() {
				failure.Fields[violation.GetField()] = violation.GetDescription()
			}
		case *errdetails.RetryInfo:
			// An advice to try again at once is one, too.
			failure.RetryAfter = max(detail.GetRetryDelay().AsDuration(), time.Nanosecond)
		}
	}
	_, isRepeated := failure.Metadata[previousAttempts]
	isOfThese := failure.Code == codes.Unavailable || failure.Code == codes.ResourceExhausted
	failure.nothingWasSent = failure.Reason != "" && isOfThese && !isRepeated
	return failure
}

// Error gives the whole in one line: reason, message, wrong fields and request id.
func (e *Error) Error() string {
	var text strings.Builder
	if e.Reason != "" {
		text.WriteString(e.Reason)
	} else {
		text.WriteString(e.Code.String())
	}
	text.WriteString(": " + e.Message)
	for _, field := range slices.Sorted(maps.Keys(e.Fields)) {
		text.WriteString("; " + field + ": " + e.Fields[field])
	}
	if e.RequestID != "" {
		text.WriteString(" (request " + e.RequestID + ")")
	}
	return text.String()
}

// GRPCStatus gives the status as it came, for status.FromError and status.Code.
func (e *Error) GRPCStatus() *status.Status { return e.status }
