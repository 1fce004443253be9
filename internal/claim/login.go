package claim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	esmeta "github.com/external-secrets/external-secrets/apis/meta/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/claim/infisical"
	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/secret"
)

// TokenDir is where the Pod has seed's own tokens for vaults, a folder for each vault.
const TokenDir = "/var/run/secrets/seed.tazlab.net" //nolint:gosec // a path

// TokenFile is the path below dir of the token for the vault of a store with bundle.JWTIdentityAnnotation. A mount path
// takes no colon, which an IPv6 address has.
func TokenFile(dir string, store *esv1.ClusterSecretStore) string {
	return filepath.Join(dir, strings.ReplaceAll(bundle.VaultHost(store), ":", "-"), "token")
}

// maxToken bounds the file of a service-account token in bytes: Infisical takes no longer JWT.
const maxToken = 8 << 10

// ask does something at the store's vault, logging in the first time. A session that the vault has ended
// is replaced, once; a second refusal is the answer.
func (c *Claimer) ask(ctx context.Context, store *esv1.ClusterSecretStore, do func(*infisical.Session) error) error {
	key, err := loginKey(store)
	if err != nil {
		return err
	}
	for again := false; ; again = true {
		session := c.sessions[key]
		if session == nil {
			if session, err = c.login(ctx, store); err != nil {
				return err
			}
			c.sessions[key] = session
		}
		if err = do(session); !infisical.IsExpired(err) {
			return err
		}
		delete(c.sessions, key)
		if again || session.Given() {
			return err
		}
	}
}

// loginKey is equal for stores that log in alike, so that they do it once for all.
func loginKey(store *esv1.ClusterSecretStore) (string, error) {
	vault := store.Spec.Provider.Infisical
	var identity any = vault.Auth
	if id := bundle.JWTIdentity(store); id != "" {
		identity = id
	}
	key, err := json.Marshal([]any{vault.HostAPI, identity, vault.CABundle, vault.CAProvider})
	if err != nil {
		return "", fmt.Errorf("reading spec.provider.infisical: %w", err)
	}
	return string(key), nil
}

// login logs in as the store's annotation says, or else with what its auth block names, read anew.
func (c *Claimer) login(ctx context.Context, store *esv1.ClusterSecretStore) (*infisical.Session, error) {
	vault := store.Spec.Provider.Infisical
	credentials, err := c.credentials(ctx, store)
	if err != nil {
		return nil, err
	}
	client, err := c.trusting(ctx, vault)
	if err != nil {
		return nil, err
	}
	return infisical.Login(ctx, client, vault.HostAPI, credentials)
}

func (c *Claimer) credentials(ctx context.Context, store *esv1.ClusterSecretStore) (infisical.Credentials, error) {
	if id := bundle.JWTIdentity(store); id != "" {
		jwt, err := tokenFile(TokenFile(c.TokenDir, store), "the annotation "+bundle.JWTIdentityAnnotation+" needs", "render the inline manifest anew, which mounts it")
		return infisical.JWTAuth(secret.New(id), jwt), err
	}
	auth := store.Spec.Provider.Infisical.Auth
	switch {
	case auth.UniversalAuthCredentials != nil:
		id, key, err := c.pair(ctx, auth.UniversalAuthCredentials.ClientID, auth.UniversalAuthCredentials.ClientSecret)
		return infisical.UniversalAuth(id, key), err
	case auth.JwtAuthCredentials != nil:
		id, jwt, err := c.pair(ctx, auth.JwtAuthCredentials.IdentityID, auth.JwtAuthCredentials.JWT)
		return infisical.JWTAuth(id, jwt), err
	case auth.KubernetesAuthCredentials != nil:
		id, path, err := c.pair(ctx, auth.KubernetesAuthCredentials.IdentityID, auth.KubernetesAuthCredentials.ServiceAccountTokenPath)
		if err != nil {
			return infisical.Credentials{}, err
		}
		jwt, err := tokenFile(path.Reveal(), "kubernetesAuthCredentials.serviceAccountTokenPath names", "mount a projected service-account token there, in seed's Pod as in that of External Secrets Operator")
		return infisical.KubernetesAuth(id, jwt), err
	case auth.TokenAuthCredentials != nil:
		token, err := c.input(ctx, auth.TokenAuthCredentials.AccessToken)
		return infisical.TokenAuth(token), err
	}
	return infisical.Credentials{}, failure.Blocked(errors.New("spec.provider.infisical.auth holds no login that seed knows"))
}

func (c *Claimer) pair(ctx context.Context, first, second esmeta.SecretKeySelector) (a, b secret.String, err error) {
	if a, err = c.input(ctx, first); err == nil {
		b, err = c.input(ctx, second)
	}
	return a, b, err
}

// input reads one key of the store's auth Secret. Without it seed cannot go on until somebody brings it.
func (c *Claimer) input(ctx context.Context, ref esmeta.SecretKeySelector) (secret.String, error) {
	key := types.NamespacedName{Namespace: *ref.Namespace, Name: ref.Name}
	var s corev1.Secret
	if err := c.cluster.Get(ctx, key, &s); err != nil {
		if apierrors.IsNotFound(err) {
			err = failure.Blocked(err)
		}
		return secret.String{}, fmt.Errorf("reading the identity Secret %s: %w", key, err)
	}
	if len(s.Data[ref.Key]) == 0 {
		return secret.String{}, failure.Blocked(fmt.Errorf("the identity Secret %s has no key %q: put the machine identity there", key, ref.Key))
	}
	return secret.New(string(s.Data[ref.Key])), nil
}

// forAPIServer is in the path of the token that the API server itself accepts.
const forAPIServer = "/secrets/kubernetes.io/serviceaccount/"

// tokenFile reads a projected service-account token, which the kubelet replaces from time to time. The
// token for the API server is refused: whoever runs the vault could use it against the cluster. why says what the
// file is for, and cure what to do where it is not there.
func tokenFile(path, why, cure string) (secret.String, error) {
	doing := fmt.Sprintf("reading the token file %s that %s", path, why)
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		resolved = path // opening it says why
	}
	if strings.Contains(filepath.Clean(path), forAPIServer) || strings.Contains(resolved, forAPIServer) {
		return secret.String{}, failure.Blocked(fmt.Errorf("%s: it is the token that the API server accepts, and seed sends that to nobody: mount a projected token with the vault as its audience elsewhere", doing))
	}
	file, err := os.Open(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = errors.New("no such file: " + cure)
		}
		return secret.String{}, failure.Blocked(fmt.Errorf("%s: %w", doing, err))
	}
	defer func() { _ = file.Close() }()
	token, err := io.ReadAll(io.LimitReader(file, maxToken+1))
	switch {
	case err != nil:
		return secret.String{}, failure.Blocked(fmt.Errorf("%s: %w", doing, err))
	case len(token) == 0 || len(token) > maxToken:
		return secret.String{}, failure.Blocked(fmt.Errorf("%s: it is empty, or longer than the %d bytes that Infisical takes: it must hold a token and nothing else", doing, maxToken))
	}
	return secret.New(string(token)), nil
}
