// Package sandbox controls Corefy's sandbox from a shop's tests: payers, banks, time, and the money that is expected to
// have moved.
//
//	corefy := sandbox.New("http://127.0.0.1:8090")
//	_, err := corefy.Complete(ctx, intent.Id, true)
//	err = corefy.ExpectMoney(ctx, intent.Id, sandbox.Money{Charged: "100.00", Charges: sandbox.Times(1)})
//
// Payments, refunds and customers are named by the gateway's ids. docs/sandbox.md has the rest.
package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DefaultURL is the address of a sandbox beside dev.
const DefaultURL = "http://127.0.0.1:8090"

const (
	// patience is how long an answer may take: longer than the longest wait that can be asked for.
	patience = 90 * time.Second
	// maxAnswer is how many bytes of an answer are read.
	maxAnswer = 1 << 20
)

// Sandbox is the control of a sandbox. It is safe for concurrent use.
type Sandbox struct {
	url    string
	ledger string
	client *http.Client
}

// Object is a payment or refund as the sandbox has it.
type Object struct {
	ID     string `json:"id"`
	Status string `json:"status"`
}

// Money is what is expected to have moved for an intent, in major units; what is zero or nil is not compared.
type Money struct {
	Charged     string `json:"charged,omitempty"`
	Refunded    string `json:"refunded,omitempty"`
	ChargedBack string `json:"charged_back,omitempty"`
	Charges     *int   `json:"charges,omitempty"`
	Refunds     *int   `json:"refunds,omitempty"`
	Chargebacks *int   `json:"chargebacks,omitempty"`
	// Known is false where Corefy is expected never to have heard of the payment.
	Known *bool `json:"known,omitempty"`
}

// Times is a number of times that is compared, also when it is 0.
func Times(times int) *int { return &times }

// Error is a call that the sandbox refused. With the code money_differs other money moved than was expected.
type Error struct {
	// Status is the HTTP status.
	Status int `json:"-"`
	// Message is a sentence for developers.
	Message string `json:"message"`
	// Code says why, as money_differs, not_found, not_possible or validation_error.
	Code string `json:"error_code"`
	// Fields has whatever is wrong with each field.
	Fields map[string][]string `json:"errors"`
	// Differences has each difference of money.
	Differences []Difference `json:"differences"`
	// NearestRequest is the request to Corefy that explains the money best; nil when none came.
	NearestRequest *struct {
		Method string `json:"method"`
		Path   string `json:"path"`
	} `json:"nearest_request"`
}

// Difference is one between what was expected and what moved.
type Difference struct {
	Field    string `json:"field"`
	Expected string `json:"expected"`
	Actual   string `json:"actual"`
}

func (e *Error) Error() string {
	text := e.Message
	if text == "" {
		text = fmt.Sprintf("HTTP %d", e.Status)
	}
	for field, problems := range e.Fields {
		text += fmt.Sprintf("\n  %s: %s", field, strings.Join(problems, "; "))
	}
	if nearest := e.NearestRequest; nearest != nil {
		text += fmt.Sprintf("\n  nearest request: %s %s", nearest.Method, nearest.Path)
	}
	return text
}

// New gives the control of the sandbox at this address.
func New(address string) *Sandbox {
	return &Sandbox{url: strings.TrimRight(address, "/"), client: &http.Client{Timeout: patience}}
}

// Ledger gives the control of the ledger of this name, for a gateway whose API key has the name behind it.
func (s *Sandbox) Ledger(name string) *Sandbox {
	other := *s
	other.ledger = name
	return &other
}

// Reset forgets everything: other tests at the same sandbox would miss it.
func (s *Sandbox) Reset(ctx context.Context) error { return s.call(ctx, "reset", nil, nil) }

// Settle lets the next thing happen now that would happen with time: a processing payment is charged.
func (s *Sandbox) Settle(ctx context.Context, payment string) (*Object, error) {
	return s.payment(ctx, payment, "settle", nil)
}

// ChargeLate charges a payment whose request was lost.
func (s *Sandbox) ChargeLate(ctx context.Context, payment string) (*Object, error) {
	return s.payment(ctx, payment, "charge-late", nil)
}

// Complete has the payer approve or decline: 3-D Secure, or details that they were shown.
func (s *Sandbox) Complete(ctx context.Context, payment string, approve bool) (*Object, error) {
	answer := "decline"
	if approve {
		answer = "approve"
	}
	return s.payment(ctx, payment, "complete", map[string]string{"answer": answer})
}

// Cancel cancels a payment that is not paid.
func (s *Sandbox) Cancel(ctx context.Context, payment string) (*Object, error) {
	return s.payment(ctx, payment, "cancel", nil)
}

// Expire ends the time in which a payment can be paid.
func (s *Sandbox) Expire(ctx context.Context, payment string) (*Object, error) {
	return s.payment(ctx, payment, "expire", nil)
}

// ChargeBack has the payer's bank take an amount back, in major units; all that is left when it is empty.
func (s *Sandbox) ChargeBack(ctx context.Context, payment, amount string) (*Object, error) {
	return s.payment(ctx, payment, "charge-back", optional(amount))
}

// RefundOnDashboard gives an amount back, in major units, without the gateway; all that is left when it is empty.
func (s *Sandbox) RefundOnDashboard(ctx context.Context, payment, amount string) (*Object, error) {
	return s.payment(ctx, payment, "refund", optional(amount))
}

// SettleRefund lets a pending refund end now.
func (s *Sandbox) SettleRefund(ctx context.Context, refund string) (*Object, error) {
	return s.object(ctx, "refunds/"+url.PathEscape(refund)+"/settle", nil)
}

// ReturnRefund has the payer's bank return a refund that succeeded.
func (s *Sandbox) ReturnRefund(ctx context.Context, refund string) (*Object, error) {
	return s.object(ctx, "refunds/"+url.PathEscape(refund)+"/return", nil)
}

// HoldWebhooks keeps webhooks back from now on.
func (s *Sandbox) HoldWebhooks(ctx context.Context) error {
	return s.call(ctx, "webhooks/hold", nil, nil)
}

// ReleaseWebhooks delivers webhooks again, beginning with those that were held.
func (s *Sandbox) ReleaseWebhooks(ctx context.Context) error {
	return s.call(ctx, "webhooks/release", nil, nil)
}

// WaitForWebhooks returns when every webhook was delivered or given up, and fails after this time.
func (s *Sandbox) WaitForWebhooks(ctx context.Context, timeout time.Duration) error {
	return s.call(ctx, "webhooks/wait", map[string]int64{"timeout_ms": timeout.Milliseconds()}, nil)
}

// AdvanceClock lets whole seconds go by. In dev the gateway has caught up when it returns.
func (s *Sandbox) AdvanceClock(ctx context.Context, by time.Duration) error {
	return s.call(ctx, "clock", map[string]string{"advance": fmt.Sprintf("%ds", int64(by.Seconds()))}, nil)
}

// ExpectMoney fails with an [Error] unless just this moved for the payment intent.
func (s *Sandbox) ExpectMoney(ctx context.Context, payment string, expected Money) error {
	body := struct {
		Payment string `json:"payment"`
		Money
	}{payment, expected}
	return s.call(ctx, "expect", body, nil)
}

func optional(amount string) map[string]string {
	if amount == "" {
		return nil
	}
	return map[string]string{"amount": amount}
}

func (s *Sandbox) payment(ctx context.Context, payment, control string, body any) (*Object, error) {
	return s.object(ctx, "payments/"+url.PathEscape(payment)+"/"+control, body)
}

func (s *Sandbox) object(ctx context.Context, path string, body any) (*Object, error) {
	object := new(Object)
	if err := s.call(ctx, path, body, object); err != nil {
		return nil, err
	}
	return object, nil
}

// call reads the answer into answer, unless that is nil.
func (s *Sandbox) call(ctx context.Context, path string, body, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if string(text) == "null" {
		text = nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/_sandbox/"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	if s.ledger != "" {
		request.Header.Set("X-Sandbox-Ledger", s.ledger)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	read, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusBadRequest {
		refused := &Error{Status: response.StatusCode}
		// Without a body that can be read, the status says it.
		_ = json.Unmarshal(read, refused)
		return refused
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(read, answer)
}
