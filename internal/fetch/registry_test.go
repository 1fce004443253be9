package fetch_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
)

func pullSecret(host, user, password string) map[string]string {
	auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	return map[string]string{".dockerconfigjson": fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, host, auth)}
}

func TestOCIConnections(t *testing.T) {
	t.Parallel()
	a := newArtifacts(t)
	a.push("v1.0.0", layer(t, fluxLayer, map[string]string{"f": "x"}))
	ca := newAuthority(t)
	guardedRegistry := guarded(a.handler, basic("puller", password))
	open, closed := ca.https(a.handler), ca.https(guardedRegistry)
	mutual := ca.serve(a.handler, "127.0.0.1", hour(), true)
	cert, key := ca.issue("seed", hour())
	p := newProxy("proxy-user", password)
	environment.lead("registry.test", ca.serve(a.handler, "registry.test", hour(), false))
	s := secrets{
		"certificates": {"ca.crt": ca.pem()},
		"client":       {"ca.crt": ca.pem(), "tls.crt": cert, "tls.key": key},
		"pull":         pullSecret(closed, "puller", password),
		"others":       pullSecret("ghcr.io", "puller", password),
		"proxy":        {"address": serve(t, p), "username": "proxy-user", "password": password},
		"wrong":        pullSecret(closed, "puller", password+"!"),
		"stranger":     {"ca.crt": newAuthority(t).pem()},
		"half":         {"tls.crt": cert},
		"broken":       {".dockerconfigjson": password},
		"opaque":       {"username": "puller", "password": password},
		"badproxy":     {"address": serve(t, newProxy("x", "y"))},
	}
	type change = func(*sourcev1.OCIRepositorySpec)
	for name, source := range map[string]*sourcev1.OCIRepository{
		"TLS":                      ociSource(open, trusting),
		"plain":                    ociSource(a.host, insecure),
		"TLS, anybody's":           ociSource(open, insecure),
		"password":                 ociSource(closed, trusting, pulling),
		"needless password":        ociSource(open, trusting, func(s *sourcev1.OCIRepositorySpec) { s.SecretRef = named("others") }),
		"client's own key":         ociSource(mutual, func(s *sourcev1.OCIRepositorySpec) { s.CertSecretRef = named("client") }),
		"proxy":                    ociSource(closed, trusting, pulling, tunneling),
		"proxy of the environment": ociSource("https://registry.test", trusting),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, files := get(t, source, s); !slices.Equal(files, []string{"f=x"}) {
				t.Errorf("files %q", files)
			}
			if name == "proxy" && !p.saw("CONNECT 127.0.0.1") || strings.HasSuffix(name, "environment") && !environment.saw("CONNECT registry.test") {
				t.Error("the proxy was not asked")
			}
		})
	}
	with := func(field func(*sourcev1.OCIRepositorySpec, string), name string) change {
		return func(s *sourcev1.OCIRepositorySpec) { field(s, name) }
	}
	pull := func(s *sourcev1.OCIRepositorySpec, name string) { s.SecretRef = named(name) }
	trust := func(s *sourcev1.OCIRepositorySpec, name string) { s.CertSecretRef = named(name) }
	tunnel := func(s *sourcev1.OCIRepositorySpec, name string) { s.ProxySecretRef = named(name) }
	for name, test := range map[string]struct {
		source  *sourcev1.OCIRepository
		blocked bool
		want    string
	}{
		"no password":         {ociSource(closed, trusting), true, "the registry refuses"},
		"wrong password":      {ociSource(closed, trusting, with(pull, "wrong")), true, "the registry refuses"},
		"another's password":  {ociSource(closed, trusting, with(pull, "others")), true, "the registry refuses"},
		"no pull secret":      {ociSource(closed, trusting, with(pull, "opaque")), true, "it has no key .dockerconfigjson"},
		"broken pull secret":  {ociSource(closed, trusting, with(pull, "broken")), true, "its key .dockerconfigjson is not of the form"},
		"no such Secret":      {ociSource(closed, trusting, with(pull, "nope")), false, "spec.secretRef: reading the Secret flux-system/nope: not found"},
		"unknown authority":   {ociSource(open), false, "put that CA's certificate into ca.crt in the Secret of spec.certSecretRef"},
		"another authority":   {ociSource(open, with(trust, "stranger")), false, "put that CA's certificate into ca.crt in the Secret of spec.certSecretRef"},
		"insecure, but a CA":  {ociSource(open, insecure, with(trust, "stranger")), false, "put that CA's certificate into ca.crt in the Secret of spec.certSecretRef"},
		"half a key pair":     {ociSource(open, with(trust, "half")), true, "it must hold PEM"},
		"no client's own key": {ociSource(mutual, trusting), false, "or a client certificate in tls.crt and tls.key in the Secret of spec.certSecretRef"},
		"expired":             {ociSource(ca.serve(a.handler, "127.0.0.1", time.Now().Add(-time.Minute), false), trusting), false, "check the node's clock"},
		"other name":          {ociSource(ca.serve(a.handler, "x.test", hour(), false), trusting), false, "certificate is not for 127.0.0.1"},
		"proxy refuses":       {ociSource(open, trusting, with(tunnel, "badproxy")), true, "the proxy refuses username and password"},
		"nobody listens":      {ociSource("127.0.0.1:1"), false, "nobody listens at this address"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fails(t, test.source, s, test.blocked, test.want)
		})
	}
}
