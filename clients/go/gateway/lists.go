// Made by clients/lists; do not edit.

package gateway

import (
	"context"
	"iter"

	"github.com/corefy/corefy-gateway/clients/go/gatewayv1"
)

// Lists gives the entries of lists, page after page: a page is asked for when the one before it is used up, and is all that
// is kept. An error is the last thing that an iterator gives. A request that is nil asks for everything.
type Lists struct{ client *Client }

// Customers gives the entries of ListCustomers.
func (l Lists) Customers(ctx context.Context, request *gatewayv1.ListCustomersRequest) iter.Seq2[*gatewayv1.Customer, error] {
	return each(ctx, request, l.client.Customers.ListCustomers,
		func(next *gatewayv1.ListCustomersRequest, token string) { next.PageToken = token },
		(*gatewayv1.ListCustomersResponse).GetCustomers)
}

// Events gives the entries of ListEvents.
func (l Lists) Events(ctx context.Context, request *gatewayv1.ListEventsRequest) iter.Seq2[*gatewayv1.Event, error] {
	return each(ctx, request, l.client.Events.ListEvents,
		func(next *gatewayv1.ListEventsRequest, token string) { next.PageToken, next.AfterEventId = token, "" },
		(*gatewayv1.ListEventsResponse).GetEvents)
}

// ApiCalls gives the entries of ListApiCalls.
func (l Lists) ApiCalls(ctx context.Context, request *gatewayv1.ListApiCallsRequest) iter.Seq2[*gatewayv1.ApiCall, error] {
	return each(ctx, request, l.client.Gateway.ListApiCalls,
		func(next *gatewayv1.ListApiCallsRequest, token string) { next.PageToken = token },
		(*gatewayv1.ListApiCallsResponse).GetApiCalls)
}

// TimelineEntries gives the entries of GetTimeline.
func (l Lists) TimelineEntries(ctx context.Context, request *gatewayv1.GetTimelineRequest) iter.Seq2[*gatewayv1.TimelineEntry, error] {
	return each(ctx, request, l.client.Gateway.GetTimeline,
		func(next *gatewayv1.GetTimelineRequest, token string) { next.PageToken = token },
		(*gatewayv1.GetTimelineResponse).GetEntries)
}

// PaymentIntents gives the entries of ListPaymentIntents.
func (l Lists) PaymentIntents(ctx context.Context, request *gatewayv1.ListPaymentIntentsRequest) iter.Seq2[*gatewayv1.PaymentIntent, error] {
	return each(ctx, request, l.client.PaymentIntents.ListPaymentIntents,
		func(next *gatewayv1.ListPaymentIntentsRequest, token string) { next.PageToken = token },
		(*gatewayv1.ListPaymentIntentsResponse).GetPaymentIntents)
}

// Chargebacks gives the entries of ListChargebacks.
func (l Lists) Chargebacks(ctx context.Context, request *gatewayv1.ListChargebacksRequest) iter.Seq2[*gatewayv1.Chargeback, error] {
	return each(ctx, request, l.client.PaymentIntents.ListChargebacks,
		func(next *gatewayv1.ListChargebacksRequest, token string) { next.PageToken = token },
		(*gatewayv1.ListChargebacksResponse).GetChargebacks)
}

// PaymentMethods gives the entries of ListPaymentMethods.
func (l Lists) PaymentMethods(ctx context.Context, request *gatewayv1.ListPaymentMethodsRequest) iter.Seq2[*gatewayv1.PaymentMethod, error] {
	return each(ctx, request, l.client.PaymentMethods.ListPaymentMethods,
		func(next *gatewayv1.ListPaymentMethodsRequest, token string) { next.PageToken = token },
		(*gatewayv1.ListPaymentMethodsResponse).GetPaymentMethods)
}

// Refunds gives the entries of ListRefunds.
func (l Lists) Refunds(ctx context.Context, request *gatewayv1.ListRefundsRequest) iter.Seq2[*gatewayv1.Refund, error] {
	return each(ctx, request, l.client.Refunds.ListRefunds,
		func(next *gatewayv1.ListRefundsRequest, token string) { next.PageToken = token },
		(*gatewayv1.ListRefundsResponse).GetRefunds)
}

// RulesVersions gives the entries of ListRulesVersions.
func (l Lists) RulesVersions(ctx context.Context, request *gatewayv1.ListRulesVersionsRequest) iter.Seq2[*gatewayv1.RiskRules, error] {
	return each(ctx, request, l.client.Risk.ListRulesVersions,
		func(next *gatewayv1.ListRulesVersionsRequest, token string) { next.PageToken = token },
		(*gatewayv1.ListRulesVersionsResponse).GetRulesVersions)
}

// ListEntries gives the entries of ListListEntries.
func (l Lists) ListEntries(ctx context.Context, request *gatewayv1.ListListEntriesRequest) iter.Seq2[*gatewayv1.RiskListEntry, error] {
	return each(ctx, request, l.client.Risk.ListListEntries,
		func(next *gatewayv1.ListListEntriesRequest, token string) { next.PageToken = token },
		(*gatewayv1.ListListEntriesResponse).GetEntries)
}

// Decisions gives the entries of ListDecisions.
func (l Lists) Decisions(ctx context.Context, request *gatewayv1.ListDecisionsRequest) iter.Seq2[*gatewayv1.RiskDecision, error] {
	return each(ctx, request, l.client.Risk.ListDecisions,
		func(next *gatewayv1.ListDecisionsRequest, token string) { next.PageToken = token },
		(*gatewayv1.ListDecisionsResponse).GetDecisions)
}

// Reviews gives the entries of ListReviews.
func (l Lists) Reviews(ctx context.Context, request *gatewayv1.ListReviewsRequest) iter.Seq2[*gatewayv1.RiskReview, error] {
	return each(ctx, request, l.client.Risk.ListReviews,
		func(next *gatewayv1.ListReviewsRequest, token string) { next.PageToken = token },
		(*gatewayv1.ListReviewsResponse).GetReviews)
}
