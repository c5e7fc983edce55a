package gateway

import (
	"context"
	"io"
	"iter"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/corefy/corefy-gateway/clients/go/gatewayv1"
)

// FollowEvents gives the events that the request asks for, from the oldest that is kept when it is nil or names none to begin
// after, and then each as it happens, until the context ends. The default view has no personal data.
//
// After a break it resumes after the last event that was taken in. Keep the id of each event once it is dealt with, and
// begin with it after a restart of your own. An error is the last thing that it gives.
func (c *Client) FollowEvents(ctx context.Context, request *gatewayv1.StreamEventsRequest) iter.Seq2[*gatewayv1.Event, error] {
	return func(yield func(*gatewayv1.Event, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		next := &gatewayv1.StreamEventsRequest{}
		if request != nil {
			next = proto.CloneOf(request)
		}
		for attempts := 1; ; attempts++ {
			progressed, err := c.streamOnce(ctx, next, yield)
			if err == nil {
				return
			}
			if progressed {
				attempts = 1
			}
			failure := errorOf(err, nil)
			isToGoOn := failure.mayBeRepeated() || failure.Reason == "EVENT_READER_TOO_SLOW"
			if attempts == maxAttempts || !isToGoOn || !rest(ctx, pause(attempts, failure)) {
				yield(nil, failure)
				return
			}
		}
	}
}

// streamOnce gives the events of one stream, and notes in the request where to resume. It reports whether any message came.
// There is no error when the reader has had enough.
func (c *Client) streamOnce(
	ctx context.Context, request *gatewayv1.StreamEventsRequest, yield func(*gatewayv1.Event, error) bool,
) (progressed bool, err error) {
	stream, err := c.Events.StreamEvents(ctx, request)
	if err != nil {
		return false, err
	}
	for {
		message, err := stream.Recv()
		if err == io.EOF {
			// The gateway does not end a stream so; what stands between may.
			err = status.Error(codes.Unavailable, "the stream has ended")
		}
		if err != nil {
			return progressed, err
		}
		progressed = true
		if event := message.GetEvent(); event != nil {
			goOnAfter(request, event.GetId())
			if !yield(event, nil) {
				return true, nil
			}
		} else if passed := message.GetHeartbeat().GetResumeAfterEventId(); passed != "" {
			goOnAfter(request, passed)
		}
	}
}

// goOnAfter has the next stream begin after this event, and at no other place.
func goOnAfter(request *gatewayv1.StreamEventsRequest, id string) {
	request.AfterEventId, request.OnlyNew = id, false
}
