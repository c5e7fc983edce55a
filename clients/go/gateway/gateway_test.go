package gateway_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/corefy/corefy-gateway/clients/go/gateway"
	"github.com/corefy/corefy-gateway/clients/go/gatewayv1"
)

func TestARepeatedCallKeepsItsIdempotencyKey(t *testing.T) {
	server := &fake{failures: []error{status.Error(codes.Unavailable, "restarting"), busy(10 * time.Millisecond)}}
	client := server.start(t)
	if _, err := client.PaymentIntents.CreatePaymentIntent(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if keys := server.seen("idempotency-key"); len(keys) != 3 || keys[0] == "" || len(slices.Compact(keys)) != 1 {
		t.Fatalf("keys of three attempts: %q", keys)
	}
}

func TestTwoCallsHaveTwoKeysAndReadsHaveNone(t *testing.T) {
	server := &fake{}
	client := server.start(t)
	for range 2 {
		_, _ = client.PaymentIntents.CreatePaymentIntent(t.Context(), nil)
	}
	_, _ = client.PaymentIntents.GetPaymentIntent(t.Context(), nil)
	_, _ = client.PaymentIntents.CreatePaymentIntent(gateway.WithIdempotencyKey(t.Context(), "mine"), nil)
	keys := server.seen("idempotency-key")
	if keys[0] == keys[1] || keys[2] != "" || keys[3] != "mine" {
		t.Fatalf("keys: %q", keys)
	}
	if sent := server.seen("authorization"); sent[0] != "Bearer pk:sk" {
		t.Fatalf("authorization: %q", sent)
	}
}

func TestNoPauseIsShorterThanTheGatewaysAdvice(t *testing.T) {
	server := &fake{failures: []error{busy(400 * time.Millisecond)}}
	client, begin := server.start(t), time.Now()
	if _, err := client.PaymentIntents.CreatePaymentIntent(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took < 400*time.Millisecond {
		t.Fatalf("repeated after %v", took)
	}
}

func TestAPauseThatOutlastsTheDeadlineIsNotBegun(t *testing.T) {
	server := &fake{failures: []error{busy(time.Minute)}}
	client, begin := server.start(t), time.Now()
	_, err := client.PaymentIntents.CreatePaymentIntent(t.Context(), nil)
	if status.Code(err) != codes.ResourceExhausted || time.Since(begin) > 5*time.Second {
		t.Fatalf("%v after %v", err, time.Since(begin))
	}
}

func TestWhatIsNotSafeIsNotRepeated(t *testing.T) {
	for _, code := range []codes.Code{codes.Internal, codes.Aborted, codes.ResourceExhausted, codes.DeadlineExceeded} {
		server := &fake{failures: []error{status.Error(code, "no")}}
		_, err := server.start(t).PaymentIntents.CreatePaymentIntent(t.Context(), nil)
		var refused *gateway.Error
		if !errors.As(err, &refused) || refused.Code != code || len(server.calls) != 1 {
			t.Errorf("%v: %v after %d attempts", code, err, len(server.calls))
		}
	}
}

func TestACallHasADeadlineAndAStreamHasNone(t *testing.T) {
	server := &fake{}
	client := server.start(t)
	_, _ = client.PaymentIntents.GetPaymentIntent(t.Context(), nil)
	sooner, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, _ = client.PaymentIntents.GetPaymentIntent(sooner, nil)
	for range client.FollowEvents(t.Context(), nil) {
		break
	}
	for index, expected := range []time.Duration{gateway.DefaultTimeout, 5 * time.Second, 0} {
		if left := server.calls[index].left; left > expected || left < expected-2*time.Second {
			t.Errorf("call %d has %v, not %v", index, left, expected)
		}
	}
}

func TestEventsGoOnAfterABreakWithoutAGap(t *testing.T) {
	server := &fake{}
	seen := []string{}
	request := &gatewayv1.StreamEventsRequest{AfterEventId: "evt_0", Types: []string{"refund.succeeded"}}
	for event, err := range server.start(t).FollowEvents(t.Context(), request) {
		if err != nil {
			t.Fatal(err)
		}
		if seen = append(seen, event.GetId()); len(seen) == 3 {
			break
		}
	}
	if !slices.Equal(seen, []string{"evt_0+", "evt_0++", "evt_0+++"}) {
		t.Fatalf("events: %q", seen)
	}
}

func TestAnErrorSaysAllInOneLine(t *testing.T) {
	violation := &errdetails.BadRequest_FieldViolation{Field: "amount", Description: "too many decimals"}
	server := &fake{failures: []error{failure(codes.InvalidArgument, "fields are wrong",
		&errdetails.ErrorInfo{Domain: "corefy-gateway", Reason: "FIELDS_INVALID"},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{violation}})}}
	_, err := server.start(t).PaymentIntents.CreatePaymentIntent(t.Context(), nil)
	if text := err.Error(); text != "FIELDS_INVALID: fields are wrong; amount: too many decimals (request req_1)" {
		t.Fatal(text)
	}
}

func TestTargetsThatAreNoneAreRefused(t *testing.T) {
	for _, target := range []string{"", "ftp://gateway", "https://gateway/v1", "http://"} {
		if _, err := gateway.Connect(target, "pk:sk"); err == nil {
			t.Errorf("%q is accepted", target)
		}
	}
}

func TestNothingGoesWithoutTLSUnlessTold(t *testing.T) {
	server := &fake{}
	server.start(t)
	client, err := gateway.Connect(server.address, "pk:sk", gateway.WithTimeout(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Gateway.TestConnection(t.Context(), nil); status.Code(err) != codes.Unavailable {
		t.Fatal(err)
	}
}

// fake is a gateway that fails on demand, and keeps the requests. Each of its streams brings one event and breaks.
type fake struct {
	gatewayv1.UnimplementedPaymentIntentServiceServer
	gatewayv1.UnimplementedEventServiceServer

	address  string
	failures []error
	calls    []seen
}

type seen struct {
	headers metadata.MD
	left    time.Duration // until its deadline; 0 without one
}

func (f *fake) start(t *testing.T) *gateway.Client {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.address = listener.Addr().String()
	server := grpc.NewServer()
	gatewayv1.RegisterPaymentIntentServiceServer(server, f)
	gatewayv1.RegisterEventServiceServer(server, f)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	client, err := gateway.Connect("http://"+f.address, "pk:sk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func (f *fake) note(ctx context.Context) error {
	call := seen{}
	call.headers, _ = metadata.FromIncomingContext(ctx)
	if deadline, isSet := ctx.Deadline(); isSet {
		call.left = time.Until(deadline)
	}
	f.calls = append(f.calls, call)
	_ = grpc.SetTrailer(ctx, metadata.Pairs("x-request-id", "req_1"))
	if len(f.failures) == 0 {
		return nil
	}
	next := f.failures[0]
	f.failures = f.failures[1:]
	return next
}

// seen gives the header of each call, empty where there was none.
func (f *fake) seen(header string) []string {
	values := []string{}
	for _, call := range f.calls {
		values = append(values, append(call.headers.Get(header), "")[0])
	}
	return values
}

func (f *fake) CreatePaymentIntent(
	ctx context.Context, _ *gatewayv1.CreatePaymentIntentRequest,
) (*gatewayv1.CreatePaymentIntentResponse, error) {
	return &gatewayv1.CreatePaymentIntentResponse{}, f.note(ctx)
}

func (f *fake) GetPaymentIntent(
	ctx context.Context, _ *gatewayv1.GetPaymentIntentRequest,
) (*gatewayv1.GetPaymentIntentResponse, error) {
	return &gatewayv1.GetPaymentIntentResponse{}, f.note(ctx)
}

func (f *fake) StreamEvents(
	request *gatewayv1.StreamEventsRequest, stream grpc.ServerStreamingServer[gatewayv1.StreamEventsResponse],
) error {
	_ = f.note(stream.Context())
	event := &gatewayv1.Event{Id: request.GetAfterEventId() + "+"}
	_ = stream.Send(&gatewayv1.StreamEventsResponse{Content: &gatewayv1.StreamEventsResponse_Event{Event: event}})
	return status.Error(codes.Unavailable, "restarting")
}

// busy is a refusal with the advice to come again.
func busy(wait time.Duration) error {
	return failure(codes.ResourceExhausted, "busy", &errdetails.RetryInfo{RetryDelay: durationpb.New(wait)})
}

func failure(code codes.Code, message string, details ...protoadapt.MessageV1) error {
	answer, err := status.New(code, message).WithDetails(details...)
	if err != nil {
		panic(err)
	}
	return answer.Err()
}
