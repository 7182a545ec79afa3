package api

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Fault makes calls fail that would otherwise have been answered. The caller's
// signature is checked first, so that a fault never hides a bad one.
type Fault struct {
	// Operation is such as "sagemaker:StartSession"; empty means every one.
	// [StartOfApp] lets an application fail after it was created.
	Operation string `json:"operation"`
	// Resource limits the fault to calls whose resource holds this text, such
	// as a domain's id; empty means every one.
	Resource string `json:"resource,omitempty"`
	// Code is AWS's: InternalFailure, ThrottlingException,
	// AccessDeniedException, ExpiredTokenException or any other.
	Code string `json:"code"`
	// Message replaces the usual one.
	Message string `json:"message,omitempty"`
	// Times is how many calls fail; negative means until [Server.ClearFaults].
	Times int `json:"times"`
}

// Call is an entry of the request log. It holds no secret.
type Call struct {
	Time      time.Time `json:"time"`
	Operation string    `json:"operation"` // such as "sagemaker:StartSession", or "unknown"
	Caller    string    `json:"caller,omitempty"`
	Resource  string    `json:"resource,omitempty"`
	Code      string    `json:"code,omitempty"` // AWS's error code, empty where the call succeeded
}

// StartOfApp as a Fault's operation is no call: the next application that is
// created turns out to have Failed, with the fault's message as its reason.
const StartOfApp = "start"

// Fail orders a fault. Faults are tried in the order of their orders.
func (s *Server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
}

// ClearFaults takes every ordered fault back.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Calls returns the log, oldest first: every call that named an operation,
// refused ones too. The log keeps the last ten thousand.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Count returns how many calls of the operation the log holds, and of all
// operations where operation is empty.
func (s *Server) Count(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.calls {
		if operation == "" || c.Operation == operation {
			n++
		}
	}
	return n
}

// takeFault returns the error that was ordered for call, and counts it down.
func (s *Server) takeFault(call Call) *Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.takeFaultLocked(call)
}

func (s *Server) takeFaultLocked(call Call) *Error {
	for i := range s.faults {
		f := &s.faults[i]
		if f.Times == 0 || f.Operation == "" && call.Operation == StartOfApp || f.Operation != "" && f.Operation != call.Operation || !strings.Contains(call.Resource, f.Resource) {
			continue
		}
		if f.Times > 0 {
			f.Times--
		}
		return f.error(call)
	}
	return nil
}

func (f *Fault) error(call Call) *Error {
	e := &Error{f.Code, f.Message, http.StatusBadRequest}
	switch f.Code {
	case "InternalFailure":
		e = internalFailure()
	case "ServiceUnavailable":
		e = &Error{f.Code, "The request has failed due to a temporary failure of the server.", http.StatusServiceUnavailable}
	case "ThrottlingException":
		e.Message = "Rate exceeded"
	case "AccessDeniedException":
		e = accessDenied(call.Caller, call.Operation, call.Resource)
	case "ExpiredTokenException":
		e.Message = expiredToken
	}
	if f.Message != "" {
		e.Message = f.Message
	}
	return e
}

func (s *Server) record(call Call) {
	call.Time = time.Now()
	s.mu.Lock()
	if len(s.calls) == maxLogCalls {
		s.calls = s.calls[1:]
	}
	s.calls = append(s.calls, call)
	s.mu.Unlock()
	s.config.Log.Debug("aws call", "operation", call.Operation, "caller", call.Caller, "resource", call.Resource, "code", call.Code)
}
