package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// policy is an identity-based policy of IAM, as far as spaces need it: actions
// and resources with wildcards and variables, and conditions on strings.
type policy struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid       string
	Effect    string
	Action    texts
	Resource  texts
	Condition map[string]map[string]texts
}

// texts is one string or a list of them, as IAM takes both.
type texts []string

// UnmarshalJSON implements json.Unmarshaler.
func (t *texts) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(t))
}

// operators compare a value of the request with what a condition wants.
var operators = map[string]func(value string, wanted []string) bool{
	"StringEquals":    func(value string, wanted []string) bool { return slices.Contains(wanted, value) },
	"StringNotEquals": func(value string, wanted []string) bool { return !slices.Contains(wanted, value) },
	"StringLike":      anyMatches,
	"ArnLike":         anyMatches,
	"ArnEquals":       anyMatches,
}

func anyMatches(value string, wanted []string) bool {
	return slices.ContainsFunc(wanted, func(pattern string) bool { return matches(pattern, value) })
}

// SetPolicy gives the role of that name a policy document of IAM: from then on
// its sessions may do what the document allows, and nothing else. An empty
// document takes it away again, and with it every limit. sts:GetCallerIdentity
// needs no permission, as in AWS.
func (s *Server) SetPolicy(role string, document []byte) error {
	if len(document) == 0 {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.policies, role)
		return nil
	}
	var p policy
	if err := json.Unmarshal(document, &p); err != nil {
		return fmt.Errorf("this is not a policy: %w", err)
	}
	for _, st := range p.Statement {
		if st.Effect != "Allow" && st.Effect != "Deny" || len(st.Action) == 0 || len(st.Resource) == 0 {
			return errors.New("a statement needs an effect, an action and a resource")
		}
		for operator := range st.Condition {
			if operators[operator] == nil {
				return fmt.Errorf("the condition operator %s is not known here", operator)
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.policies == nil {
		s.policies = map[string]policy{}
	}
	s.policies[role] = p
	return nil
}

// authorize returns the error of a call that the caller's policy does not let
// through.
func (s *Server) authorize(call Call, keys map[string]string) *Error {
	if account := accountOf(call.Caller); account != "" && account != s.config.Account {
		return accessDenied(call.Caller, call.Operation, call.Resource)
	}
	s.mu.Lock()
	p, limited := s.policies[roleOf(call.Caller)]
	s.mu.Unlock()
	if !limited {
		return nil
	}
	resource := call.Resource
	if resource == "" {
		resource = "*"
	}
	allowed := false
	for _, st := range p.Statement {
		switch fits := st.fits(call.Operation, resource, keys); {
		case fits && st.Effect == "Deny":
			return &Error{"AccessDeniedException", fmt.Sprintf(
				"User: %s is not authorized to perform: %s on resource: %s with an explicit deny in an identity-based policy",
				call.Caller, call.Operation, resource), http.StatusBadRequest}
		case fits:
			allowed = true
		}
	}
	if allowed {
		return nil
	}
	return accessDenied(call.Caller, call.Operation, call.Resource)
}

// roleOf is the role of an assumed role's ARN.
func roleOf(arn string) string {
	_, rest, _ := strings.Cut(arn, ":assumed-role/")
	role, _, _ := strings.Cut(rest, "/")
	return role
}

func (st statement) fits(action, resource string, keys map[string]string) bool {
	if !slices.ContainsFunc(st.Action, func(a string) bool { return matches(strings.ToLower(a), strings.ToLower(action)) }) {
		return false
	}
	if !slices.ContainsFunc(st.Resource, func(r string) bool {
		pattern, ok := resolve(r, keys)
		return ok && matches(pattern, resource)
	}) {
		return false
	}
	for operator, conditions := range st.Condition {
		for key, wanted := range conditions {
			value, there := keys[strings.ToLower(key)]
			var resolved []string
			for _, w := range wanted {
				if text, ok := resolve(w, keys); ok {
					resolved = append(resolved, text)
				}
			}
			// A key that the request does not have fits no condition but a
			// negative one.
			if !there && operator != "StringNotEquals" || there && !operators[operator](value, resolved) {
				return false
			}
		}
	}
	return true
}

// resolve puts values in for ${variables}; ok is false where one is not there.
func resolve(text string, keys map[string]string) (resolved string, ok bool) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		out.WriteString(before)
		if !found {
			return out.String(), true
		}
		name, after, closed := strings.Cut(rest, "}")
		value, there := keys[strings.ToLower(name)]
		if !closed || !there {
			return "", false
		}
		out.WriteString(value)
		text = after
	}
}

// matches compares with * for any text and ? for one byte.
func matches(pattern, text string) bool {
	for pattern != "" {
		switch {
		case pattern[0] == '*':
			for i := len(text); i >= 0; i-- {
				if matches(pattern[1:], text[i:]) {
					return true
				}
			}
			return false
		case text == "" || pattern[0] != '?' && pattern[0] != text[0]:
			return false
		}
		pattern, text = pattern[1:], text[1:]
	}
	return text == ""
}

// keysOf are the condition keys of a call, in lower case. Of a session that
// Studio starts itself, by its user's role, the user is known too.
func (s *Server) keysOf(operation, resource string, body []byte, studio bool) map[string]string {
	keys := map[string]string{"aws:region": s.config.Region, "aws:accountid": s.config.Account}
	if operation == "sagemaker:UpdateSpace" {
		r, _ := decode[struct{ SpaceSettings spaceSettings }](body)
		if access := r.SpaceSettings.RemoteAccess; access != "" {
			keys["sagemaker:remoteaccess"] = access
		}
	}
	path, ours := strings.CutPrefix(resource, s.arn("space/"))
	domain, name, _ := strings.Cut(path, "/")
	if !ours {
		return keys
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.world.space(domain, name); p != nil {
		keys["sagemaker:resourcetag/sagemaker:user-profile-arn"] = s.arn("user-profile/" + domain + "/" + p.Owner)
		if studio {
			keys["sagemaker:domainid"], keys["sagemaker:userprofilename"] = domain, p.Owner
		}
	}
	return keys
}
