package doctor

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"

	"github.com/spacehatch/spacehatch/internal/printable"
)

// Environment looks up an environment variable, as [os.LookupEnv] does.
type Environment func(name string) (string, bool)

func (e Environment) get(name string) string {
	value, _ := e(name)
	return value
}

// regionName is the form of every AWS region.
var regionName = regexp.MustCompile(`^[a-z]{2,8}(-[a-z0-9]{1,12}){1,3}-[0-9]{1,2}$`)

// ValidRegion reports whether region has the form of an AWS region.
func ValidRegion(region string) bool { return regionName.MatchString(region) }

// Endpoint is a host that a connection needs.
type Endpoint struct {
	Name string // lower case, part of the finding's ID
	URL  string // scheme and host
}

// Endpoints returns where the SageMaker API and Session Manager of a region
// are. The hosts come from AWS's own rules; AWS_ENDPOINT_URL_SAGEMAKER,
// AWS_ENDPOINT_URL_SSMMESSAGES and AWS_ENDPOINT_URL replace them. trusted are
// the hosts of the setting trusted_hosts, each as host, host:port or
// ws://host:port.
func Endpoints(ctx context.Context, region string, env Environment, trusted []string) ([]Endpoint, error) {
	if !ValidRegion(region) {
		return nil, fmt.Errorf("%s is not an AWS region", printable.Quoted(region))
	}
	found, err := sagemaker.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, sagemaker.EndpointParameters{Region: aws.String(region)})
	if err != nil {
		return nil, fmt.Errorf("find the endpoints of %s: %w", region, err)
	}
	_, suffix, _ := strings.Cut(found.URI.Host, region)
	all := []Endpoint{
		{"sagemaker", cmp.Or(env.get("AWS_ENDPOINT_URL_SAGEMAKER"), env.get("AWS_ENDPOINT_URL"), "https://"+found.URI.Host)},
		{"ssmmessages", cmp.Or(env.get("AWS_ENDPOINT_URL_SSMMESSAGES"), "https://ssmmessages."+region+suffix)},
	}
	for i, host := range trusted {
		plain, isPlain := strings.CutPrefix(host, "ws://")
		at := "https://" + host
		if isPlain {
			at = "http://" + plain
		}
		all = append(all, Endpoint{fmt.Sprintf("trusted-%d", i+1), at})
	}
	return all, nil
}

// Client makes the requests of [Reach] and [Clock] as the connection itself
// does: through the proxy of the environment, trusting roots. It follows no
// redirect.
func Client(roots *x509.CertPool) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true,
			TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Reach looks whether an endpoint answers: name, route, proxy, certificate.
// What it answers does not matter.
func Reach(e Endpoint, client *http.Client) Check {
	return Check{ID: "network-" + e.Name, Title: "Network", Look: func(ctx context.Context) ([]Finding, error) {
		host := hostOf(e.URL)
		if _, err := date(ctx, e.URL, client); err != nil {
			sentence, hint := unreachable(host, err)
			return one(Error, sentence, hint), nil
		}
		if strings.HasPrefix(e.URL, "http://") {
			return one(Info, host+" answers, without encryption.", ""), nil
		}
		return fine("%s answers with a valid certificate.", host), nil
	}}
}

// AWS takes signatures of a clock that is up to five minutes off.
const (
	clockOff  = 5 * time.Minute
	clockWarn = 2 * time.Minute
)

// Clock holds this computer's clock against the Date of the endpoint's answer,
// which is exact to a second.
func Clock(e Endpoint, client *http.Client, now func() time.Time) Check {
	return Check{ID: "clock", Title: "Clock", Look: func(ctx context.Context) ([]Finding, error) {
		theirs, err := date(ctx, e.URL, client)
		if err != nil || theirs.IsZero() {
			return one(Info, "The clock could not be compared: "+hostOf(e.URL)+" did not tell the time.", ""), nil
		}
		off := now().Sub(theirs)
		way := "ahead"
		if off < 0 {
			off, way = -off, "behind"
		}
		const set = "Let the system set the clock from the network."
		switch {
		case off >= clockOff:
			return one(Error, fmt.Sprintf("This computer's clock is %s %s: AWS refuses requests that are five minutes off.", off.Round(time.Second), way), set), nil
		case off >= clockWarn:
			return one(Warning, fmt.Sprintf("This computer's clock is %s %s.", off.Round(time.Second), way), set), nil
		}
		return fine("It agrees with AWS's."), nil
	}}
}

// Offline tells that the network was not looked at, and why.
func Offline(why, hint string) Check {
	return Check{ID: "network", Title: "Network", Look: func(context.Context) ([]Finding, error) {
		return one(Info, why, hint), nil
	}}
}

// date asks the endpoint for anything and returns when it answered by its own
// clock, the zero time where it does not tell.
func date(ctx context.Context, at string, client *http.Client) (time.Time, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return time.Time{}, err
	}
	response, err := client.Do(request)
	if err != nil {
		return time.Time{}, err
	}
	defer func() { _ = response.Body.Close() }()
	told, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return time.Time{}, nil
	}
	return told, nil
}

func hostOf(at string) string {
	u, err := url.Parse(at)
	if err != nil || u.Host == "" {
		return "the endpoint"
	}
	return printable.ASCII(u.Host, 253)
}

// unreachable tells what stood between this computer and host.
func unreachable(host string, err error) (sentence, hint string) {
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return "The certificate of " + host + " is not valid at this computer's time.",
			"Check this computer's clock; if it is right, tell your network administrator."
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "The certificate of " + host + " comes from an authority that this computer does not trust for it.",
			"If your network inspects TLS, set AWS_CA_BUNDLE to the file with its certificate authority."
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return host + " did not answer with TLS: something stands in between.", "Look for a proxy or a sign-in page of the network."
	}
	operation, isOperation := errors.AsType[*net.OpError](err)
	if isOperation && operation.Op == "proxyconnect" {
		return "The proxy that HTTPS_PROXY names did not answer.", "Check HTTPS_PROXY and NO_PROXY."
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return "The host " + printable.ASCII(dns.Name, 253) + " was not found.", "Check the network, the VPN and the name server."
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return host + " did not answer in time.", "Check the network, the VPN and HTTPS_PROXY."
	}
	return host + " could not be reached.", "Check the network, the VPN, the firewall and HTTPS_PROXY."
}
