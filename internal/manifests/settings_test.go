package manifests_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tazlab/seed/internal/manifests"
	"github.com/tazlab/seed/internal/secret"
)

// field is the value at path of an object, as a text. A key with a dot in it stands last.
func field(value any, path string) string {
	for path != "" {
		name, rest, _ := strings.Cut(path, ".")
		switch at := value.(type) {
		case map[string]any:
			if whole, there := at[path]; there {
				return fmt.Sprint(whole)
			}
			value = at[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(at) {
				return "no " + path
			}
			value = at[i]
		default:
			return fmt.Sprint(value)
		}
		path = rest
	}
	return fmt.Sprint(value)
}

// Each row is a setting that cannot work, or must not: none shows a secret.
func TestSettingErrors(t *testing.T) {
	t.Parallel()
	proxy := func(url string) func(*manifests.Input) { return func(in *manifests.Input) { in.Proxy = url } }
	server := func(address string) func(*manifests.Input) {
		return func(in *manifests.Input) { in.Talos, in.APIServer = false, address }
	}
	pull := func(config string) func(*manifests.Input) {
		return func(in *manifests.Input) { in.PullSecret = secret.New(config) }
	}
	for name, test := range map[string]struct {
		change func(*manifests.Input)
		want   string
	}{
		"deadline in the past":   {func(in *manifests.Input) { in.Deadline = -time.Minute }, "the deadline -1m0s must be a time to come"},
		"proxy with password":    {proxy("http://user:s3cr3t@proxy:3128"), "the proxy's URL holds a user"},
		"proxy with user":        {proxy("http://s3cr3t@proxy:3128"), "the proxy's URL holds a user"},
		"password, no URL":       {proxy("http://user:s3cr3t@proxy:port"), "must be a URL of http, https or socks5"},
		"password in no scheme":  {proxy("user:s3cr3t@proxy:3128"), "must be a URL of http, https or socks5"},
		"proxy without scheme":   {proxy("proxy.home:3128"), "for example http://proxy.home:3128"},
		"proxy of no host":       {proxy("http://:3128"), "must be a URL"},
		"proxy with path":        {proxy("http://proxy/path"), "must be a URL"},
		"proxy of the kubelet":   {proxy("http://$(PROXY)"), "must be a URL"},
		"no proxy alone":         {func(in *manifests.Input) { in.Proxy = "" }, "but no proxy"},
		"no proxy with spaces":   {func(in *manifests.Input) { in.NoProxy = ".lan, .home" }, "has commas between them and nothing else"},
		"no proxy of the node":   {func(in *manifests.Input) { in.NoProxy = "$(X)" }, "has commas between them and nothing else"},
		"API server on Talos":    {func(in *manifests.Input) { in.APIServer = "10.0.0.1:6443" }, "cannot be set on Talos"},
		"API server, no port":    {server("10.0.0.1"), "must be HOST:PORT"},
		"API server, URL":        {server("https://10.0.0.1:6443"), "must be HOST:PORT"},
		"API server, named port": {server("10.0.0.1:https"), "must be HOST:PORT"},
		"API server, no host":    {server(":6443"), "must be HOST:PORT"},
		"CA of no PEM":           {func(in *manifests.Input) { in.CA = []byte("s3cr3t") }, "holds no PEM certificate"},
		"CA of a key":            {func(in *manifests.Input) { in.CA = []byte(key) }, "holds no PEM certificate"},
		"CA that is broken":      {func(in *manifests.Input) { in.CA = []byte(certificate + broken) }, "the file with authorities: certificate 2: x509"},
		"pull secret, no JSON":   {pull("s3cr3t"), "must be a Docker config.json"},
		"pull secret, a list":    {pull(`["s3cr3t"]`), "must be a Docker config.json"},
		"pull secret, no auths":  {pull(`{"credsStore": "s3cr3t"}`), "must be a Docker config.json"},
		"pull secret in a store": {pull(`{"auths": {"ghcr.io": {}}, "credsStore": "desktop"}`), "holds no credential. Docker may keep them in a store"},
		"pull secret, no entry":  {pull(`{"auths": {"ghcr.io": "s3cr3t"}}`), "must be a Docker config.json"},
		"image for the mirror":   {func(in *manifests.Input) { in.Image = "ghcr.io/TAZLAB/seed" }, "seed's own image: could not parse reference"},
	} {
		in := full()
		test.change(&in)
		out, err := manifests.Render(in)
		if err == nil || !strings.Contains(err.Error(), test.want) || out != nil {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: a secret is in the error: %v", name, err)
		}
	}
}

// A key that lies beside a certificate gets into no ConfigMap.
func TestCertificatesOnly(t *testing.T) {
	t.Parallel()
	in := full()
	in.CA = []byte("a comment\n" + key + certificate + "another\n")
	if got := field(objects(t, in)["ConfigMap"].Object, "data.ca.crt"); got != certificate {
		t.Errorf("the ConfigMap holds\n%s", got)
	}
}
