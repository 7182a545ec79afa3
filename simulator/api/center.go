package api

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// IAM Identity Center: sso-oidc registers a device and gives it a token when a
// person has said yes on a page (RFC 8628), sso gives a role's credentials for
// the token. Both speak AWS's REST-JSON without signatures.

const (
	deviceGrant  = "urn:ietf:params:oauth:grant-type:device_code"
	refreshGrant = "refresh_token"
	// accountAccess is the scope that comes with a refresh token.
	accountAccess = "sso:account:access"

	registrationTTL = 90 * 24 * time.Hour
	roleTTL         = time.Hour
	// maxCenter bounds what is remembered of each kind.
	maxCenter = 1000
)

// SignInUser is who says yes on the page, NoAccess a permission set that is
// assigned to nobody.
const (
	SignInUser = "alice"
	NoAccess   = "NoAccess"
)

// center is what IAM Identity Center remembers; it belongs to Server.mu.
type center struct {
	clients map[string]ssoClient // by id
	devices []*device
	tokens  map[string]ssoToken // by access token
	refresh map[string]ssoToken // by refresh token
}

type ssoClient struct {
	secret, name string
	scopes       []string
	expires      time.Time
}

type ssoToken struct {
	client  string
	expires time.Time
}

// device is a sign-in that waits for its person.
type device struct {
	code, user, client string
	state              DeviceState
	expires, asked     time.Time
}

// DeviceState is what became of a sign-in.
type DeviceState string

// The states of a sign-in.
const (
	DeviceWaits   DeviceState = "waiting"
	DeviceAllowed DeviceState = "allowed"
	DeviceDenied  DeviceState = "denied"
	DeviceDone    DeviceState = "done"
	DeviceExpired DeviceState = "expired"
)

func (d *device) now() DeviceState {
	if d.state == DeviceWaits && time.Now().After(d.expires) {
		return DeviceExpired
	}
	return d.state
}

// Device tells which program wants to sign in with the code that a person has,
// and what became of that.
func (s *Server) Device(userCode string) (client string, state DeviceState, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.center.byUser(userCode)
	if d == nil {
		return "", "", false
	}
	return s.center.clients[d.client].name, d.now(), true
}

// AnswerDevice is the person's yes or no; false where nothing waits for it.
func (s *Server) AnswerDevice(userCode string, allow bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.center.byUser(userCode)
	if d == nil || d.now() != DeviceWaits {
		return false
	}
	d.state = DeviceDenied
	if allow {
		d.state = DeviceAllowed
	}
	return true
}

// SignOut ends every sign-in, as an administrator can.
func (s *Server) SignOut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.center.tokens, s.center.refresh = nil, nil
}

func (c *center) byUser(code string) *device {
	for _, d := range c.devices {
		if d.user == strings.ToUpper(strings.TrimSpace(code)) {
			return d
		}
	}
	return nil
}

// serveCenter answers the calls of sso-oidc and sso; false where it is none.
func (s *Server) serveCenter(w http.ResponseWriter, r *http.Request, body []byte) bool {
	var do func([]byte) (any, *Error)
	call := Call{}
	switch r.Method + " " + r.URL.Path {
	case "POST /client/register":
		call.Operation, do = "sso-oidc:RegisterClient", s.registerClient
	case "POST /device_authorization":
		call.Operation, do = "sso-oidc:StartDeviceAuthorization", s.authorizeDevice
	case "POST /token":
		call.Operation, do = "sso-oidc:CreateToken", s.createToken
	case "POST /logout":
		call.Operation = "sso:Logout"
		token := r.Header.Get("X-Amz-Sso_bearer_token")
		do = func([]byte) (any, *Error) { return s.logout(token) }
	case "GET /federation/credentials":
		call.Operation = "sso:GetRoleCredentials"
		call.Resource = r.URL.Query().Get("account_id") + "/" + r.URL.Query().Get("role_name")
		token := r.Header.Get("X-Amz-Sso_bearer_token")
		do = func([]byte) (any, *Error) { return s.roleCredentials(r.URL.Query(), token) }
	default:
		return false
	}
	s.delay(r.Context())
	fault := s.takeFault(call)
	var out any
	if fault == nil {
		out, fault = do(body)
	}
	if fault != nil {
		call.Code = fault.Code
		s.record(call)
		w.Header().Set("X-Amzn-Errortype", fault.Code)
		s.write(w, fault.Status, "application/json", encode(oauthError{fault.Code, oauthNames[fault.Code], fault.Message, fault.Message}))
		return true
	}
	s.record(call)
	s.write(w, http.StatusOK, "application/json", encode(out))
	return true
}

// oauthError is an error as both services write it, the one with OAuth's name
// for it.
type oauthError struct {
	Type        string `json:"__type"`
	Error       string `json:"error,omitempty"`
	Description string `json:"error_description,omitempty"`
	Message     string `json:"message,omitempty"`
}

var oauthNames = map[string]string{
	"AuthorizationPendingException": "authorization_pending",
	"SlowDownException":             "slow_down",
	"ExpiredTokenException":         "expired_token",
	"AccessDeniedException":         "access_denied",
	"InvalidClientException":        "invalid_client",
	"InvalidGrantException":         "invalid_grant",
	"InvalidRequestException":       "invalid_request",
	"UnsupportedGrantTypeException": "unsupported_grant_type",
}

func refused(code, message string) *Error { return &Error{code, message, http.StatusBadRequest} }

func readCenter[T any](body []byte) (T, *Error) {
	var v T
	if json.Unmarshal(body, &v) != nil {
		return v, refused("InvalidRequestException", "The request is not the JSON that was expected.")
	}
	return v, nil
}

type registeredClient struct {
	ClientId              string `json:"clientId"`
	ClientSecret          string `json:"clientSecret"`
	ClientIdIssuedAt      int64  `json:"clientIdIssuedAt"`
	ClientSecretExpiresAt int64  `json:"clientSecretExpiresAt"`
}

func (s *Server) registerClient(body []byte) (any, *Error) {
	r, fault := readCenter[struct {
		ClientName, ClientType string
		Scopes                 []string
	}](body)
	if fault != nil {
		return nil, fault
	}
	if r.ClientName == "" || r.ClientType != "public" {
		return nil, refused("InvalidClientMetadataException", "A client needs a name, and the type public.")
	}
	client := ssoClient{secret: Awkward("eyJ", 48), name: r.ClientName, scopes: r.Scopes, expires: time.Now().Add(registrationTTL)}
	id := Awkward("", 24)
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.center
	if c.clients == nil || len(c.clients) == maxCenter {
		c.clients = map[string]ssoClient{}
	}
	c.clients[id] = client
	return registeredClient{id, client.secret, time.Now().Unix(), client.expires.Unix()}, nil
}

// client finds one that proves itself; it belongs under Server.mu.
func (c *center) client(id, secret string) (ssoClient, *Error) {
	client, ok := c.clients[id]
	if !ok || client.secret != secret || time.Now().After(client.expires) {
		return client, &Error{"InvalidClientException", "Client is not valid.", http.StatusUnauthorized}
	}
	return client, nil
}

// userCode makes a code as AWS's are: eight letters, no word among them.
func userCode() string {
	const letters = "BCDFGHJKLMNPQRSTVWXZ"
	raw := make([]byte, 8)
	_, _ = rand.Read(raw) // never fails: crypto/rand ends the program instead
	for i := range raw {
		raw[i] = letters[int(raw[i])%len(letters)]
	}
	return string(raw[:4]) + "-" + string(raw[4:])
}

type deviceAuthorization struct {
	DeviceCode              string `json:"deviceCode"`
	UserCode                string `json:"userCode"`
	VerificationUri         string `json:"verificationUri"`
	VerificationUriComplete string `json:"verificationUriComplete"`
	ExpiresIn               int    `json:"expiresIn"`
	Interval                int    `json:"interval"`
}

func (s *Server) deviceTTL() time.Duration { return cmp.Or(s.config.DeviceTTL, 10*time.Minute) }
func (s *Server) interval() time.Duration  { return cmp.Or(s.config.DeviceInterval, time.Second) }
func (s *Server) signInTTL() time.Duration { return cmp.Or(s.config.SignInTTL, 8*time.Hour) }

func (s *Server) authorizeDevice(body []byte) (any, *Error) {
	r, fault := readCenter[struct{ ClientId, ClientSecret, StartUrl string }](body)
	if fault != nil {
		return nil, fault
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.center
	if _, fault := c.client(r.ClientId, r.ClientSecret); fault != nil {
		return nil, fault
	}
	if start, err := url.Parse(r.StartUrl); err != nil || start.Scheme != "https" || start.Host == "" {
		return nil, refused("InvalidRequestException", "The start URL is not one of an access portal.")
	}
	d := &device{code: Awkward("", 30), user: userCode(), client: r.ClientId, state: DeviceWaits, expires: time.Now().Add(s.deviceTTL())}
	if len(c.devices) == maxCenter {
		c.devices = c.devices[1:]
	}
	c.devices = append(c.devices, d)
	return deviceAuthorization{d.code, d.user, s.config.DevicePage, s.config.DevicePage + "?user_code=" + d.user,
		int(s.deviceTTL().Seconds()), int(s.interval().Seconds())}, nil
}

type createdToken struct {
	AccessToken  string `json:"accessToken"`
	TokenType    string `json:"tokenType"`
	ExpiresIn    int    `json:"expiresIn"`
	RefreshToken string `json:"refreshToken,omitempty"`
}

func (s *Server) createToken(body []byte) (any, *Error) {
	r, fault := readCenter[struct{ ClientId, ClientSecret, GrantType, DeviceCode, RefreshToken string }](body)
	if fault != nil {
		return nil, fault
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.center
	client, fault := c.client(r.ClientId, r.ClientSecret)
	if fault != nil {
		return nil, fault
	}
	switch r.GrantType {
	case deviceGrant:
		if fault := c.redeem(r.ClientId, r.DeviceCode, s.interval()); fault != nil {
			return nil, fault
		}
	case refreshGrant:
		known, ok := c.refresh[r.RefreshToken]
		if !ok || known.client != r.ClientId {
			return nil, refused("InvalidGrantException", "The refresh token is not valid.")
		}
		delete(c.refresh, r.RefreshToken)
	default:
		return nil, refused("UnsupportedGrantTypeException", "The grant type is not supported.")
	}
	out := createdToken{AccessToken: Awkward("aoa", 48), TokenType: "Bearer", ExpiresIn: int(s.signInTTL().Seconds())}
	made := ssoToken{r.ClientId, time.Now().Add(s.signInTTL())}
	if c.tokens == nil || len(c.tokens) == maxCenter {
		c.tokens = map[string]ssoToken{}
	}
	c.tokens[out.AccessToken] = made
	if slices.Contains(client.scopes, accountAccess) {
		out.RefreshToken = Awkward("aor", 48)
		if c.refresh == nil || len(c.refresh) == maxCenter {
			c.refresh = map[string]ssoToken{}
		}
		c.refresh[out.RefreshToken] = made
	}
	return out, nil
}

// redeem takes a device's code for a token, once.
func (c *center) redeem(client, code string, interval time.Duration) *Error {
	i := slices.IndexFunc(c.devices, func(d *device) bool { return d.code == code && d.client == client })
	if i < 0 {
		return refused("InvalidGrantException", "The device code is not valid.")
	}
	d := c.devices[i]
	early := time.Since(d.asked) < interval*9/10 // clocks and networks are not exact
	d.asked = time.Now()
	switch d.now() {
	case DeviceExpired:
		return refused("ExpiredTokenException", "The device code has expired.")
	case DeviceDenied:
		return refused("AccessDeniedException", "The person said no.")
	case DeviceDone:
		return refused("InvalidGrantException", "The device code was used before.")
	case DeviceWaits:
		if early {
			return refused("SlowDownException", "The device asks too often.")
		}
		return refused("AuthorizationPendingException", "Nobody has answered yet.")
	}
	d.state = DeviceDone
	return nil
}

type (
	roleCredentialsAnswer struct {
		RoleCredentials roleCredentials `json:"roleCredentials"`
	}
	roleCredentials struct {
		AccessKeyId     string `json:"accessKeyId"`
		SecretAccessKey string `json:"secretAccessKey"`
		SessionToken    string `json:"sessionToken"`
		Expiration      int64  `json:"expiration"` // milliseconds since 1970
	}
)

// logout ends one sign-in.
func (s *Server) logout(token string) (any, *Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.center.tokens[token]
	if !ok {
		return nil, &Error{"UnauthorizedException", "Session token not found or invalid", http.StatusUnauthorized}
	}
	delete(s.center.tokens, token)
	for refresh, t := range s.center.refresh {
		if t.client == known.client {
			delete(s.center.refresh, refresh)
		}
	}
	return struct{}{}, nil
}

func (s *Server) roleCredentials(q url.Values, token string) (any, *Error) {
	s.mu.Lock()
	known, ok := s.center.tokens[token]
	s.mu.Unlock()
	account, role := q.Get("account_id"), q.Get("role_name")
	switch {
	case !ok || time.Now().After(known.expires):
		return nil, &Error{"UnauthorizedException", "Session token not found or invalid", http.StatusUnauthorized}
	case len(account) != 12 || strings.Trim(account, "0123456789") != "" || role == "" || len(role) > 32:
		return nil, refused("InvalidRequestException", "The account or the role is not one.")
	case role == NoAccess:
		return nil, &Error{"ForbiddenException", "No access", http.StatusForbidden}
	}
	id := s.admit(account, "AWSReservedSSO_"+role+"_0123456789abcdef", SignInUser, roleTTL)
	return roleCredentialsAnswer{roleCredentials{id.AccessKeyID, id.SecretAccessKey.Reveal(), id.SessionToken.Reveal(), id.Expires.UnixMilli()}}, nil
}
