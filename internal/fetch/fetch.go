// Package fetch brings the files of a GitRepository or an OCIRepository into a folder, as
// source-controller does: same credentials, same proxy, same ref, same ignore rules, no symlinks.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	fluxsecrets "github.com/fluxcd/pkg/runtime/secrets"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/failure"
)

// Secrets returns the data of the Secret name in the source's namespace. Its errors name the Secret.
type Secrets func(ctx context.Context, name string) (map[string][]byte, error)

// Result is what was fetched.
type Result struct {
	// Revision is spelled as source-controller spells it, for example "main@sha1:…" or "v1.2.3@sha256:…".
	Revision string
	// Notes tell what was left to source-controller.
	Notes []string
}

// Source brings the files of a GitRepository or an OCIRepository into dir, which must exist and be empty.
// What lies in dir after an error is of no use. Another try does not help, and the error is marked
// failure.Blocked, where a credential or a host key was refused, a Secret lacks what it should hold, the
// repository or spec.ref is not there, or the source is larger than seed can hold. source is taken to have
// passed the checks of the package bundle. What mirrors lead elsewhere is asked for there only.
func Source(ctx context.Context, source client.Object, secrets Secrets, mirrors Mirrors, dir string) (Result, error) {
	var f fetching
	var fetch func(context.Context, *fetching, string) (Result, error)
	switch s := source.(type) {
	case *sourcev1.GitRepository:
		f = fetching{what: sourcev1.GitRepositoryKind, url: s.Spec.URL, timeout: s.Spec.Timeout, secretRef: s.Spec.SecretRef, proxyRef: s.Spec.ProxySecretRef}
		fetch = func(ctx context.Context, f *fetching, dir string) (Result, error) {
			return gitRepository(ctx, f, s, dir)
		}
	case *sourcev1.OCIRepository:
		f = fetching{what: sourcev1.OCIRepositoryKind, url: s.Spec.URL, timeout: s.Spec.Timeout, secretRef: s.Spec.SecretRef, proxyRef: s.Spec.ProxySecretRef}
		fetch = func(ctx context.Context, f *fetching, dir string) (Result, error) {
			return ociRepository(ctx, f, s, dir)
		}
	default:
		return Result{}, failure.Blocked(fmt.Errorf("fetching %T %s: seed fetches GitRepository and OCIRepository", source, client.ObjectKeyFromObject(source)))
	}
	f.namespace, f.secrets, f.mirrors = source.GetNamespace(), secrets, mirrors
	doing := fmt.Sprintf("fetching %s %s from %s", f.what, client.ObjectKeyFromObject(source), shown(f.url))

	within, cancel := context.WithTimeout(ctx, f.limit())
	defer cancel()
	var result Result
	err := f.findProxy(within)
	if err == nil {
		result, err = fetch(within, &f, dir)
	}
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w", doing, f.explain(err))
	}
	return result, nil
}

// fetching is one source on its way.
type fetching struct {
	what, namespace, url string
	timeout              *metav1.Duration
	secretRef, proxyRef  *meta.LocalObjectReference
	proxy                *url.URL               // of proxyRef, nil without one
	redirected           atomic.Pointer[string] // see elsewhere
	secrets              Secrets
	mirrors              Mirrors
}

func (f *fetching) limit() time.Duration {
	if f.timeout == nil {
		return defaultTimeout
	}
	return f.timeout.Duration
}

// secret reads the Secret that ref names, the value of field; without a ref it is nil.
func (f *fetching) secret(ctx context.Context, field string, ref *meta.LocalObjectReference) (*corev1.Secret, error) {
	if ref == nil || ref.Name == "" {
		return nil, nil
	}
	data, err := f.secrets(ctx, ref.Name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: ref.Name}, Data: data}, nil
}

// findProxy reads the proxy's address and credential from the Secret that spec.proxySecretRef names.
func (f *fetching) findProxy(ctx context.Context) error {
	secret, err := f.secret(ctx, "spec.proxySecretRef", f.proxyRef)
	if secret == nil {
		return err
	}
	if f.proxy, err = fluxsecrets.ProxyURLFromSecret(ctx, secret); err != nil {
		// The library's error quotes the address, and people put passwords there.
		err = errors.New("its key address must be a URL that starts with http://, https:// or socks5://")
		return wrongSecret("spec.proxySecretRef", secret, err)
	}
	return nil
}

// wrongSecret says that what field's Secret holds cannot work.
func wrongSecret(field string, secret *corev1.Secret, err error) error {
	return failure.Blocked(fmt.Errorf("%s: the Secret %s: %w (correct it where it comes from)", field, client.ObjectKeyFromObject(secret), err))
}

// shown is an address without what people put into it though it is secret.
func shown(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "an address that is no URL"
	}
	return u.Redacted()
}
