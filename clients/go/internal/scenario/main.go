// Scenario runs the cases of clients/scenario against a gateway, by the client as its users have it.
//
// It is started by clients/scenario/run; clients/scenario/README.md has the format.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"google.golang.org/grpc/codes"
)

type step struct {
	Call           string            `json:"call"`
	Stream         string            `json:"stream"`
	List           string            `json:"list"`
	Control        []string          `json:"control"`
	Request        json.RawMessage   `json:"request"`
	IdempotencyKey string            `json:"idempotency_key"`
	APIKey         string            `json:"api_key"`
	Expect         expectation       `json:"expect"`
	Save           map[string]string `json:"save"`
	Seconds        int               `json:"eventually_seconds"`
	Timeout        int               `json:"timeout_seconds"`
	Each           string            `json:"each"`
	Take           int               `json:"take"`
}

type expectation struct {
	Response map[string]any `json:"response"`
	Metadata map[string]any `json:"metadata"`
	Error    *expectedError `json:"error"`
}

type expectedError struct {
	Code           codes.Code     `json:"code"`
	Reason         string         `json:"reason"`
	Fields         any            `json:"fields"`
	RetryAfter     *bool          `json:"retry_after"`
	NothingWasSent *bool          `json:"nothing_was_sent"`
	Metadata       map[string]any `json:"metadata"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run prints a line a case and their sum.
func run() error {
	text, err := os.ReadFile(os.Getenv("SCENARIO_FILE"))
	if err != nil {
		return err
	}
	var file struct {
		Cases []struct {
			Name  string            `json:"name"`
			Steps []json.RawMessage `json:"steps"`
		} `json:"cases"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return err
	}
	runner, failed := newRunner(), 0
	for _, one := range file.Cases {
		if err := runner.run(one.Steps); err != nil {
			failed++
			fmt.Printf("test go: %s ... FAILED: %v\n", one.Name, err)
		} else {
			fmt.Printf("test go: %s ... ok\n", one.Name)
		}
	}
	passed := len(file.Cases) - failed
	if failed > 0 {
		fmt.Printf("test result: FAILED. %d passed; %d failed\n", passed, failed)
		return fmt.Errorf("%d cases failed", failed)
	}
	fmt.Printf("test result: ok. %d passed; 0 failed\n", passed)
	return nil
}
