package gateway

import (
	"context"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// each gives the entries of a list, page after page. From the second page on the request goes through turn, which gives it
// the token of the page.
func each[Request proto.Message, Page interface{ GetNextPageToken() string }, Entry any](
	ctx context.Context, asked Request, call func(context.Context, Request, ...grpc.CallOption) (Page, error),
	turn func(next Request, token string), entries func(Page) []Entry,
) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		// The caller's request stays as it is.
		next := asked.ProtoReflect().New().Interface().(Request)
		proto.Merge(next, asked)
		for {
			page, err := call(ctx, next)
			if err != nil {
				var none Entry
				yield(none, err)
				return
			}
			for _, entry := range entries(page) {
				if !yield(entry, nil) {
					return
				}
			}
			token := page.GetNextPageToken()
			if token == "" {
				return
			}
			turn(next, token)
		}
	}
}
