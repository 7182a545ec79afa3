package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// Error is an error as AWS sends it. Status is the HTTP status: AWS's JSON 1.1
// services answer nearly every fault of the caller with 400, also denied and
// unsigned calls.
type Error struct {
	Code    string
	Message string
	Status  int
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// errorBody is the body of an error: __type as old and new SDKs read it, and
// the message in lower case, which all of them accept.
type errorBody struct {
	Type    string `json:"__type"`
	Message string `json:"message,omitempty"`
}

// The messages are in AWS's style; where AWS's own wording is known (signature
// faults, constraint violations, AppType) it is what the SDKs show their users.

func validation(format string, args ...any) *Error {
	return &Error{"ValidationException", fmt.Sprintf(format, args...), http.StatusBadRequest}
}

func notFound(format string, args ...any) *Error {
	return &Error{"ResourceNotFound", fmt.Sprintf(format, args...), http.StatusBadRequest}
}

func inUse(format string, args ...any) *Error {
	return &Error{"ResourceInUse", fmt.Sprintf(format, args...), http.StatusBadRequest}
}

func internalFailure() *Error {
	return &Error{"InternalFailure", "The request processing has failed because of an unknown error, exception or failure.",
		http.StatusInternalServerError}
}

func accessDenied(caller, operation, resource string) *Error {
	if resource == "" {
		resource = "*"
	}
	return &Error{"AccessDeniedException", fmt.Sprintf(
		"User: %s is not authorized to perform: %s on resource: %s because no identity-based policy allows the %s action",
		caller, operation, resource, operation), http.StatusBadRequest}
}

// asError turns any error into AWS's; what is not AWS's is an internal failure.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return internalFailure()
}

// encode writes v as JSON; only values of this package come here, and those
// always have a JSON form.
func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("api: a response without a JSON form: " + err.Error())
	}
	return data
}

// decode reads a request. Members that nobody knows are ignored, as AWS does.
func decode[T any](body []byte) (T, error) {
	var v T
	if err := json.Unmarshal(body, &v); err != nil {
		return v, &Error{"SerializationException", "the request body is not the JSON that was expected", http.StatusBadRequest}
	}
	return v, nil
}
