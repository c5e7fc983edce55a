package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/corefy/corefy-gateway/clients/go/gateway"
)

const (
	// Between two looks for what is expected eventually.
	look = 200 * time.Millisecond
	// The longest wait for the messages of a stream.
	streamPatience = 30 * time.Second
)

// runner runs steps, and keeps what they save.
type runner struct {
	clients   map[string]*gateway.Client // by API key
	variables map[string]any
}

func newRunner() *runner { return &runner{clients: make(map[string]*gateway.Client)} }

func (r *runner) run(steps []json.RawMessage) error {
	r.variables = map[string]any{"run": strings.ToLower(rand.Text()[:12]), "read_key": os.Getenv("SCENARIO_READ_KEY")}
	for index, text := range steps {
		var one step
		if err := json.Unmarshal(filledIn(text, r.variables), &one); err != nil {
			return fmt.Errorf("step %d: %w", index+1, err)
		}
		if err := r.eventually(one); err != nil {
			return fmt.Errorf("step %d: %w", index+1, err)
		}
	}
	return nil
}

// eventually runs a step again until it does what is expected, or its time is up.
func (r *runner) eventually(one step) error {
	deadline := time.Now().Add(time.Duration(one.Seconds) * time.Second)
	for {
		err := r.step(one)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(look)
	}
}

func (r *runner) step(one step) error {
	if one.Control != nil {
		return exec.Command(os.Getenv("SCENARIO_CONTROL"), one.Control...).Run()
	}
	answer, headers, err := r.call(one)
	if expected := one.Expect.Error; expected != nil {
		var refused *gateway.Error
		if !errors.As(err, &refused) {
			return fmt.Errorf("no *gateway.Error but %v, %v", err, answer)
		}
		return checkError(refused, expected)
	}
	if err != nil {
		return fmt.Errorf("unexpected: %w", err)
	}
	for variable, path := range one.Save {
		r.variables[variable] = at(answer, path)
	}
	return errors.Join(checkAll("response", answer, one.Expect.Response), checkAll("header", headers, one.Expect.Metadata))
}

// call makes a call through the client's own method, and gives its answer and headers as JSON has them.
func (r *runner) call(one step) (answer, headers any, err error) {
	client, err := r.client(one.APIKey)
	if err != nil {
		return nil, nil, err
	}
	service, name, _ := strings.Cut(one.Call+one.Stream+one.List, "/")
	method := methodOf(client, service[strings.LastIndex(service, ".")+1:], name)
	if one.List != "" {
		method = reflect.ValueOf(client.All).MethodByName(strings.TrimPrefix(name, "List"))
	}
	request := reflect.New(method.Type().In(1).Elem())
	if err := protojson.Unmarshal(one.Request, request.Interface().(proto.Message)); err != nil {
		return nil, nil, err
	}
	ctx := context.Background()
	if one.IdempotencyKey != "" {
		ctx = gateway.WithIdempotencyKey(ctx, one.IdempotencyKey)
	}
	if one.List != "" {
		answer, err = listed(ctx, method, request, one)
		return answer, nil, err
	}
	if one.Stream != "" {
		answer, err = kept(ctx, method, request, one)
		return answer, nil, err
	}
	if one.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(one.Timeout)*time.Second)
		defer cancel()
	}
	var received metadata.MD
	option := reflect.ValueOf(grpc.Header(&received))
	results := method.Call([]reflect.Value{reflect.ValueOf(ctx), request, option})
	if err, failed := results[1].Interface().(error); failed {
		return nil, nil, err
	}
	first := make(map[string]any)
	for name, values := range received {
		first[name] = values[0]
	}
	return asJSON(results[0].Interface()), first, nil
}

// methodOf finds Service/Method in the client's field of that service.
func methodOf(client *gateway.Client, service, name string) reflect.Value {
	fields := reflect.ValueOf(client).Elem()
	for index := range fields.NumField() {
		if fields.Type().Field(index).Type.Name() == service+"Client" {
			return fields.Field(index).MethodByName(name)
		}
	}
	panic("the client has no " + service)
}

func (r *runner) client(apiKey string) (*gateway.Client, error) {
	if apiKey == "" {
		apiKey = os.Getenv("SCENARIO_API_KEY")
	}
	if r.clients[apiKey] != nil {
		return r.clients[apiKey], nil
	}
	var options []gateway.Option
	if authority, err := os.ReadFile(os.Getenv("SCENARIO_CA")); err == nil {
		trusted := x509.NewCertPool()
		trusted.AppendCertsFromPEM(authority)
		options = append(options, gateway.WithTLS(&tls.Config{RootCAs: trusted}))
	}
	client, err := gateway.Connect(os.Getenv("SCENARIO_TARGET"), apiKey, options...)
	r.clients[apiKey] = client
	return client, err
}

// kept reads a stream to its end, or until enough is kept of its messages, and leaves it.
func kept(ctx context.Context, method, request reflect.Value, one step) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, streamPatience)
	defer cancel()
	opened := method.Call([]reflect.Value{reflect.ValueOf(ctx), request})
	if err, failed := opened[1].Interface().(error); failed {
		return nil, err
	}
	messages := []any{}
	for one.Take == 0 || len(messages) < one.Take {
		received := opened[0].MethodByName("Recv").Call(nil)
		if err, failed := received[1].Interface().(error); failed {
			if errors.Is(err, io.EOF) {
				break
			}
			return nil, err
		}
		if message := at(asJSON(received[0].Interface()), one.Each); message != nil {
			messages = append(messages, message)
		}
	}
	return map[string]any{"messages": messages}, nil
}

// listed reads a list to its end, or until enough is kept of its entries, and leaves it.
func listed(ctx context.Context, method, request reflect.Value, one step) (any, error) {
	messages := []any{}
	for entry, err := range method.Call([]reflect.Value{reflect.ValueOf(ctx), request})[0].Seq2() {
		if failure, failed := err.Interface().(error); failed {
			return nil, failure
		}
		if message := at(asJSON(entry.Interface()), one.Each); message != nil {
			messages = append(messages, message)
		}
		if one.Take > 0 && len(messages) == one.Take {
			break
		}
	}
	return map[string]any{"messages": messages}, nil
}
