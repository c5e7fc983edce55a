// Package gateway takes payments, and gives them back, through corefy-gateway:
//
//	client, err := gateway.Connect("https://gateway.example:50051", apiKey)
//	…
//	answer, err := client.PaymentIntents.CreatePaymentIntent(ctx, &gatewayv1.CreatePaymentIntentRequest{
//		Amount: "100.00", Currency: "USD", CustomerEmail: "payer@example.com",
//	})
//
// Each call has the key, a deadline, an idempotency key that stays the same when the call is made again, and the
// repetitions that are safe. A call that does not succeed returns an *[Error].
package gateway

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/corefy/corefy-gateway/clients/go/gatewayv1"
)

// DefaultTimeout is how long a call with all its repetitions may take when its context has no deadline. It is longer
// than the gateway waits for Corefy by default.
const DefaultTimeout = 45 * time.Second

// Client has the services of a gateway. Goroutines may share it.
type Client struct {
	PaymentIntents gatewayv1.PaymentIntentServiceClient
	Refunds        gatewayv1.RefundServiceClient
	Customers      gatewayv1.CustomerServiceClient
	PaymentMethods gatewayv1.PaymentMethodServiceClient
	Events         gatewayv1.EventServiceClient
	Exports        gatewayv1.ExportServiceClient
	Risk           gatewayv1.RiskServiceClient // for keys with the scope risk
	Gateway        gatewayv1.GatewayServiceClient
	// All has the entries of lists, page after page: for refund, err := range client.All.Refunds(ctx, request).
	All Lists

	connection *grpc.ClientConn
}

// Connect gives a gateway's services. The connection is made by the first call, and made again when it breaks.
//
// The target is https://host:port, or host:port for the same; only http://host:port goes without TLS.
func Connect(target, apiKey string, options ...Option) (*Client, error) {
	chosen := settings{timeout: DefaultTimeout}
	for _, option := range options {
		option(&chosen)
	}
	address, transport, err := reach(target, chosen.tls)
	if err != nil {
		return nil, err
	}
	calls := calls{authorization: "Bearer " + apiKey, timeout: chosen.timeout}
	connection, err := grpc.NewClient(address, slices.Concat(dialOptions(transport, calls), chosen.dial)...)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	client := &Client{
		PaymentIntents: gatewayv1.NewPaymentIntentServiceClient(connection),
		Refunds:        gatewayv1.NewRefundServiceClient(connection),
		Customers:      gatewayv1.NewCustomerServiceClient(connection),
		PaymentMethods: gatewayv1.NewPaymentMethodServiceClient(connection),
		Events:         gatewayv1.NewEventServiceClient(connection),
		Exports:        gatewayv1.NewExportServiceClient(connection),
		Risk:           gatewayv1.NewRiskServiceClient(connection),
		Gateway:        gatewayv1.NewGatewayServiceClient(connection),
		connection:     connection,
	}
	client.All = Lists{client}
	return client, nil
}

// Close ends the connection, and every call that is under way.
func (c *Client) Close() error { return c.connection.Close() }

// Option changes how [Connect] reaches a gateway.
type Option func(*settings)

type settings struct {
	timeout time.Duration
	tls     *tls.Config
	dial    []grpc.DialOption
}

// WithTimeout sets the time for a call with all its repetitions, in place of [DefaultTimeout]. A deadline of the
// call's context goes before it.
func WithTimeout(timeout time.Duration) Option {
	return func(s *settings) { s.timeout = timeout }
}

// WithTLS is for a private authority or a client certificate.
func WithTLS(config *tls.Config) Option {
	return func(s *settings) { s.tls = config }
}

// WithDialOptions adds options of gRPC: chained interceptors, which see each attempt of a call, statistics, limits.
func WithDialOptions(options ...grpc.DialOption) Option {
	return func(s *settings) { s.dial = append(s.dial, options...) }
}

// reach reads a target: the address to resolve, and how to speak to it.
func reach(target string, config *tls.Config) (string, credentials.TransportCredentials, error) {
	if !strings.Contains(target, "://") {
		target = "https://" + target
	}
	place, err := url.Parse(target)
	if err != nil || place.Hostname() == "" || strings.Trim(place.Path, "/") != "" {
		return "", nil, fmt.Errorf("gateway: %q is not like https://gateway.example:50051", target)
	}
	var port string
	var transport credentials.TransportCredentials
	switch {
	case place.Scheme == "https":
		port, transport = "443", credentials.NewTLS(config)
	case place.Scheme == "http" && config == nil:
		port, transport = "80", insecure.NewCredentials()
	case place.Scheme == "http":
		return "", nil, fmt.Errorf("gateway: TLS is configured, but %q goes without it", target)
	default:
		return "", nil, fmt.Errorf("gateway: %q begins neither with https:// nor with http://", target)
	}
	return "dns:///" + net.JoinHostPort(place.Hostname(), cmp.Or(place.Port(), port)), transport, nil
}

func dialOptions(transport credentials.TransportCredentials, calls calls) []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithChainUnaryInterceptor(calls.unary),
		grpc.WithChainStreamInterceptor(calls.stream),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		// A gateway that restarts is found again within the pauses between attempts.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: firstPause, Multiplier: 2, Jitter: 0.2, MaxDelay: longestPause},
			MinConnectTimeout: 10 * time.Second,
		}),
		// gRPC's own repetitions know nothing of the gateway's advice, and DNS is not to switch them on.
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
	}
}
