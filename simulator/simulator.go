// Package simulator is a Studio on this computer's loopback: a page with spaces
// and buttons that emit real links, the SageMaker API, the Session Manager
// gateway, and spaces with SSH servers behind it. AWS's own programs work
// against it unchanged.
//
// It must not know Spacehatch: no code of the handler, the tunnel or a command
// stands on this side of the wire, so that agreeing with it means something.
package simulator

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
	"github.com/spacehatch/spacehatch/simulator/api"
	"github.com/spacehatch/spacehatch/simulator/gateway"
	"github.com/spacehatch/spacehatch/simulator/space"
)

// Config says what to simulate. [Defaults] is a good start.
type Config struct {
	// Listen is where the page and the API listen, "127.0.0.1:0" where empty.
	// Only addresses of the loopback will do. The gateway takes a free port
	// of the same address.
	Listen string
	// Plain has the gateway speak ws:// in place of wss://.
	Plain bool
	// RTT is added to the way from a client to its space and back.
	RTT time.Duration
	// Bandwidth is a session's limit in bytes a second, each way; 0 is none.
	Bandwidth int64
	// AgentPace is how long the agent sleeps after each read from its SSH
	// server: 1 ms in AWS's agent, 0 for none.
	AgentPace time.Duration
	// AgentPayload is the most that the agent puts into one message, in bytes;
	// 0 is AWS's 1024.
	AgentPayload int
	// SSHD is the kind of SSH server in the spaces; empty means Auto.
	SSHD space.Server
	// ConnectionLimit is how many open sessions a space may have; 0 is
	// SageMaker's 10.
	ConnectionLimit int
	// SessionTTL is how long a session that nobody opened can be opened, a
	// minute where it is 0; LinkTTL is X-Amz-Expires of presigned links, a
	// minute where it is 0, whole seconds.
	SessionTTL, LinkTTL time.Duration
	// StartDelay is how long an app is Pending, StopDelay how long it is
	// Deleting, UpdateDelay how long a space is Updating, and RegisterDelay
	// how long StartSession still fails when an app has become InService.
	StartDelay, StopDelay, UpdateDelay, RegisterDelay time.Duration
	// APILatency is how long each call of the API takes, APIRate how often an
	// operation may be called a second before it is throttled; 0 is no limit.
	APILatency time.Duration
	APIRate    int
	// DeviceTTL is how long the code of a sign-in can be used, ten minutes
	// where it is 0; SignInTTL how long a sign-in lasts, eight hours where it
	// is 0.
	DeviceTTL, SignInTTL time.Duration
	// Spaces is how many more spaces there are beside the ones that the page
	// shows, spread over twenty more domains. At most [MaxSpaces].
	Spaces int
	// Caller is the role and the session, as "Role/session", that the
	// environment's credentials belong to; empty is "StudioUser/alice".
	Caller string
	// Dir is where the CA, the spaces' home folders and the like go: a new
	// temporary folder where it is empty. Close leaves a folder that was there
	// before, and takes away everything that Start put there.
	Dir string
	Log *slog.Logger
}

// Defaults returns a simulator that behaves as AWS does, in faster motion.
func Defaults() Config {
	return Config{
		Listen: "127.0.0.1:0", AgentPace: time.Millisecond, SSHD: space.Auto,
		SessionTTL: time.Minute, LinkTTL: time.Minute,
		StartDelay: 3 * time.Second, StopDelay: 2 * time.Second, UpdateDelay: time.Second, RegisterDelay: time.Second,
	}
}

// Info is what others need to know of a running simulator.
type Info struct {
	Page      string `json:"page"`      // http://127.0.0.1:<port>/
	SageMaker string `json:"sagemaker"` // the API's endpoint URL
	Gateway   string `json:"gateway"`   // wss://127.0.0.1:<port>
	CAFile    string `json:"ca_file"`   // empty where the gateway is plain
	// SSHD is the kind of SSH server in the spaces, SSHDReason how it runs, or
	// why it is not the machine's own.
	SSHD       space.Server `json:"sshd"`
	SSHDReason string       `json:"sshd_reason"`
	// Instances are the ids of the machines that Systems Manager reaches, an
	// EC2 instance and a hybrid one. Their user is ec2-user, and InstanceKey is
	// the file with the private key that opens them.
	Instances   []string `json:"instances"`
	InstanceKey string   `json:"instance_key_file"`
	// Profiles is a file for AWS_CONFIG_FILE with profiles to sign in to, on the
	// simulator's own page: simulated, and simulated-mfa, whose code is 123456.
	Profiles string `json:"profiles_file"`
	// Control is the address of the switches that break things (package
	// gateway), ControlToken the file with the token that opens them.
	Control      string `json:"control"`
	ControlToken string `json:"control_token_file"`
	// Env is the environment in which Spacehatch, the AWS CLI, AWS's SDKs and
	// AWS's session-manager-plugin talk to this simulator and to nobody else.
	// AWS_PROFILE must not be set beside it.
	Env map[string]string `json:"env"`
}

// Simulator is a running Studio. Its methods may be called concurrently.
type Simulator struct {
	info     Info
	studio   *studio
	gateway  *gateway.Gateway
	machines *machines
	folder   *folder
	log      *slog.Logger
	server   *http.Server

	cancel context.CancelFunc
	done   chan struct{}
	err    error // of the end; read after done
}

// MaxSpaces bounds Config.Spaces.
const MaxSpaces = 100_000

// NotLoopback is the code of Start's problem with an address that others could
// reach.
const NotLoopback problem.Code = "not-loopback"

// firstSpace is started with the simulator, so that a machine that cannot have
// spaces says so at once.
const firstSpace = "my-space"

// Start starts a simulator, which ends by Close or with ctx. When it returns,
// the page, the API and the gateway answer, and the space my-space has been
// logged in to once. An error leaves nothing behind; it is a *problem.Problem
// where a person has chosen an address that cannot be had.
func Start(ctx context.Context, config Config) (*Simulator, error) {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Listen == "" {
		config.Listen = "127.0.0.1:0"
	}
	host, err := loopback(config.Listen)
	if err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	front, err := lc.Listen(ctx, "tcp", config.Listen)
	if err != nil {
		return nil, problem.New(problem.NotSupported, "The simulator cannot listen on "+config.Listen+".",
			"Choose another address, or none to take a free port.", err)
	}
	s := &Simulator{log: config.Log, done: make(chan struct{})}
	if err := s.build(ctx, config, host, front.Addr().String()); err != nil {
		return nil, errors.Join(err, front.Close(), s.takeDown())
	}
	life, cancel := context.WithCancel(ctx)
	s.cancel = cancel
	go s.run(life, front)
	return s, nil
}

// loopback returns the host of an address that only this computer reaches.
func loopback(address string) (host string, err error) {
	host, _, err = net.SplitHostPort(address)
	if ip, bad := netip.ParseAddr(host); err == nil && (host == "localhost" || bad == nil && ip.IsLoopback()) {
		return host, nil
	}
	return "", problem.New(NotLoopback,
		"The simulator lets everybody log in, so it listens on this computer only; "+address+" is not such an address.",
		"Use 127.0.0.1 and a port, such as 127.0.0.1:8080; port 0 takes a free one.", err)
}

// build makes everything but the page's socket. What it leaves behind on an
// error, takeDown removes.
func (s *Simulator) build(ctx context.Context, config Config, host, front string) (err error) {
	if s.folder, err = newFolder(config.Dir); err != nil {
		return err
	}
	files := struct{ ca, config, credentials, control, key, profiles string }{}
	token := api.Awkward("", 30)
	key, keyText, err := newKey()
	if err != nil {
		return err
	}
	for _, f := range []struct {
		path *string
		name string
		data string
	}{
		{&files.ca, "ca.pem", ""}, // the gateway fills it
		{&files.config, "aws-config", ""},
		{&files.profiles, "aws-profiles", awsProfiles},
		{&files.credentials, "aws-credentials", ""},
		{&files.control, "control-token", token},
		{&files.key, "instance-key", keyText},
	} {
		if *f.path, err = s.folder.write(f.name, []byte(f.data)); err != nil {
			return err
		}
	}
	homes, err := s.folder.mkdir("spaces")
	if err != nil {
		return err
	}
	s.machines = newMachines(homes, config.SSHD, key, config.Log)
	s.gateway, err = gateway.Start(ctx, gateway.Config{
		Listen: net.JoinHostPort(host, "0"), Plain: config.Plain, CAFile: files.ca, Region: region,
		ControlToken: secret.New(token), SessionTTL: config.SessionTTL, ConnectionLimit: config.ConnectionLimit,
		Agent:  space.Session{Pace: config.AgentPace, PayloadSize: config.AgentPayload},
		Faults: gateway.Faults{RTT: config.RTT, Bandwidth: config.Bandwidth}, Log: config.Log,
		Verify: func(r *http.Request) error { return s.studio.api.VerifyUpgrade(r) },
	})
	if err != nil {
		return fmt.Errorf("start the gateway: %w", err)
	}
	door := &door{gateway: s.gateway, machines: s.machines, linkTTL: config.LinkTTL, log: config.Log}
	role, as, ok := strings.Cut(cmp.Or(config.Caller, "StudioUser/alice"), "/")
	if !ok || role == "" || as == "" || config.Spaces < 0 || config.Spaces > MaxSpaces {
		return problem.New(problem.NotSupported, "The simulator cannot have such a caller, or so many spaces.",
			fmt.Sprintf("A caller is written as Role/session; there can be %d spaces.", MaxSpaces), nil)
	}
	caller := assumedRole(role, as)
	more := crowd(config.Spaces)
	s.studio = &studio{
		base: "http://" + front, hosts: hostNames(front), places: places(spaces()), pods: door,
		role:  assumedRole("StudioExecutionRole", "SageMaker").ARN,
		token: secret.New(token), counters: s.gateway.Counters,
		api: api.New(api.Config{
			Region: region, Account: account, Identities: []api.Identity{caller}, Domains: append(domains(), more.domains...),
			Profiles: append(profiles(), more.profiles...), Spaces: append(spaces(), more.spaces...),
			Targets: targets(), Gateway: door, StartDelay: config.StartDelay, StopDelay: config.StopDelay, UpdateDelay: config.UpdateDelay,
			RegisterDelay: config.RegisterDelay, Latency: config.APILatency, Rate: config.APIRate, Log: config.Log,
			DevicePage: "http://" + front + "/device", DeviceTTL: config.DeviceTTL, SignInTTL: config.SignInTTL,
		}),
	}
	first, _ := find(s.studio.places, firstSpace, "", "")
	started, err := s.machines.get(ctx, first.arn)
	if err != nil {
		return err
	}
	s.info = Info{
		Page: s.studio.base + "/", SageMaker: s.studio.base, Gateway: s.gateway.URL(), CAFile: s.gateway.CAFile(),
		Instances: []string{instanceID, hybridID}, InstanceKey: files.key, Profiles: files.profiles,
		SSHD: started.Info().Server, SSHDReason: started.Info().Reason,
		Control: "http" + strings.TrimPrefix(s.gateway.URL(), "ws") + "/control/", ControlToken: files.control,
		Env: environment(caller, s.studio.base, s.gateway, files.config, files.credentials),
	}
	s.server = &http.Server{
		Handler: s.studio.handler(), ReadHeaderTimeout: headerTimeout,
		ErrorLog:    slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	return nil
}

// newKey makes a key pair for a user; text is the private half as ssh reads it.
func newKey() (key ed25519.PrivateKey, text string, err error) {
	if _, key, err = ed25519.GenerateKey(rand.Reader); err != nil {
		return nil, "", fmt.Errorf("make a user's key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		return nil, "", fmt.Errorf("encode a user's key: %w", err)
	}
	return key, string(pem.EncodeToMemory(block)), nil
}

const (
	headerTimeout = 30 * time.Second
	shutdownLimit = 5 * time.Second // for the requests that are under way
)

// hostNames are the names by which a browser may call the page.
func hostNames(address string) []string {
	_, port, _ := net.SplitHostPort(address)
	return []string{address, net.JoinHostPort("localhost", port)}
}

// environment is [Info].Env.
func environment(caller api.Identity, endpoint string, g *gateway.Gateway, config, credentials string) map[string]string {
	page := strings.TrimPrefix(endpoint, "http://")
	env := map[string]string{
		"AWS_ENDPOINT_URL_SAGEMAKER":  endpoint,
		"AWS_ENDPOINT_URL_STS":        endpoint,
		"AWS_ENDPOINT_URL_SSM":        endpoint,
		"AWS_ENDPOINT_URL_SSO":        endpoint,
		"AWS_ENDPOINT_URL_SSO_OIDC":   endpoint,
		"AWS_ACCESS_KEY_ID":           caller.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY":       caller.SecretAccessKey.Reveal(),
		"AWS_SESSION_TOKEN":           caller.SessionToken.Reveal(),
		"AWS_REGION":                  region,
		"AWS_DEFAULT_REGION":          region,
		"AWS_EC2_METADATA_DISABLED":   "true",
		"SPACEHATCH_STUDIO_URL":       endpoint,
		"AWS_CONFIG_FILE":             config,
		"AWS_SHARED_CREDENTIALS_FILE": credentials,
		// The page is trusted for reconnecting without a click, by plain HTTP.
		"SPACEHATCH_TRUSTED_HOSTS": g.Host() + ",ws://" + page,
	}
	ca := g.CAFile()
	if ca == "" {
		env["SPACEHATCH_TRUSTED_HOSTS"] = "ws://" + g.Host() + ",ws://" + page
		return env
	}
	for _, name := range []string{"AWS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"} {
		env[name] = ca
	}
	return env
}

// run serves the page until the end of ctx, then takes everything down.
func (s *Simulator) run(ctx context.Context, front net.Listener) {
	defer close(s.done)
	served := make(chan error, 1)
	go func() { served <- s.server.Serve(front) }()
	var err error
	select {
	case <-ctx.Done():
		// A request may be starting a space just now.
		soon, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownLimit)
		defer cancel()
		if s.server.Shutdown(soon) != nil {
			_ = s.server.Close() // it did what it could
		}
		err = <-served
	case err = <-served: // only where the socket broke
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	s.err = errors.Join(err, s.takeDown())
	if s.err != nil {
		s.log.Error("the simulator did not end cleanly", "error", s.err)
	}
}

// takeDown ends whatever build has made so far and removes its files.
func (s *Simulator) takeDown() error {
	var err error
	if s.gateway != nil {
		err = errors.Join(err, s.gateway.Close())
	}
	if s.machines != nil {
		err = errors.Join(err, s.machines.close())
	}
	if s.folder != nil {
		err = errors.Join(err, s.folder.remove())
	}
	return err
}

// Info tells how to reach the simulator.
func (s *Simulator) Info() Info { return s.info }

// API is the SageMaker API: its faults and its log.
func (s *Simulator) API() *api.Server { return s.studio.api }

// Gateway is the gateway: its faults, its sessions and its counters, among
// them every connection that was ever made to it.
func (s *Simulator) Gateway() *gateway.Gateway { return s.gateway }

// Links returns how many links the page has given.
func (s *Simulator) Links() int64 { return s.studio.links.Load() }

// Home returns the user's home folder in a space or an instance, as this
// machine sees it, and starts the space if it was not.
func (s *Simulator) Home(ctx context.Context, name string) (string, error) {
	started, err := s.Space(ctx, name)
	if err != nil {
		return "", err
	}
	return started.Info().Home, nil
}

// Space returns what stands behind the sessions of a space or an instance, and
// starts it if it was not.
func (s *Simulator) Space(ctx context.Context, name string) (*space.Space, error) {
	p, ok := find(s.studio.places, name, "", "")
	if slices.Contains(s.info.Instances, name) {
		p, ok = place{arn: name}, true
	}
	if !ok {
		return nil, fmt.Errorf("there is no space %s", name)
	}
	return s.machines.get(ctx, p.arn)
}

// Done is closed when the simulator has ended, by itself too.
func (s *Simulator) Done() <-chan struct{} { return s.done }

// Close ends every connection and every process in the spaces, removes what
// Start made, and waits for all that. A second call returns the same.
func (s *Simulator) Close() error {
	s.cancel()
	<-s.done
	return s.err
}
