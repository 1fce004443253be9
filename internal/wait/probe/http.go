package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tazlab/seed/internal/wait/target"
)

// drained is how much of an answer is read, as much as a kubelet reads: a server that breaks off below that is not there.
const drained = 10 << 10

// HTTP asks u with GET and compares the status of the answer: with 200 to 399, as a kubelet's httpGet, if status is
// empty. It follows no redirect. The file caFile holds the only authorities to trust; without it these are the system's.
// The proxies of the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY) are used.
func HTTP(u *url.URL, status []target.Range, caFile string) Probe {
	if len(status) == 0 {
		status = []target.Range{{From: http.StatusOK, To: 399}}
	}
	return web{u, status, caFile}
}

type web struct {
	url    *url.URL
	status []target.Range
	caFile string
}

// Probe implements Probe.
func (p web) Probe(ctx context.Context) (string, error) {
	if p.url.Scheme != "http" && p.url.Scheme != "https" || p.url.Hostname() == "" {
		return "", unusable("GET %s: neither http://HOST nor https://HOST", p.what())
	}
	proxy, err := proxyOf(p.url)
	if err != nil {
		return "", err
	}
	through := ""
	if proxy != "" {
		through = " through the proxy " + proxy
	}
	roots, err := authorities(p.caFile)
	if err != nil {
		return "", fmt.Errorf("GET %s: %w", p.what(), err)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	status, err := ask(ctx, p.url.String(), &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots})
	if err != nil {
		return "", fmt.Errorf("GET %s%s: %w", p.what(), through, err)
	}
	if !slices.ContainsFunc(p.status, func(r target.Range) bool { return r.From <= status && status <= r.To }) {
		return "", fmt.Errorf("GET %s%s: answers with %d %s, waiting for %s", p.what(), through, status, http.StatusText(status), p.wanted())
	}
	return fmt.Sprintf("answers with %d%s", status, through), nil
}

// what is the URL without what may be secret in it.
func (p web) what() string { return p.url.Scheme + "://" + p.url.Host + p.url.EscapedPath() }

func (p web) wanted() string {
	ranges := make([]string, len(p.status))
	for i, r := range p.status {
		ranges[i] = strconv.Itoa(r.From)
		if r.To != r.From {
			ranges[i] += "-" + strconv.Itoa(r.To)
		}
	}
	return strings.Join(ranges, ",")
}

// ask returns the status of an answer that came whole, or for its first part.
func ask(ctx context.Context, address string, encryption *tls.Config) (int, error) {
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer().DialContext, TLSClientConfig: encryption,
		DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10,
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, target.Unusable(cause(err))
	}
	request.Header.Set("User-Agent", "waitfor")
	response, err := client.Do(request)
	if err != nil {
		return 0, cause(err)
	}
	defer response.Body.Close()
	if _, err := io.CopyN(io.Discard, response.Body, drained); err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("reading the answer with %d: %w", response.StatusCode, err)
	}
	return response.StatusCode, nil
}

// cause is an error of net/http without the URL that it repeats.
func cause(err error) error {
	if named, ok := errors.AsType[*url.Error](err); ok {
		return named.Err
	}
	return err
}

// Proxy is the proxy that the environment names for u, as SCHEME://HOST[:PORT] without its credential; "" if none.
func Proxy(u *url.URL) string {
	proxy, _ := proxyOf(u)
	return proxy
}

// proxyOf does not pass the error on: it shows the variable, which may hold a password.
func proxyOf(u *url.URL) (string, error) {
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u})
	if err != nil {
		return "", unusable("reading HTTP_PROXY and HTTPS_PROXY: no URL of a proxy")
	}
	if proxy == nil {
		return "", nil
	}
	return proxy.Scheme + "://" + proxy.Host, nil
}
