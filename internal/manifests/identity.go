package manifests

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/secret"
)

// Identity is the data of Secrets that the inline manifest carries, by name and key. The name "" stands for the
// only one that is asked for.
type Identity map[string]map[string]secret.String

// sourceKeys are what Flux reads from the Secrets of a source
// (https://fluxcd.io/flux/components/source/gitrepositories/#secret-reference).
var sourceKeys = []string{
	"username", "password", "bearerToken", "ca.crt", "caFile", "tls.crt", "certFile", "tls.key", "keyFile",
	"identity", "identity.pub", "known_hosts", "address", corev1.DockerConfigJsonKey,
	"githubAppID", "githubAppInstallationID", "githubAppInstallationOwner", "githubAppPrivateKey", "githubAppBaseURL",
}

// identitySecrets makes the Secrets that claims want from the inline manifest: what stores log in with, and
// credentials that no ExternalSecret brings.
func identitySecrets(claims []bundle.Claim, identity Identity) ([]*corev1.Secret, error) {
	wanted := map[string][]bundle.Claim{}
	for _, c := range claims {
		if c.Secret == nil {
			wanted[c.Target.Name] = append(wanted[c.Target.Name], c)
		}
	}
	names := slices.Sorted(maps.Keys(wanted))
	if only, unnamed := identity[""]; unnamed {
		if len(names) > 1 {
			return nil, fmt.Errorf("the bundle needs the data of %d Secrets (%s), and one file cannot tell which is whose: give a folder for each with --identity-dir", len(names), strings.Join(names, ", "))
		}
		if len(names) == 1 {
			identity = Identity{names[0]: only}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(identity)) {
		if wanted[name] == nil {
			return nil, errors.New("the identity holds a Secret that nothing in the bundle asks for; asked for: " + orNone(names))
		}
	}
	var secrets []*corev1.Secret
	for _, name := range names {
		s, err := identitySecret(name, wanted[name], identity[name])
		if err != nil {
			return nil, err
		}
		secrets = append(secrets, s)
	}
	return secrets, nil
}

// identitySecret makes one Secret: every key that is asked for must be there, and no other.
func identitySecret(name string, claims []bundle.Claim, values map[string]secret.String) (*corev1.Secret, error) {
	s := &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: name},
		StringData: map[string]string{},
	}
	allowed := []string{}
	for _, c := range claims {
		if len(values) == 0 {
			return nil, fmt.Errorf("%s: nothing brings the Secret %s: add an ExternalSecret with that target to the tree, or give its data with --identity-file or --identity-dir", c.For, c.Target)
		}
		for _, key := range c.Keys {
			if values[key].Empty() {
				return nil, fmt.Errorf("the identity has no %s, which %s reads from the Secret %s: add the line %s=... to the identity file", key, c.For, c.Target, key)
			}
		}
		for _, key := range c.Keys {
			if !slices.Contains(allowed, key) {
				allowed = append(allowed, key)
			}
		}
		if c.Keys == nil {
			allowed = append(allowed, sourceKeys...)
			if err := checkSourceKeys(c, values); err != nil {
				return nil, err
			}
		}
	}
	for key, value := range values {
		if !slices.Contains(allowed, key) {
			// The key is not shown: in a file with a broken line it may be part of the secret.
			return nil, fmt.Errorf("the identity has a key that nothing reads from the Secret %s; keys that are read: %s", claims[0].Target, strings.Join(allowed, ", "))
		}
		s.StringData[key] = value.Reveal()
	}
	if !values[corev1.DockerConfigJsonKey].Empty() {
		s.Type = corev1.SecretTypeDockerConfigJson
	}
	return s, nil
}

// checkSourceKeys finds what Flux would refuse in the Secret of a source.
func checkSourceKeys(c bundle.Claim, values map[string]secret.String) error {
	for key, partner := range map[string]string{"password": "username", "identity": "known_hosts", "tls.crt": "tls.key", "tls.key": "tls.crt"} {
		if key == "password" && !values["identity"].Empty() {
			continue // then it is the passphrase
		}
		if !values[key].Empty() && values[partner].Empty() {
			return fmt.Errorf("%s: the identity for the Secret %s has %s without %s, which Flux refuses: add it", c.For, c.Target, key, partner)
		}
	}
	return nil
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
