package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each format, from a file and from standard input; nothing of the private key is in any.
func TestRenderJWKS(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	private := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	secrets := "certs:\n    k8sserviceaccount:\n        key: " + base64.StdEncoding.EncodeToString(private) + "\n"
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	file := filepath.Join(t.TempDir(), "secrets.yaml")
	if err := os.WriteFile(file, []byte(secrets), 0o600); err != nil {
		t.Fatal(err)
	}
	render := func(args ...string) (stdout string) {
		args = append([]string{"render", "jwks", "--endpoint", "https://10.0.0.1:6443"}, args...)
		stdout, stderr, code := seed(t, secrets, args...)
		if code != 0 || stderr != "" {
			t.Fatalf("%q: exit %d, %s", args, code, stderr)
		}
		hidden := []string{base64.RawURLEncoding.EncodeToString(key.D.Bytes()), "PRIVATE"}
		hidden = append(hidden, strings.Split(strings.TrimSpace(string(private)), "\n")[8:16]...) // d is there
		for _, one := range hidden {
			if strings.Contains(stdout, one) {
				t.Errorf("%q shows %q of the private key", args, one)
			}
		}
		return stdout
	}
	text := render("--talos-secrets", file)
	for _, want := range []string{
		"configurationType  static\n", public, "boundIssuer        https://10.0.0.1:6443\n", "boundSubject       system:serviceaccount:seed-system:seed\n",
		"boundAudiences     (leave it empty)\n", "seed.tazlab.net/jwt-identity-id: <ID>", "issues/7462", "service-account-issuer", "issuerURL", "NTP",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the text does not say %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "%!") {
		t.Errorf("the text is badly formatted:\n%s", text)
	}
	var program map[string]string
	if err := json.Unmarshal([]byte(render("--talos-secrets", "-", "--format", "json")), &program); err != nil {
		t.Fatal(err)
	}
	if program["issuer"] != "https://10.0.0.1:6443" || program["subject"] != "system:serviceaccount:seed-system:seed" || program["publicKey"] != public ||
		program["algorithm"] != "RS256" || !strings.Contains(text, program["kid"]) || len(program) != 5 {
		t.Errorf("json: %v", program)
	}
	if got := render("--talos-secrets", file, "--format", "pem"); got != public {
		t.Errorf("pem: %q", got)
	}
	if got := render("--talos-secrets", file, "--format", "jwks"); !strings.Contains(got, `"kid": "`+program["kid"]+`"`) {
		t.Errorf("jwks: %s", got)
	}
}

func TestRenderJWKSErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stdin string
		args  []string
		code  int
		want  string
	}{
		"no bundle":   {"", []string{"--endpoint", "https://h:6443"}, 2, "talos-secrets"},
		"no endpoint": {"", []string{"--talos-secrets", "-"}, 2, "endpoint"},
		"format":      {"", []string{"--talos-secrets", "-", "--endpoint", "https://h:6443", "--format", "yaml"}, 2, "it is text, json, pem, jwks"},
		"no file":     {"", []string{"--talos-secrets", "/nonexistent", "--endpoint", "https://h:6443"}, 1, "no such file"},
		"endless":     {strings.Repeat("s3cr3t", 1<<18), []string{"--talos-secrets", "-", "--endpoint", "https://h:6443"}, 1, "more than"},
		"other file":  {"password: s3cr3t\n", []string{"--talos-secrets", "-", "--endpoint", "https://h:6443"}, 1, "it has no certs.k8sserviceaccount.key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, code := seed(t, test.stdin, append([]string{"render", "jwks"}, test.args...)...)
			if code != test.code || stdout != "" || !strings.Contains(stderr, test.want) || strings.Contains(stderr, "s3cr3t") {
				t.Errorf("exit %d, stdout %q, stderr %q; want exit %d and %q", code, stdout, stderr, test.code, test.want)
			}
		})
	}
}
