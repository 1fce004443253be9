// Package beside runs what stands beside the node in the same network: the vault stand-in, the Git server
// and the registry.
package beside

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/tazlab/seed/castle/internal/artifacts"
	"github.com/tazlab/seed/castle/internal/gitserver"
	"github.com/tazlab/seed/castle/internal/images"
	"github.com/tazlab/seed/castle/internal/node"
	"github.com/tazlab/seed/castle/internal/registry"
	"github.com/tazlab/seed/castle/internal/vaultstandin"
)

// Project, Environment and Repository are the names under which the tree looks for things.
const (
	Project     = "homelab"
	Environment = "prod"
	Repository  = "seed.git"
)

// Config is what the services need to know; it holds the castle's throw-away credentials.
type Config struct {
	// Dir is where the services keep their data.
	Dir string `json:"dir"`
	// ClientID and ClientSecret are the machine identity that the vault knows, GitToken what it hides.
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret"`
	GitToken     string `json:"gitToken"`
	// JWT is how the vault knows seed's tokens, of the identity JWTIdentityID; nil: it knows none.
	JWT *Tokens `json:"jwt,omitempty"`
	// Images and Artifacts are put into the registry before it answers.
	Images    []Image    `json:"images"`
	Artifacts []Artifact `json:"artifacts"`
}

// JWTIdentityID is the ID of seed's identity in the vault; cluster-vars of clusters/castle has it too.
const JWTIdentityID = "5eed0000-0000-4000-8000-00000ca571e0"

// Tokens are ServiceAccount tokens of a cluster: what "seed render jwks --format json" says of them.
type Tokens struct {
	Issuer    string `json:"issuer"`
	Subject   string `json:"subject"`
	PublicKey string `json:"publicKey"` // PEM
}

// Image is an image to serve, made from a binary.
type Image struct {
	Spec   images.Spec `json:"spec"`
	Binary string      `json:"binary"`
	Cache  string      `json:"cache"`
}

// Artifact is an OCI artifact to serve under Repository:Tag.
type Artifact struct {
	artifacts.Artifact
	Repository string `json:"repository"` // with tag
}

// NewConfig makes a Config with fresh credentials.
func NewConfig(dir string) Config {
	return Config{Dir: dir, ClientID: rand.Text(), ClientSecret: rand.Text(), GitToken: newGitToken()}
}

// GitDir is the bare repository that the Git server serves as /seed.git.
func (c Config) GitDir() string { return filepath.Join(c.Dir, "git", Repository) }

// RotateGitToken gives the Git server another token and puts it into the vault, while both run: the old one is refused
// from the next request on.
func (c *Config) RotateGitToken() error {
	c.GitToken = newGitToken()
	if err := c.Save(); err != nil {
		return fmt.Errorf("rotate the Git token: %w", err)
	}
	return nil
}

func newGitToken() string { return "ghp_" + rand.Text() }

// Save writes the configuration where Load finds it, readable by its owner only. Who loads it meanwhile gets the old one.
func (c Config) Save() error {
	data, err := json.Marshal(c) //nolint:gosec // the secret is there to be read back; mode 0600 below
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return err
	}
	file := filepath.Join(c.Dir, "config.json")
	if err := os.WriteFile(file+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// Load reads what Save wrote.
func Load(dir string) (Config, error) {
	var c Config
	data, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		return c, fmt.Errorf("read the services' configuration: %w", err)
	}
	return c, json.Unmarshal(data, &c)
}

// Services makes the services and fills the registry. Their access logs are nodeDir's vault-access.log,
// git-access.log and registry-access.log.
func (c Config) Services(ctx context.Context, nodeDir string) ([]node.Service, error) {
	vault, err := c.vault(nodeDir)
	if err != nil {
		return nil, fmt.Errorf("make the vault stand-in: %w", err)
	}
	gitLog, err := accessLog(nodeDir, "git")
	if err != nil {
		return nil, err
	}
	git, err := gitserver.New(ctx, gitserver.Options{Root: filepath.Dir(c.GitDir()), Token: c.GitToken, AccessLog: gitLog})
	if err != nil {
		return nil, fmt.Errorf("make the Git server: %w", err)
	}
	oci, err := c.registry(ctx, nodeDir)
	if err != nil {
		return nil, fmt.Errorf("make the registry: %w", err)
	}
	return []node.Service{
		{Name: "vault", Addr: node.ServicesIP + ":443", Handler: vault, TLS: true},
		{Name: "git", Addr: node.ServicesIP + ":8443", Handler: c.fresh(git.SetToken, git), TLS: true},
		{Name: "registry", Addr: node.MirrorAddr, Handler: oci, TLS: true},
	}, nil
}

func (c Config) vault(nodeDir string) (http.Handler, error) {
	ca, err := os.ReadFile(node.CAFile(nodeDir))
	if err != nil {
		return nil, err
	}
	out, err := accessLog(nodeDir, "vault")
	if err != nil {
		return nil, err
	}
	vault, err := vaultstandin.New(vaultstandin.Options{
		Project: Project, Environment: Environment, Log: out,
		Identities: c.identities(),
		Secrets: map[string]map[string]string{"/": {
			"GITHUB_TOKEN": c.GitToken, "PRIVATE_CA": string(ca),
			"ESO_CLIENT_ID": c.ClientID, "ESO_CLIENT_SECRET": c.ClientSecret,
			"DATABASE_S3_KEY": "castle", "DATABASE_S3_KEY_SECRET": rand.Text(), // of a bucket that nobody asks for
		}},
	})
	if err != nil {
		return nil, err
	}
	set := func(token string) error {
		vault.SetSecret("/", "GITHUB_TOKEN", token)
		return nil
	}
	return c.fresh(set, vault), nil
}

// identities are External Secrets Operator's, which is seed's too where a tree has no other, and seed's own.
func (c Config) identities() []vaultstandin.Identity {
	all := []vaultstandin.Identity{{Name: "castle", ClientID: c.ClientID, ClientSecret: c.ClientSecret}}
	if c.JWT != nil {
		all = append(all, vaultstandin.Identity{Name: "seed", ID: JWTIdentityID, JWT: &vaultstandin.JWTAuth{
			PublicKeys: []string{c.JWT.PublicKey}, BoundIssuer: c.JWT.Issuer, BoundSubject: c.JWT.Subject,
		}})
	}
	return all
}

// registry fills the registry through its own API, without a network.
func (c Config) registry(ctx context.Context, nodeDir string) (http.Handler, error) {
	out, err := accessLog(nodeDir, "registry")
	if err != nil {
		return nil, err
	}
	handler, err := registry.New(filepath.Join(c.Dir, "registry"), out)
	if err != nil {
		return nil, err
	}
	const host = "registry.castle.internal:5000"
	for _, i := range c.Images {
		image, err := images.Binary(i.Spec, i.Binary, i.Cache)
		if err == nil {
			err = images.Push(ctx, i.Spec.Name, image, host, direct{handler})
		}
		if err != nil {
			return nil, fmt.Errorf("push %s: %w", i.Spec.Name, err)
		}
	}
	for _, a := range c.Artifacts {
		if _, err := artifacts.Push(ctx, a.Artifact, "oci://"+host+"/"+a.Repository, direct{handler}); err != nil {
			return nil, err
		}
	}
	return handler, nil
}

func accessLog(nodeDir, name string) (io.Writer, error) {
	path := node.Logs(nodeDir, name+"-access")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the access log of %s: %w", name, err)
	}
	return file, nil
}
