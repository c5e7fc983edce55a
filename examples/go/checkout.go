// Checkout takes a payment with 3-D Secure, gives a part of it back, and follows the events.
//
//	GATEWAY_TARGET=http://127.0.0.1:50051 GATEWAY_API_KEY=$(cat target/dev/api-key) go -C examples/go run .
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"

	"google.golang.org/protobuf/proto"

	"github.com/corefy/corefy-gateway/clients/go/gateway"
	v1 "github.com/corefy/corefy-gateway/clients/go/gatewayv1"
)

func main() {
	ctx := context.Background()
	client := must(gateway.Connect(os.Getenv("GATEWAY_TARGET"), os.Getenv("GATEWAY_API_KEY")))
	defer client.Close()
	intent := pay(ctx, client)
	types := []string{"payment_intent.succeeded", "refund.succeeded"}
	for event, err := range client.FollowEvents(ctx, &v1.StreamEventsRequest{Types: types}) {
		must(event, err)
		if paid := event.GetPaymentIntent(); paid.GetId() == intent.Id {
			fmt.Println(intent.Id, "is paid:", paid.AmountReceived, paid.Currency)
			must(client.Refunds.CreateRefund(ctx, &v1.CreateRefundRequest{PaymentId: intent.Id, Amount: proto.String("25.00"), ReferenceId: "part-" + intent.Id}))
		} else if refund := event.GetRefund(); refund.GetPaymentIntentId() == intent.Id {
			fmt.Println(refund.Amount, refund.Currency, "of it are given back")
			break
		}
	}
}

// pay asks for 100 dollars and pays them with a card that wants the payer's approval.
func pay(ctx context.Context, client *gateway.Client) *v1.PaymentIntent {
	order := &v1.CreatePaymentIntentRequest{Amount: "100.00", Currency: "USD", CustomerEmail: "payer@example.com"}
	intent := must(client.PaymentIntents.CreatePaymentIntent(ctx, order)).PaymentIntent
	card := &v1.ConfirmPaymentIntentRequest_Card{Card: &v1.Card{Number: "4000000000003220", ExpiryMonth: 12, ExpiryYear: 2040, Cvv: "123"}}
	confirmation := &v1.ConfirmPaymentIntentRequest{PaymentIntentId: intent.Id, Source: card}
	intent = must(client.PaymentIntents.ConfirmPaymentIntent(ctx, confirmation)).PaymentIntent
	if page := intent.GetNextAction().GetRedirect().GetUrl(); page != "" {
		// A shop redirects the payer's browser. Here it is yours, or a program that plays the payer.
		if control := os.Getenv("SCENARIO_CONTROL"); control != "" {
			must(exec.Command(control, "visit", page).Output())
		} else {
			fmt.Println("approve the payment at", page)
		}
	}
	return intent
}

func must[T any](answer T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return answer
}
