package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	gittransport "github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/tazlab/seed/internal/failure"
)

// brief is an error whose text is cut: servers answer with whole pages.
type brief struct{ error }

func (b brief) Unwrap() error { return b.error }

func (b brief) Error() string {
	text := strings.TrimSpace(b.error.Error())
	if len(text) > maxErrorText {
		text = strings.ToValidUTF8(text[:maxErrorText], "") + "…"
	}
	return text
}

// explain adds the next step to an error, marks with failure.Blocked what another try does not cure, and with
// failure.After what the server wants to be asked later.
func (f *fetching) explain(err error) error {
	if failure.IsBlocked(err) {
		return err
	}
	if cure := f.refused(err); cure != "" {
		return failure.Blocked(fmt.Errorf("%w (%s)", brief{err}, cure))
	}
	status, wait := answerOf(err)
	cure := cmp.Or(f.unreachable(err), notGit(err), troubled(status, wait), onTheWay(err))
	// A registry in the private network is asked both ways: the answer counts that is one.
	if errors.Is(err, http.ErrSchemeMismatch) {
		cure = cmp.Or(troubled(status, wait), cure)
	}
	if cure == "" {
		return brief{err}
	}
	err = fmt.Errorf("%w (%s%s)", brief{err}, cure, f.way())
	if wait > 0 {
		return failure.After(err, wait)
	}
	return err
}

// refused is the cure of what a server or its key will say again.
func (f *fetching) refused(err error) string {
	said := err.Error()
	key, otherKey := errors.AsType[*knownhosts.KeyError](err)
	_, revoked := errors.AsType[*knownhosts.RevokedError](err)
	answer, answered := errors.AsType[*transport.Error](err)
	switch {
	case otherKey && len(key.Want) > 0:
		return "the server shows another host key than known_hosts in the Secret of spec.secretRef has for it: if the server's key was changed on purpose, put the new one there; else somebody is between"
	case otherKey:
		return "known_hosts in the Secret of spec.secretRef has no key for this host: put there what ssh-keyscan says, once compared with what the server's owner publishes"
	case revoked:
		return "known_hosts in the Secret of spec.secretRef says that this host key is revoked"
	case strings.Contains(said, "no common algorithm for host key"):
		return "known_hosts in the Secret of spec.secretRef has no key of a type that the server has: put there what ssh-keyscan says"
	case strings.Contains(said, "ssh: unable to authenticate"):
		return "the server refuses the SSH key: add the public half of identity in the Secret of spec.secretRef as a deploy key, and check the user in spec.url"
	case errors.Is(err, gittransport.ErrAuthenticationRequired), errors.Is(err, gittransport.ErrAuthorizationFailed):
		return f.unknownToGit()
	case proxyRefused(err):
		return "the proxy refuses username and password: correct them in the Secret of spec.proxySecretRef, or in HTTPS_PROXY"
	case answered && slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden}, answer.StatusCode):
		return "the registry refuses: check the Secret of spec.secretRef, and whether its user may pull from here; without one the repository must be public"
	case answered && answer.StatusCode == http.StatusNotFound:
		return "check spec.url and spec.ref; some registries answer so to who may not pull"
	}
	return ""
}

// unknownToGit is the cure of 401 and 403.
func (f *fetching) unknownToGit() string {
	switch {
	case f.elsewhere() != "":
		return "the server redirects to " + f.elsewhere() + ", and no credential goes along to another address: if that is the right one, let spec.url name it"
	case f.secretRef == nil:
		return "the Git server wants a credential: bring one in a Secret and name it in spec.secretRef"
	}
	return "the Git server refuses the credential in the Secret of spec.secretRef: renew the token at the vault"
}

// proxyRefused tells whether a proxy answered 407, for a tunnel or for a plain request.
func proxyRefused(err error) bool {
	status, _ := answerOf(err)
	return status == http.StatusProxyAuthRequired || failure.Proxy(err)
}

// settings are the places where a source's user changes how the server is asked.
func (f *fetching) settings() failure.Settings {
	certificates := "the Secret of spec.secretRef"
	if f.what == sourcev1.OCIRepositoryKind {
		certificates = "the Secret of spec.certSecretRef"
	}
	proxy := "HTTPS_PROXY, or put the server's name into NO_PROXY"
	if f.proxy != nil {
		proxy = "the Secret of spec.proxySecretRef"
	}
	return failure.Settings{
		CA:                "ca.crt in " + certificates + ", or into the file that --ca-file names",
		ClientCertificate: "tls.crt and tls.key in " + certificates,
		Proxy:             proxy,
		Timeout:           fmt.Sprintf("spec.timeout is %s", f.limit()),
	}
}

// unreachable is the cure of a way that does not lead to the server, or ends in the middle.
func (f *fetching) unreachable(err error) string {
	if errors.Is(err, syscall.ENOSPC) {
		return "the files do not fit into seed's memory: name the folders that the cluster needs in spec.sparseCheckout, or exclude some with spec.ignore or .sourceignore"
	}
	return failure.Network(err, f.settings())
}

// onTheWay is the cure of what else net/http can fail with.
func onTheWay(err error) string {
	if _, ok := errors.AsType[net.Error](err); ok && !errors.Is(err, context.Canceled) {
		return "check the network and what is on the way"
	}
	return ""
}

// way names who was asked in place of the host in spec.url, if anybody.
func (f *fetching) way() string {
	way := ""
	if host := f.elsewhere(); host != "" {
		way = "; the server redirected to " + host
	}
	if f.proxy != nil {
		return way + "; asked by way of the proxy " + f.proxy.Host + " of spec.proxySecretRef"
	}
	address, err := url.Parse(strings.Replace(f.url, sourcev1.OCIRepositoryPrefix, "https://", 1))
	if err != nil {
		return way
	}
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: address}); err == nil && proxy != nil {
		return way + "; asked by way of the proxy " + proxy.Host + " of the environment"
	}
	return way
}
