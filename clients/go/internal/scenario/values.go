package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/corefy/corefy-gateway/clients/go/gateway"
)

const anything = "{{any}}"

var placeholder = regexp.MustCompile(`"{{\w+}}"|{{\w+}}`)

// filledIn replaces `{{name}}` in a step; a text that is nothing else becomes the variable's value, whatever its type.
func filledIn(text []byte, variables map[string]any) []byte {
	return placeholder.ReplaceAllFunc(text, func(found []byte) []byte {
		value, isKnown := variables[strings.Trim(string(found), `"{}`)]
		if !isKnown {
			return found
		}
		filled, _ := json.Marshal(value)
		if found[0] != '"' {
			filled = bytes.Trim(filled, `"`)
		}
		return filled
	})
}

// at is what a path leads to; nil where it leads nowhere.
func at(value any, path string) any {
	if path == "" {
		return value
	}
	for word := range strings.SplitSeq(path, ".") {
		switch inner := value.(type) {
		case map[string]any:
			value = inner[word]
		case []any:
			place, err := strconv.Atoi(word)
			if word == "#" {
				value = float64(len(inner))
			} else if err == nil && place < len(inner) {
				value = inner[place]
			} else {
				value = nil
			}
		default:
			return nil
		}
	}
	return value
}

func check(what string, actual, expected any) error {
	if expected == anything && !isEmpty(actual) || isEmpty(actual) && isEmpty(expected) || reflect.DeepEqual(actual, expected) {
		return nil
	}
	return fmt.Errorf("%s is %v, not %v", what, actual, expected)
}

// isEmpty reports whether JSON of a message may leave this out.
func isEmpty(value any) bool {
	switch value := value.(type) {
	case map[string]any:
		return len(value) == 0
	case []any:
		return len(value) == 0
	default:
		return value == nil || reflect.ValueOf(value).IsZero()
	}
}

func checkAll(what string, actual any, expected map[string]any) error {
	for _, path := range slices.Sorted(maps.Keys(expected)) {
		if err := check(what+" "+path, at(actual, path), expected[path]); err != nil {
			return err
		}
	}
	return nil
}

func checkError(failure *gateway.Error, expected *expectedError) error {
	err := errors.Join(
		check("code", failure.Code, expected.Code),
		check("reason", failure.Reason, expected.Reason),
		check("reason code", failure.ReasonCode.String(), "ERROR_REASON_"+cmp.Or(expected.Reason, "UNSPECIFIED")),
		check("message", failure.Message, anything),
		check("that there is a request id", failure.RequestID != "", expected.Reason != ""),
		checkAll("metadata", asJSON(failure.Metadata), expected.Metadata),
	)
	if expected.Fields != nil {
		err = errors.Join(err, check("fields", asJSON(slices.Sorted(maps.Keys(failure.Fields))), expected.Fields))
	}
	if expected.RetryAfter != nil {
		err = errors.Join(err, check("retry after", failure.RetryAfter > 0, *expected.RetryAfter))
	}
	if expected.NothingWasSent != nil {
		err = errors.Join(err, check("nothing was sent", failure.NothingWasSent(), *expected.NothingWasSent))
	}
	return err
}

// asJSON is a value as JSON has it: a message with the field names of its proto.
func asJSON(value any) (decoded any) {
	var text []byte
	if message, isMessage := value.(proto.Message); isMessage {
		text, _ = protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
	} else {
		text, _ = json.Marshal(value)
	}
	_ = json.Unmarshal(text, &decoded)
	return decoded
}
