package fetch_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/tazlab/seed/internal/fetch"
)

func signer(t *testing.T, key any) ssh.Signer {
	t.Helper()
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newEd25519(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// identity is a private key as the Secret holds it.
func identity(t *testing.T, key any, passphrase string) string {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(key, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
}

// ssh starts an SSH server that runs git upload-pack for who logs in as user with the key.
func (r *repo) ssh(user string, authorized ssh.PublicKey, hostKeys ...ssh.Signer) string {
	r.t.Helper()
	config := &ssh.ServerConfig{PublicKeyCallback: func(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if c.User() != user || string(key.Marshal()) != string(authorized.Marshal()) {
			return nil, errors.New("who are you?")
		}
		return nil, nil
	}}
	for _, key := range hostKeys {
		config.AddHostKey(key)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go r.session(connection, config)
		}
	}()
	return listener.Addr().String()
}

func (r *repo) session(connection net.Conn, config *ssh.ServerConfig) {
	defer connection.Close()
	_, channels, requests, err := ssh.NewServerConn(connection, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		channel, requests, err := offered.Accept()
		if err != nil {
			return
		}
		go func() {
			for request := range requests {
				_ = request.Reply(request.Type == "exec", nil)
				if request.Type == "exec" {
					r.uploadPack(channel, request.Payload)
				}
			}
		}()
	}
}

func (r *repo) uploadPack(channel ssh.Channel, payload []byte) {
	defer channel.Close()
	var run struct{ Command string }
	_ = ssh.Unmarshal(payload, &run) // no command is an unknown command
	path, ok := strings.CutPrefix(run.Command, "git-upload-pack '/")
	if !ok {
		return
	}
	command := exec.Command("git", "upload-pack", filepath.Join(r.root, filepath.Clean("/"+strings.TrimSuffix(path, "'"))))
	command.Env, command.Stdout, command.Stderr = isolated(), channel, channel.Stderr()
	stdin, err := command.StdinPipe()
	if err != nil || command.Start() != nil {
		return
	}
	go func() { _, _ = io.Copy(stdin, channel); stdin.Close() }()
	status := struct{ Status uint32 }{}
	if command.Wait() != nil {
		status.Status = 128
	}
	_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(status))
}

func TestGitOverSSH(t *testing.T) {
	t.Parallel()
	r, _ := history(t)
	mine := newEd25519(t)
	private := identity(t, mine, "")
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ed, rs, ec := signer(t, newEd25519(t)), signer(t, rsaKey), signer(t, ecKey)
	host := r.ssh("git", signer(t, mine).PublicKey(), ed, rs, ec)
	deploy := r.ssh("deploy", signer(t, mine).PublicKey(), ed)
	line := func(host string, keys ...ssh.Signer) string {
		var lines []string
		for _, key := range keys {
			lines = append(lines, knownhosts.Line([]string{host}, key.PublicKey()))
		}
		return strings.Join(lines, "\n") + "\n"
	}
	for name, test := range map[string]struct{ url, identity, passphrase, known string }{
		"all keys known":      {"ssh://git@" + host, private, "", line(host, rs, ed, ec)},
		"RSA alone":           {"ssh://git@" + host, private, "", line(host, rs)},
		"ECDSA alone":         {"ssh://git@" + host, private, "", line(host, ec)},
		"among other hosts":   {"ssh://git@" + host, private, "", "# a comment\n" + line("github.com", signer(t, newEd25519(t))) + line(host, ed)},
		"default user":        {"ssh://" + host, private, "", line(host, ed)},
		"other user":          {"ssh://deploy@" + deploy, private, "", line(deploy, ed)},
		"encrypted":           {"ssh://git@" + host, identity(t, mine, password), password, line(host, ed)},
		"needless passphrase": {"ssh://git@" + host, private, password, line(host, ed)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := map[string]string{"identity": test.identity, "known_hosts": test.known}
			if test.passphrase != "" {
				data["password"] = test.passphrase
			}
			result, files := get(t, gitSource(test.url+"/tree.git", ref(sourcev1.GitRepositoryRef{Tag: "v1.0.0"}), login), secrets{"login": data})
			if !slices.Equal(files, []string{"f=first"}) || !strings.HasPrefix(result.Revision, "v1.0.0@sha1:") {
				t.Errorf("revision %s, files %q", result.Revision, files)
			}
		})
	}
	for name, test := range map[string]struct {
		url     string
		login   map[string]string
		blocked bool
		want    string
	}{
		"another host key": {"ssh://git@" + host, map[string]string{"identity": private, "known_hosts": line(host, signer(t, newEd25519(t)))}, true, "another host key than known_hosts"},
		"unknown host":     {"ssh://git@" + host, map[string]string{"identity": private, "known_hosts": line("github.com", ed)}, true, "has no key for this host"},
		"unknown type":     {"ssh://git@" + deploy, map[string]string{"identity": private, "known_hosts": line(deploy, rs)}, true, "has no key of a type that the server has"},
		"unknown identity": {"ssh://git@" + host, map[string]string{"identity": identity(t, newEd25519(t), ""), "known_hosts": line(host, ed)}, true, "as a deploy key"},
		"encrypted":        {"ssh://git@" + host, map[string]string{"identity": identity(t, mine, password), "known_hosts": line(host, ed)}, true, "is encrypted, and it has no key password"},
		"wrong passphrase": {"ssh://git@" + host, map[string]string{"identity": identity(t, mine, password), "known_hosts": line(host, ed), "password": password + "!"}, true, "its key identity, with password as the passphrase"},
		"no identity":      {"ssh://git@" + host, map[string]string{"known_hosts": line(host, ed)}, true, "'identity' is required"},
		"no known_hosts":   {"ssh://git@" + host, map[string]string{"identity": private}, true, "'known_hosts' is required"},
		"bad known_hosts":  {"ssh://git@" + host, map[string]string{"identity": private, "known_hosts": "github.com ssh-ed25519 ?\n"}, true, "its key known_hosts"},
		"no such file":     {"ssh://git@" + host + "/no", map[string]string{"identity": private, "known_hosts": line(host, ed)}, true, "check spec.url"},
		"nobody listens":   {"ssh://git@127.0.0.1:1", map[string]string{"identity": private, "known_hosts": line(host, ed)}, false, "nobody listens at this address"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fails(t, gitSource(test.url+"/tree.git", login), secrets{"login": test.login}, test.blocked, test.want)
		})
	}
	t.Run("no answer", func(t *testing.T) {
		t.Parallel()
		unanswered(t, "ssh://git@", secrets{"login": {"identity": private, "known_hosts": line(host, ed)}})
	})
	t.Run("no Secret", func(t *testing.T) {
		t.Parallel()
		fails(t, gitSource("ssh://git@"+host+"/tree.git"), nil, true, "spec.secretRef is not set: invalid 'ssh' auth option: 'identity' is required")
	})
}

// The end of the caller's context ends what waits, also where the library does not look at it.
func TestAnEndedContextEndsTheFetch(t *testing.T) {
	t.Parallel()
	_, err := fetch.Source(ended(t), gitSource("ssh://git@"+silentServer(t).address+"/tree.git", login),
		secrets{"login": {"identity": identity(t, newEd25519(t), ""), "known_hosts": knownhosts.Line([]string{"x"}, signer(t, newEd25519(t)).PublicKey())}}.read, nil, t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "context canceled") {
		t.Errorf("error %v, want context canceled", err)
	}
}
