package fetch

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"

	"github.com/fluxcd/pkg/git"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/go-git/go-git/v5/plumbing"
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

// explain adds the next step to an error, and marks with failure.Blocked what another try does not cure.
func (f *fetching) explain(err error) error {
	if failure.IsBlocked(err) {
		return err
	}
	if cure := refused(err); cure != "" {
		return failure.Blocked(fmt.Errorf("%w (%s)", brief{err}, cure))
	}
	if cure := untrusted(err); cure != "" {
		return fmt.Errorf("%w (%s%s)", brief{err}, cure, f.way())
	}
	if cure := f.unreachable(err); cure != "" {
		return fmt.Errorf("%w (%s%s)", brief{err}, cure, f.way())
	}
	return brief{err}
}

// refused is the cure of what a server or its key will say again.
func refused(err error) string {
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
		return "the Git server refuses the credential in the Secret of spec.secretRef: renew the token at the vault"
	case proxyRefused(err):
		return "the proxy refuses username and password: correct them in the Secret of spec.proxySecretRef, or in HTTPS_PROXY"
	case answered && slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden}, answer.StatusCode):
		return "the registry refuses: check the Secret of spec.secretRef, and whether its user may pull from here; without one the repository must be public"
	case answered && answer.StatusCode == http.StatusNotFound:
		return "check spec.url and spec.ref; some registries answer so to who may not pull"
	}
	return ""
}

// proxyRefused tells whether a proxy answered 407, in the words of net/http for a tunnel and of the
// libraries for a plain request.
func proxyRefused(err error) bool {
	answer, answered := errors.AsType[*transport.Error](err)
	said := err.Error()
	return answered && answer.StatusCode == http.StatusProxyAuthRequired ||
		strings.Contains(said, http.StatusText(http.StatusProxyAuthRequired)) ||
		strings.Contains(said, "unexpected requesting") && strings.HasSuffix(said, "status code: 407") ||
		strings.Contains(said, "socks connect") && strings.Contains(said, "username/password authentication failed")
}

// untrusted is the cure of a certificate that does not count.
func untrusted(err error) string {
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, name := errors.AsType[x509.HostnameError](err)
	switch {
	case isInvalid && invalid.Reason == x509.Expired:
		return "the server's certificate is not valid now: renew it, or set the clock of this machine"
	case isInvalid:
		return "the server's certificate cannot be used: issue another"
	case unknown:
		return "nobody that seed trusts signed the server's certificate: put the CA's certificate into ca.crt of the Secret of spec.secretRef (Git) or spec.certSecretRef (OCI)"
	case name:
		return "the server's certificate is for another name: correct spec.url or issue another"
	case strings.Contains(err.Error(), "remote error: tls:"):
		return "the server ends the TLS handshake: it may want a client certificate in tls.crt and tls.key"
	}
	return ""
}

// unreachable is the cure of a way that does not lead to the server.
func (f *fetching) unreachable(err error) string {
	dns, isDNS := errors.AsType[*net.DNSError](err)
	network, isNetwork := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return "the files do not fit into seed's memory: name the folders that the cluster needs in spec.sparseCheckout, or exclude some with spec.ignore or .sourceignore"
	case isDNS && dns.IsNotFound:
		return "the node's DNS does not know this name: correct it, or the nameservers of the machine"
	case isDNS:
		return "the node's DNS does not answer: check the nameservers of the machine"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: check host and port, and whether the server runs"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "the node has no route there: check its network and firewalls"
	case errors.Is(err, context.DeadlineExceeded), isNetwork && network.Timeout():
		return fmt.Sprintf("no answer in time, spec.timeout is %s: check firewalls and the way there", f.limit())
	case isNetwork, strings.Contains(err.Error(), "socks connect"):
		return "check the network and what is on the way"
	}
	return ""
}

// way names the proxy that was asked, if any.
func (f *fetching) way() string {
	if f.proxy != nil {
		return "; asked by way of the proxy " + f.proxy.Host + " of spec.proxySecretRef"
	}
	address, err := url.Parse(strings.Replace(f.url, sourcev1.OCIRepositoryPrefix, "https://", 1))
	if err != nil {
		return ""
	}
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: address}); err == nil && proxy != nil {
		return "; asked by way of the proxy " + proxy.Host + " of the environment"
	}
	return ""
}

// refOf names the field that decides what is checked out: the first of commit, name, tag, semver, branch. (The
// API's documentation has semver before tag; source-controller's code has not.)
func refOf(repo *sourcev1.GitRepository) string {
	if ref := repo.Spec.Reference; ref != nil {
		if ref.Commit != "" && ref.Branch != "" {
			return fmt.Sprintf("spec.ref.commit %q in spec.ref.branch %q", ref.Commit, ref.Branch)
		}
		for _, field := range []struct{ name, value string }{
			{"commit", ref.Commit}, {"name", ref.Name}, {"tag", ref.Tag}, {"semver", ref.SemVer}, {"branch", ref.Branch},
		} {
			if field.value != "" {
				return fmt.Sprintf("spec.ref.%s %q", field.name, field.value)
			}
		}
	}
	return fmt.Sprintf("branch %q, the default of spec.ref", git.DefaultBranch)
}

// explainRef tells a ref that is not there from a repository that is not there.
func explainRef(repo *sourcev1.GitRepository, err error) error {
	missing, isMissing := errors.AsType[git.ErrRepositoryNotFound](err)
	hasCommit := repo.Spec.Reference != nil && repo.Spec.Reference.Commit != ""
	said := err.Error()
	switch {
	case errors.Is(err, gittransport.ErrEmptyRemoteRepository), isMissing && strings.Contains(missing.Message, "remote repository is empty"):
		return failure.Blocked(fmt.Errorf("the repository is empty, so there is no %s: push a commit", refOf(repo)))
	case strings.Contains(said, "couldn't find remote ref"),
		hasCommit && errors.Is(err, plumbing.ErrObjectNotFound),
		strings.Contains(said, "no match found for semver"),
		strings.Contains(said, "unable to resolve ref '"):
		return failure.Blocked(fmt.Errorf("the repository has no %s: correct spec.ref or push it", refOf(repo)))
	case isMissing, errors.Is(err, gittransport.ErrRepositoryNotFound):
		return failure.Blocked(fmt.Errorf("%w (check spec.url; many servers also answer so when the credential may not read the repository)", brief{err}))
	}
	return err
}
