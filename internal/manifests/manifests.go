// Package manifests makes the inline manifest: the objects that carry seed into a newborn cluster.
package manifests

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/fetch"
	"github.com/tazlab/seed/internal/follow"
	"github.com/tazlab/seed/internal/notify"
	"github.com/tazlab/seed/internal/secret"
	"github.com/tazlab/seed/internal/set"
)

const (
	// Namespace is where seed lives.
	Namespace = set.Namespace
	// name is that of seed's container, and what its labels say.
	name = set.ServiceAccount
	// ConfigDir is where the Pod mounts the ConfigMap.
	ConfigDir = "/etc/seed"
	// BundleKey is the file in it that holds the bundle.
	BundleKey = bundle.File
	// CAKey is the file in it with the authorities that count beside the public ones; it may be missing.
	CAKey = "ca.crt"
	// maxBundle is what fits into a ConfigMap beside its metadata, in bytes.
	maxBundle = 1<<20 - 64<<10
	// digits is the length of a set's name.
	digits = 10
)

// Input is what the inline manifest is made from. All but Bundle and Image may be empty.
type Input struct {
	// Bundle is the YAML of the bundle; it is checked here as seed will check it.
	Bundle []byte
	// Planted are the claims that planted units need beside those in the bundle.
	Planted []bundle.Claim
	// Identity is what stores log in with, and the credentials that no ExternalSecret brings.
	Identity Identity
	// Image is seed's own image. The mirror of its registry counts.
	Image string
	// Talos makes the Job reach the API server by KubePrism, and run on control planes only. Elsewhere it prefers
	// them, and reaches the API server at the cluster's Service.
	Talos bool
	// APIServer is HOST:PORT of an API server to use instead; not with Talos.
	APIServer string
	// CA are PEM certificates of authorities that count, beside the public ones, for all that seed does.
	CA []byte
	// PullSecret is a Docker configuration (config.json) with the credential for the registry of Image.
	PullSecret secret.String
	// Mirrors are where Image and OCI artifacts are fetched from instead.
	Mirrors fetch.Mirrors
	// Proxy is the URL of a proxy for what seed asks over HTTP, and NoProxy a list of hosts that it asks directly, with
	// commas as in NO_PROXY. The API server is always asked directly.
	Proxy, NoProxy string
	// EventsAddr is where notification-controller is told how the birth went; empty tells nobody.
	EventsAddr notify.Address
	// Until are what the birth waits for; none is all of the tree. Deadline is how long that may take once Flux is planted; 0 is
	// as long as it takes.
	Until    follow.Goals
	Deadline time.Duration
}

// Render returns the manifest as YAML documents in the order in which they can be created: one set of objects, whose
// names change with everything that is in it. Equal input gives equal bytes. It holds the identity in the clear: it
// belongs into the machine config and nowhere else.
func Render(in Input) ([]byte, error) {
	parts, err := in.parts()
	if err != nil {
		return nil, err
	}
	unnamed, err := encode(parts.objects(""))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(unnamed)
	return encode(parts.objects(set.Set(hex.EncodeToString(sum[:])[:digits])))
}

// parts are the Input, checked.
type parts struct {
	Input
	config  map[string]string
	carried []*corev1.Secret // with the names of their targets
	pull    *corev1.Secret   // nil without PullSecret
	tokens  []token
}

func (in Input) parts() (p parts, err error) {
	b, err := bundle.Parse(in.Bundle)
	if err != nil {
		return p, err
	}
	if len(in.Bundle) > maxBundle {
		return p, fmt.Errorf("the bundle has %d bytes, a ConfigMap takes %d: shorten the certificates and templates in its objects", len(in.Bundle), maxBundle)
	}
	if err := in.checkSettings(); err != nil {
		return p, err
	}
	p = parts{Input: in, config: map[string]string{BundleKey: string(in.Bundle)}}
	if p.Image, err = in.Mirrors.Image(in.Image); err != nil {
		return p, fmt.Errorf("seed's own image: %w", err)
	}
	claims := append(slices.Clone(b.Claims), in.Planted...)
	if p.carried, err = identitySecrets(claims, in.Identity); err != nil {
		return p, err
	}
	if p.tokens, err = projectedTokens(claims, p.carried); err != nil {
		return p, err
	}
	if p.pull, err = pullSecret(in.PullSecret); err != nil {
		return p, err
	}
	if len(in.CA) > 0 {
		p.config[CAKey], err = certificates(in.CA)
	}
	return p, err
}

// objects are those of the set. What is needed first comes first, and the Job last.
func (p parts) objects(s set.Set) []any {
	objects := append([]any{namespace(), serviceAccount()}, access(s)...)
	for _, carried := range p.carried {
		objects = append(objects, named(carried, s, s.Carried(carried.Name)))
	}
	if p.pull != nil {
		objects = append(objects, named(p.pull, s, s.PullSecret()))
	}
	return append(objects, &corev1.ConfigMap{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: own(s), Data: p.config,
	}, p.job(s))
}

// named is a copy of a Secret as part of the set.
func named(of *corev1.Secret, s set.Set, name string) *corev1.Secret {
	copied := of.DeepCopy()
	copied.Name, copied.Labels = name, s.Labels()
	return copied
}

// own is the metadata of an object of the set.
func own(s set.Set) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: Namespace, Name: s.Name(), Labels: s.Labels()}
}

// encode writes YAML documents, without the empty fields that the types of the API always have: each byte counts where
// user data is short.
func encode(objects []any) ([]byte, error) {
	var docs [][]byte
	for _, object := range objects {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
		if err != nil {
			return nil, err
		}
		delete(content, "status")
		if spec, ok := content["spec"].(map[string]any); ok && len(spec) == 0 {
			delete(content, "spec")
		}
		doc, err := yaml.Marshal(content)
		if err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
	return bytes.Join(docs, []byte("---\n")), nil
}
