package tree_test

import (
	"bytes"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// credentials are texts that only a credential looks like.
var credentials = map[string]*regexp.Regexp{
	"a private key":            regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}`),
	"a GitHub token":           regexp.MustCompile(`\b(gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{40,})`),
	"a GitLab token":           regexp.MustCompile(`\bgl[a-z]{2,5}-[A-Za-z0-9_-]{20,}\b`),
	"an AWS key":               regexp.MustCompile(`\b(AKIA|ASIA)[0-9A-Z]{16}\b`),
	"a Slack token":            regexp.MustCompile(`\bxox[abprs]-[0-9A-Za-z-]{20,}`),
	"an Infisical token":       regexp.MustCompile(`\bst\.[a-f0-9-]{20,}\.[a-f0-9]{20,}`),
	"a JSON Web Token":         regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{15,}`),
	"an age key":               regexp.MustCompile(`AGE-SECRET-KEY-1[0-9A-Z]{50,}`),
	"a value that is SOPS'":    regexp.MustCompile(`ENC\[AES256_GCM,data:[A-Za-z0-9+/=]{20,}`),
	"a URL with a password":    regexp.MustCompile(`\b(https?|postgres(ql)?)://[A-Za-z0-9._-]+:[A-Za-z0-9+/=_-]{16,}@`),
	"the text of a kubeconfig": regexp.MustCompile(`client-key-data: [A-Za-z0-9+/=]{40,}`),
}

// inTree are the folders whose files Flux applies: there is no Secret in them at all.
var inTree = regexp.MustCompile(`^(clusters|infrastructure|apps|charts)/`)

func TestNoSecretInTheRepository(t *testing.T) {
	t.Parallel()
	command := exec.CommandContext(t.Context(), "git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	command.Dir = root
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for file := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		content, err := readIfThere(file)
		if err != nil {
			continue // removed, and not committed yet
		}
		seen++
		for _, found := range scan(file, content) {
			t.Errorf("%s holds %s", file, found)
		}
	}
	if seen < 100 {
		t.Errorf("only %d files were looked at", seen)
	}
}

// scan names what in a file is, or looks like, a credential.
func scan(file, content string) []string {
	var found []string
	for what, pattern := range credentials {
		if pattern.MatchString(content) {
			found = append(found, what)
		}
	}
	if !inTree.MatchString(file) || !strings.HasSuffix(file, ".yaml") || strings.Contains(file, "/templates/") {
		return found
	}
	for document := range bytes.SplitSeq([]byte(content), []byte("\n---\n")) {
		var object struct {
			Kind             string
			Data, StringData map[string]any
			SOPS             any
		}
		if err := yaml.Unmarshal(document, &object); err != nil {
			found = append(found, "what cannot be read: "+err.Error())
		}
		if object.Kind == "Secret" && len(object.Data)+len(object.StringData) > 0 {
			found = append(found, "a Secret")
		}
		if object.SOPS != nil {
			found = append(found, "a file that SOPS encrypted")
		}
	}
	return found
}

// The scan finds each kind of what it looks for. The examples are put together here, so that no file holds one.
func TestTheScanFinds(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("A1b2", 15)
	for what, text := range map[string]string{
		"a private key":              "-----BEGIN RSA " + "PRIVATE KEY-----\n" + long,
		"a GitHub token":             "token: ghp" + "_" + long[:36],
		"a GitLab token":             "token: glpat" + "-" + long[:20],
		"an AWS key":                 "AKIA" + strings.Repeat("A", 16),
		"a Slack token":              "xoxb" + "-" + long[:24],
		"an Infisical token":         "st" + ".0123456789abcdef0123." + "0123456789abcdef0123",
		"a JSON Web Token":           "eyJ" + long[:20] + ".eyJ" + long[:20] + "." + long[:20],
		"an age key":                 "AGE-SECRET-KEY" + "-1" + strings.Repeat("Q", 58),
		"a value that is SOPS'":      "ENC[AES256_GCM" + ",data:" + long,
		"a URL with a password":      "https://git:" + long[:20] + "@example.com",
		"the text of a kubeconfig":   "client-key-data" + ": " + long,
		"a Secret":                   "kind: Secret\ndata: {a: Yg==}",
		"a file that SOPS encrypted": "kind: ConfigMap\nsops: {mac: x}",
	} {
		file := "some/file.txt"
		if strings.Contains(text, "kind:") {
			file = "clusters/some/file.yaml"
		}
		if found := scan(file, text); len(found) != 1 || found[0] != what {
			t.Errorf("%s: found %v", what, found)
		}
	}
}
