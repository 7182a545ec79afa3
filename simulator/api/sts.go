package api

import (
	"encoding/xml"
	"net/http"
	"net/url"
)

const stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"

type (
	callerIdentityResponse struct {
		XMLName   xml.Name       `xml:"GetCallerIdentityResponse"`
		Namespace string         `xml:"xmlns,attr"`
		Result    callerIdentity `xml:"GetCallerIdentityResult"`
		RequestID string         `xml:"ResponseMetadata>RequestId"`
	}
	callerIdentity struct {
		Arn     string
		UserId  string
		Account string
	}
	stsErrorResponse struct {
		XMLName   xml.Name `xml:"ErrorResponse"`
		Namespace string   `xml:"xmlns,attr"`
		Error     stsError
		RequestID string `xml:"RequestId"`
	}
	stsError struct {
		Type    string
		Code    string
		Message string
	}
)

// serveSTS answers STS's query protocol, of which only GetCallerIdentity is
// here.
func (s *Server) serveSTS(w http.ResponseWriter, r *http.Request, body []byte) {
	form, err := url.ParseQuery(string(body))
	action := form.Get("Action")
	call := Call{Operation: "sts:" + action}
	if err != nil || r.Method != http.MethodPost || action != "GetCallerIdentity" || form.Get("Version") != stsVersion {
		call.Operation = "unknown"
		s.failSTS(w, call, &Error{"InvalidAction", "Could not find the operation for this version.", http.StatusBadRequest})
		return
	}
	identity, fault := s.verify(r, body, serviceSTS)
	if fault != nil {
		s.failSTS(w, call, queryError(fault))
		return
	}
	call.Caller = identity.ARN
	s.delay(r.Context())
	if fault := s.takeFault(call); fault != nil {
		s.failSTS(w, call, queryError(fault))
		return
	}
	s.record(call)
	s.writeXML(w, http.StatusOK, callerIdentityResponse{Namespace: stsNamespace, RequestID: requestID(),
		Result: callerIdentity{identity.ARN, identity.UserID, s.config.Account}})
}

// queryError gives a fault the name and the status that the query protocol has
// for it; they differ from those of the JSON protocol.
func queryError(e *Error) *Error {
	names := map[string]string{
		"MissingAuthenticationTokenException": "MissingAuthenticationToken",
		"UnrecognizedClientException":         "InvalidClientTokenId",
		"InvalidSignatureException":           "SignatureDoesNotMatch",
		"IncompleteSignatureException":        "IncompleteSignature",
		"ExpiredTokenException":               "ExpiredToken",
		"AccessDeniedException":               "AccessDenied",
		"ThrottlingException":                 "Throttling",
	}
	name, ok := names[e.Code]
	if !ok {
		return e
	}
	status := http.StatusForbidden
	if name == "IncompleteSignature" || name == "Throttling" {
		status = http.StatusBadRequest
	}
	return &Error{name, e.Message, status}
}

func (s *Server) failSTS(w http.ResponseWriter, call Call, e *Error) {
	call.Code = e.Code
	s.record(call)
	s.writeXML(w, e.Status, stsErrorResponse{Namespace: stsNamespace, RequestID: requestID(),
		Error: stsError{"Sender", e.Code, e.Message}})
}

func (s *Server) writeXML(w http.ResponseWriter, status int, v any) {
	data, err := xml.Marshal(v)
	if err != nil {
		panic("api: a response without an XML form: " + err.Error())
	}
	s.write(w, status, "text/xml", data)
}
