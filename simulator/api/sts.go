package api

import (
	"cmp"
	"encoding/xml"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
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
	assumeRoleResponse struct {
		XMLName   xml.Name    `xml:"AssumeRoleResponse"`
		Namespace string      `xml:"xmlns,attr"`
		Result    assumedRole `xml:"AssumeRoleResult"`
		RequestID string      `xml:"ResponseMetadata>RequestId"`
	}
	assumedRole struct {
		User        assumedUser `xml:"AssumedRoleUser"`
		Credentials stsCredentials
	}
	assumedUser struct {
		AssumedRoleId string
		Arn           string
	}
	stsCredentials struct {
		AccessKeyId     string
		SecretAccessKey string
		SessionToken    string
		Expiration      string
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

// serveSTS answers STS's query protocol.
func (s *Server) serveSTS(w http.ResponseWriter, r *http.Request, body []byte) {
	form, err := url.ParseQuery(string(body))
	action := form.Get("Action")
	call := Call{Operation: "sts:" + action}
	var do func(Identity, url.Values) (any, *Error)
	switch action {
	case "GetCallerIdentity":
		do = s.callerIdentity
	case "AssumeRole":
		do = s.assumeRole
		call.Resource = form.Get("RoleArn")
	}
	if err != nil || r.Method != http.MethodPost || do == nil || form.Get("Version") != stsVersion {
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
	out, fault := do(identity, form)
	if fault != nil {
		s.failSTS(w, call, queryError(fault))
		return
	}
	s.record(call)
	s.writeXML(w, http.StatusOK, out)
}

func (s *Server) callerIdentity(identity Identity, _ url.Values) (any, *Error) {
	return callerIdentityResponse{Namespace: stsNamespace, RequestID: requestID(),
		Result: callerIdentity{identity.ARN, identity.UserID, identity.account()}}, nil
}

// RoleWithMFA is the name of the role that trusts nobody without a code, and
// MFACode the code that every device shows.
const (
	RoleWithMFA = "Guarded"
	MFACode     = "123456"
)

var (
	roleARN   = lazily(`^arn:aws[a-z-]*:iam::([0-9]{12}):role/([\w+=,.@/-]{1,512})$`)
	mfaDevice = lazily(`^arn:aws[a-z-]*:iam::[0-9]{12}:mfa/[\w+=,.@/-]{1,256}$`)
)

// lazily compiles a pattern when it is first needed: the simulator is a part of
// a program that starts with every ssh.
func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// assumeRole gives everybody every role, but [RoleWithMFA] only to who has a
// code.
func (s *Server) assumeRole(identity Identity, form url.Values) (any, *Error) {
	arn, name := form.Get("RoleArn"), form.Get("RoleSessionName")
	m := roleARN().FindStringSubmatch(arn)
	if m == nil || name == "" {
		return nil, &Error{"ValidationError", "1 validation error detected: Value '" + arn + "' at 'roleArn' failed to satisfy constraint", http.StatusBadRequest}
	}
	role := m[2][strings.LastIndex(m[2], "/")+1:]
	serial, code := form.Get("SerialNumber"), form.Get("TokenCode")
	switch {
	case serial == "" && code == "" && role != RoleWithMFA:
	case serial == "" && code == "":
		return nil, &Error{"AccessDenied", "User: " + identity.ARN + " is not authorized to perform: sts:AssumeRole on resource: " + arn, http.StatusForbidden}
	case !mfaDevice().MatchString(serial) || code != MFACode:
		return nil, &Error{"AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. ", http.StatusForbidden}
	}
	seconds, err := strconv.Atoi(cmp.Or(form.Get("DurationSeconds"), "3600"))
	if err != nil || seconds < 900 || seconds > 43200 {
		return nil, &Error{"ValidationError", "The requested DurationSeconds is not possible for this role.", http.StatusBadRequest}
	}
	assumed := s.admit(m[1], role, name, time.Duration(seconds)*time.Second)
	return assumeRoleResponse{Namespace: stsNamespace, RequestID: requestID(), Result: assumedRole{
		assumedUser{assumed.UserID, assumed.ARN},
		stsCredentials{assumed.AccessKeyID, assumed.SecretAccessKey.Reveal(), assumed.SessionToken.Reveal(), assumed.Expires.UTC().Format(time.RFC3339)},
	}}, nil
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
