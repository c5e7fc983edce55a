package gateway

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// A call is made so often at most: pauses of 0.1, 0.2, 0.4, 0.8, 1.6, 2 and 2 seconds, each shortened by up to half,
// outlast a restart of the gateway.
const (
	maxAttempts  = 8
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
)

const idempotencyKey = "idempotency-key"

// WithIdempotencyKey gives the calls of this context a key of your own: 1 to 255 visible ASCII characters. Use a
// context for one call: another request under the same key is refused.
func WithIdempotencyKey(ctx context.Context, key string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, idempotencyKey, key)
}

// calls makes the calls of one connection.
type calls struct {
	authorization string
	timeout       time.Duration
}

// unary makes a call, again and again while that is safe and the deadline allows it.
func (c calls) unary(
	ctx context.Context, method string, request, response any,
	connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	if _, isSet := ctx.Deadline(); !isSet {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	ctx = c.prepared(ctx, method)
	for attempts, isProvable := 1, true; ; attempts++ {
		var trailer metadata.MD
		noted := append(slices.Clone(options), grpc.Trailer(&trailer))
		err := invoke(ctx, method, request, response, connection, noted...)
		if err == nil {
			return nil
		}
		failure := errorOf(err, trailer)
		isProvable = isProvable && failure.nothingWasSent
		failure.nothingWasSent = isProvable
		if attempts == maxAttempts || !failure.mayBeRepeated() || !rest(ctx, pause(attempts, failure)) {
			return failure
		}
	}
}

// stream opens a stream. It has no deadline but that of its context.
func (c calls) stream(
	ctx context.Context, description *grpc.StreamDesc, connection *grpc.ClientConn, method string,
	open grpc.Streamer, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	stream, err := open(c.prepared(ctx, method), description, connection, method, options...)
	if err != nil {
		return nil, errorOf(err, nil)
	}
	return typedStream{stream}, nil
}

// typedStream ends with an *Error when it breaks.
type typedStream struct{ grpc.ClientStream }

func (s typedStream) RecvMsg(message any) error {
	err := s.ClientStream.RecvMsg(message)
	if err == nil || err == io.EOF {
		return err
	}
	return errorOf(err, s.Trailer())
}

// prepared adds what the gateway wants to know of a call.
func (c calls) prepared(ctx context.Context, method string) context.Context {
	given, _ := metadata.FromOutgoingContext(ctx)
	if isMutating(method) && len(given.Get(idempotencyKey)) == 0 {
		ctx = WithIdempotencyKey(ctx, newKey())
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", c.authorization)
}

// newKey is a random UUID.
func newKey() string {
	var bytes [16]byte
	rand.Read(bytes[:]) // it never fails
	bytes[6] = bytes[6]&0x0f | 0x40
	bytes[8] = bytes[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", bytes[:4], bytes[4:6], bytes[6:8], bytes[8:10], bytes[10:])
}

// isMutating reports whether /package.Service/Method changes anything, by its proto.
func isMutating(method string) bool {
	name := protoreflect.FullName(strings.ReplaceAll(strings.TrimPrefix(method, "/"), "/", "."))
	descriptor, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	if err != nil {
		return true
	}
	options, _ := descriptor.Options().(*descriptorpb.MethodOptions)
	return options.GetIdempotencyLevel() != descriptorpb.MethodOptions_NO_SIDE_EFFECTS
}

// mayBeRepeated reports whether to make the call again; it keeps its idempotency key, so that it is done once even if it
// has arrived.
func (e *Error) mayBeRepeated() bool {
	switch e.Code {
	case codes.Unavailable:
		return true
	case codes.ResourceExhausted, codes.Aborted:
		return e.RetryAfter > 0
	default:
		return false
	}
}

// pause is the wait after this number of attempts, given the end of the last one: never less than the gateway asks for.
func pause(attempts int, failure *Error) time.Duration {
	longest := min(firstPause<<(attempts-1), longestPause)
	return max(longest/2+mathrand.N(longest/2), failure.RetryAfter)
}

// rest waits, and reports whether there is time left for another attempt. It does not begin a pause that would outlast
// the deadline.
func rest(ctx context.Context, pause time.Duration) bool {
	if deadline, isSet := ctx.Deadline(); isSet && time.Until(deadline) < pause {
		return false
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
