package fetch_test

import (
	"slices"
	"testing"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"golang.org/x/crypto/ssh/knownhosts"
)

func byProxy(s *sourcev1.GitRepositorySpec) { s.ProxySecretRef = named("proxy") }

func TestGitByProxy(t *testing.T) {
	t.Parallel()
	r, _ := history(t)
	ca := newAuthority(t)
	handler := guarded(r.backend(), basic("git", password))
	plain, tls := serve(t, handler), ca.https(handler)
	p := newProxy("proxy-user", password)
	address := serve(t, p)
	secure := ca.https(p)
	data := map[string]string{"username": "git", "password": password, "ca.crt": ca.pem()}
	credential := func(address string) map[string]string {
		return map[string]string{"address": address, "username": "proxy-user", "password": password}
	}
	for name, test := range map[string]struct{ url, proxy, saw string }{
		"http":                      {plain, address, "GET 127.0.0.1"},
		"https":                     {tls, address, "CONNECT 127.0.0.1"},
		"https by a proxy of https": {tls, secure, "CONNECT 127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, files := get(t, gitSource(test.url+"/tree.git", login, byProxy), secrets{"login": data, "proxy": credential(test.proxy)})
			if !slices.Equal(files, []string{"f=last"}) || !p.saw(test.saw) {
				t.Errorf("files %q, the proxy saw %q", files, p.asked)
			}
		})
	}
	known := map[string]string{"identity": identity(t, newEd25519(t), ""), "known_hosts": knownhosts.Line([]string{"x"}, signer(t, newEd25519(t)).PublicKey())}
	for name, test := range map[string]struct {
		url     string
		proxy   map[string]string
		blocked bool
		want    string
	}{
		"https, wrong password": {tls, map[string]string{"address": address, "username": "proxy-user", "password": password + "!"}, true, "the proxy refuses username and password"},
		"http, wrong password":  {plain, map[string]string{"address": address}, true, "the proxy refuses username and password"},
		"no proxy there":        {tls, credential("http://127.0.0.1:1"), false, "proxy: it cannot be reached: check the address in the Secret of spec.proxySecretRef; asked by way of the proxy 127.0.0.1:1 of spec.proxySecretRef"},
		"nobody behind":         {"https://127.0.0.1:1", credential(address), false, "proxy: it gives no way to the server: look at its rules and its log, or change it in the Secret of spec.proxySecretRef; asked by"},
		"no address":            {tls, map[string]string{"username": "x"}, true, "its key address must be a URL"},
		"no URL":                {tls, map[string]string{"address": "http://x:" + password + "@:x"}, true, "its key address must be a URL"},
		"no such kind":          {tls, map[string]string{"address": "ftp://x:" + password + "@127.0.0.1"}, true, "its key address must be a URL"},
		"no Secret":             {tls, nil, false, "spec.proxySecretRef: reading the Secret flux-system/proxy: not found"},
		"ssh by http":           {"ssh://git@127.0.0.1", credential(address), true, "a proxy of the kind socks5 only"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := secrets{"login": data, "proxy": test.proxy}
			if test.proxy == nil {
				delete(s, "proxy")
			}
			if test.url[:3] == "ssh" {
				s["login"] = known
			}
			fails(t, gitSource(test.url+"/tree.git", login, byProxy), s, test.blocked, test.want)
		})
	}
}

func TestProxyOfTheEnvironment(t *testing.T) {
	t.Parallel()
	r, _ := history(t)
	ca := newAuthority(t)
	environment.lead("plain.test", serve(t, r.backend()))
	environment.lead("git.test", ca.serve(r.backend(), "git.test", hour(), false))
	data := secrets{"login": {"ca.crt": ca.pem()}, "proxy": {"address": serve(t, newProxy("", ""))}}
	for url, saw := range map[string]string{"http://plain.test": "GET plain.test", "https://git.test": "CONNECT git.test"} {
		t.Run(url, func(t *testing.T) {
			t.Parallel()
			if _, files := get(t, gitSource(url+"/tree.git", login), data); !slices.Equal(files, []string{"f=last"}) || !environment.saw(saw) {
				t.Errorf("files %q, the proxy did not see %q", files, saw)
			}
		})
	}
	t.Run("named in the error", func(t *testing.T) {
		t.Parallel()
		environment.lead("gone.test", "127.0.0.1:1")
		fails(t, gitSource("https://gone.test/tree.git"), nil, false, "proxy: it gives no way to the server", "or change it in HTTPS_PROXY", "of the environment")
	})
	t.Run("spec.proxySecretRef comes first", func(t *testing.T) {
		t.Parallel()
		fails(t, gitSource("https://git.test/tree.git", login, byProxy), data, true, "the proxy refuses username and password")
	})
	t.Run("NO_PROXY", func(t *testing.T) {
		t.Parallel()
		fails(t, gitSource("https://no-such-host.invalid/tree.git"), nil, false, "DNS: the name no-such-host.invalid")
		if environment.saw("CONNECT no-such-host.invalid") {
			t.Error("the proxy was asked for a name in NO_PROXY")
		}
	})
}
