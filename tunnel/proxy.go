package tunnel

import (
	"bufio"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
)

// proxyFor returns the proxy for the endpoint, or nil. The proxy function
// gets no secret: neither path nor query.
func (o *Options) proxyFor(e endpoint) (*url.URL, error) {
	target := &url.URL{Scheme: "https", Host: e.url.Host}
	if !e.tls {
		target.Scheme = "http"
	}
	// The error is left out: it may repeat the proxy's password.
	proxy, err := o.Proxy(&http.Request{Method: http.MethodConnect, URL: target, Host: target.Host, Header: http.Header{}})
	if err != nil {
		return nil, unreachable("The proxy setting cannot be read.",
			"Write HTTPS_PROXY as http://host:port or http://user:password@host:port.", nil)
	}
	if proxy != nil && proxy.Scheme != "http" && proxy.Scheme != "https" {
		return nil, unreachable("The proxy is of the kind "+oneLine(proxy.Scheme, 16)+", which Spacehatch does not speak.",
			"Set HTTPS_PROXY to a proxy that starts with http:// or https://.", nil)
	}
	return proxy, nil
}

// throughProxy returns a connection to address that the proxy has made.
func (o *Options) throughProxy(ctx context.Context, proxy *url.URL, address string) (net.Conn, error) {
	port := "80"
	if proxy.Scheme == "https" {
		port = "443"
	}
	proxyAddress := net.JoinHostPort(proxy.Hostname(), cmp.Or(proxy.Port(), port))
	conn, err := o.dial(ctx, "tcp", proxyAddress)
	if err != nil {
		return nil, unreachable("The proxy "+proxyAddress+" could not be reached.",
			"Check the network and the setting HTTPS_PROXY.", err)
	}
	if proxy.Scheme == "https" {
		secured, err := o.secure(ctx, conn, proxy.Hostname())
		if err != nil {
			_ = conn.Close()
			return nil, err
		}
		conn = secured
	}
	release := bindDeadline(ctx, conn)
	err = tellProxy(conn, proxy.User, address, proxyAddress)
	if release(); ctx.Err() != nil {
		err = unreachable("The proxy "+proxyAddress+" did not answer in time.", "Connect again.", ctx.Err())
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// tellProxy asks for a connection to address and reads the answer.
func tellProxy(conn net.Conn, user *url.Userinfo, address, proxyAddress string) error {
	request := "CONNECT " + address + " HTTP/1.1\r\nHost: " + address + "\r\n"
	if user != nil {
		password, _ := user.Password()
		credentials := base64.StdEncoding.EncodeToString([]byte(user.Username() + ":" + password))
		request += "Proxy-Authorization: Basic " + credentials + "\r\n"
	}
	broken := func(err error) error {
		return unreachable("The proxy "+proxyAddress+" broke off.", "Look whether it is an HTTP proxy that allows CONNECT.", err)
	}
	if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
		return broken(fmt.Errorf("write to the proxy: %w", err))
	}
	reader := bufio.NewReader(io.LimitReader(conn, responseLimit))
	response, err := http.ReadResponse(reader, &http.Request{Method: http.MethodConnect}) //nolint:bodyclose // the body is the connection
	if err != nil {
		return broken(errors.New("read from the proxy: no HTTP answer"))
	}
	switch status := response.StatusCode; {
	case status == http.StatusProxyAuthRequired:
		return unreachable("The proxy "+proxyAddress+" wants a user name and a password.",
			"Put them into HTTPS_PROXY: http://user:password@host:port.", fmt.Errorf("HTTP status %d", status))
	case status < 200 || status > 299:
		return unreachable("The proxy "+proxyAddress+" does not connect to "+address+".",
			"Ask the proxy's administrator to allow CONNECT to this address.", fmt.Errorf("HTTP status %d", status))
	case reader.Buffered() > 0:
		return broken(errors.New("read from the proxy: more than an answer"))
	}
	return nil
}
