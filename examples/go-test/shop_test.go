// Package shop has a shop's own tests: its checkout against the gateway and Corefy's sandbox, with outcomes that each test
// picks for itself.
//
//	GATEWAY_TARGET=http://127.0.0.1:50051 GATEWAY_API_KEY=$(cat target/dev/api-key) go -C examples/go-test test ./...
package shop

import (
	"errors"
	"os"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/corefy/corefy-gateway/clients/go/gateway"
	v1 "github.com/corefy/corefy-gateway/clients/go/gatewayv1"
	"github.com/corefy/corefy-gateway/clients/go/sandbox"
)

// shop is the checkout under test.
type shop struct {
	*testing.T
	gateway *gateway.Client
	sandbox *sandbox.Sandbox
}

func open(t *testing.T) shop {
	t.Parallel()
	client, err := gateway.Connect(os.Getenv("GATEWAY_TARGET"), os.Getenv("GATEWAY_API_KEY"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	address := os.Getenv("SANDBOX_URL")
	if address == "" {
		address = sandbox.DefaultURL
	}
	return shop{t, client, sandbox.New(address)}
}

// order is one of 100 dollars; its attempts and refunds come to these outcomes.
func (s shop) order(outcomes string) *v1.PaymentIntent {
	s.Helper()
	answer, err := s.gateway.PaymentIntents.CreatePaymentIntent(s.Context(), &v1.CreatePaymentIntentRequest{
		Amount: "100.00", Currency: "USD", CustomerEmail: "payer@example.com",
		Metadata: map[string]string{"sandbox": outcomes},
	})
	s.must(err)
	return answer.PaymentIntent
}

func (s shop) pay(intent *v1.PaymentIntent) *v1.PaymentIntent {
	s.Helper()
	card := &v1.Card{Number: "4111111111111111", ExpiryMonth: 12, ExpiryYear: 2040, Cvv: "123"}
	answer, err := s.gateway.PaymentIntents.ConfirmPaymentIntent(s.Context(), &v1.ConfirmPaymentIntentRequest{
		PaymentIntentId: intent.Id, Source: &v1.ConfirmPaymentIntentRequest_Card{Card: card},
	})
	s.must(err)
	return answer.PaymentIntent
}

func (s shop) expect(intent *v1.PaymentIntent, money sandbox.Money) {
	s.Helper()
	s.must(s.sandbox.ExpectMoney(s.Context(), intent.Id, money))
}

func (s shop) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func TestAPayerWhoWasDeclinedTriesAgain(t *testing.T) {
	s := open(t)
	intent := s.order("decline:insufficient_funds,approve")
	if code := s.pay(intent).LastPaymentError.GetCode(); code != "insufficient_funds" {
		t.Fatal(code)
	}
	s.expect(intent, sandbox.Money{Charged: "0.00", Charges: sandbox.Times(0)})
	if state := s.pay(intent).State; state != v1.PaymentIntentState_PAYMENT_INTENT_STATE_SUCCEEDED {
		t.Fatal(state)
	}
	s.expect(intent, sandbox.Money{Charged: "100.00", Charges: sandbox.Times(1)})
}

func TestAPayerApprovesAtTheBank(t *testing.T) {
	s := open(t)
	intent := s.order("challenge")
	if s.pay(intent).GetNextAction().GetRedirect().GetUrl() == "" {
		t.Fatal("the payer is not asked")
	}
	_, err := s.sandbox.Complete(s.Context(), intent.Id, true)
	s.must(err)
	s.expect(intent, sandbox.Money{Charged: "100.00", Charges: sandbox.Times(1)})
}

func TestAnAnswerThatIsLostChargesOnce(t *testing.T) {
	s := open(t)
	intent := s.order("charged_cut")
	s.pay(intent)
	s.expect(intent, sandbox.Money{Charged: "100.00", Charges: sandbox.Times(1)})
}

func TestARefundThatFailsGivesNothingBack(t *testing.T) {
	s := open(t)
	intent := s.order("approve,refund:refuse")
	payment := s.pay(intent).PaymentId
	refund := func(amount string) error {
		request := &v1.CreateRefundRequest{PaymentId: payment, Amount: proto.String(amount)}
		_, err := s.gateway.Refunds.CreateRefund(s.Context(), request)
		return err
	}
	if refund("25.00") == nil {
		t.Fatal("the refund is not refused")
	}
	s.must(refund("40.00"))
	s.expect(intent, sandbox.Money{Charged: "100.00", Refunded: "40.00", Refunds: sandbox.Times(1)})
}

func TestAPaymentThatTakesItsTimeIsChargedByThen(t *testing.T) {
	s := open(t)
	intent := s.order("process")
	s.pay(intent)
	_, err := s.sandbox.Settle(s.Context(), intent.Id)
	s.must(err)
	s.expect(intent, sandbox.Money{Charged: "100.00"})
	_, err = s.sandbox.ChargeBack(s.Context(), intent.Id, "10.00")
	s.must(err)
	s.expect(intent, sandbox.Money{ChargedBack: "10.00", Chargebacks: sandbox.Times(1)})
}

func TestAnotherLedgerKnowsNothingOfIt(t *testing.T) {
	s := open(t)
	intent := s.order("approve")
	known, unknown := true, false
	s.must(s.sandbox.Ledger("another-shop").ExpectMoney(s.Context(), intent.Id, sandbox.Money{Known: &unknown}))
	s.expect(intent, sandbox.Money{Known: &known})
}

func TestMoneyThatIsWrongIsTold(t *testing.T) {
	s := open(t)
	intent := s.order("approve")
	s.pay(intent)
	err := s.sandbox.ExpectMoney(s.Context(), intent.Id, sandbox.Money{Charged: "99.00"})
	var differs *sandbox.Error
	if !errors.As(err, &differs) || differs.Code != "money_differs" {
		t.Fatal(err)
	}
	want := sandbox.Difference{Field: "charged", Expected: "99.00", Actual: "100.00"}
	if len(differs.Differences) != 1 || differs.Differences[0] != want {
		t.Fatal(differs.Differences)
	}
}
