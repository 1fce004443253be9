package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/tazlab/seed/internal/bundle"
)

// TestMain lets the test binary be seed itself, so that tests go through the command line.
func TestMain(m *testing.M) {
	if os.Getenv("BE_SEED") == "1" {
		os.Exit(execute(context.Background(), os.Args[1:]))
	}
	os.Exit(m.Run())
}

// seed runs the command and returns what it printed and its exit code.
func seed(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return seedWith(t, nil, stdin, args...)
}

// seedWith is seed with more variables.
func seedWith(t *testing.T, env []string, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs strings.Builder
	command := exec.CommandContext(t.Context(), os.Args[0], args...)
	command.Env = append(os.Environ(), "BE_SEED=1", "SEED_IDENTITY_FILE=", "SEED_IDENTITY_DIR=", "KUBECONFIG="+filepath.Join(t.TempDir(), "none"))
	command.Env = append(command.Env, env...)
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(stdin), &out, &errs
	err := command.Run()
	if command.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), command.ProcessState.ExitCode()
}

const identity = "# the machine identity\nclientId=abc\nclientSecret=s3cr3t=with=equals\n"

// The tree of this repository itself, as the castle renders it.
func TestRenderManifests(t *testing.T) {
	t.Parallel()
	stdout, stderr, code := seed(t, identity, "render", "manifests", "--tree", "../..", "--cluster", "clusters/tazlab", "--identity-file", "-", "--image", "ghcr.io/tazlab/seed:v1")
	if code != 0 || stderr != "" {
		t.Fatalf("exit %d, %s", code, stderr)
	}
	var kinds []string
	for doc := range strings.SplitSeq(stdout, "\n---\n") {
		var object corev1.Secret // any kind: only the metadata is looked at
		if err := yaml.Unmarshal([]byte(doc), &object); err != nil {
			continue
		}
		kinds = append(kinds, object.Kind)
	}
	if got := strings.Join(kinds, " "); !strings.HasPrefix(got, "Namespace ServiceAccount") {
		t.Errorf("kinds %q, want the Namespace first", got)
	}
	docs := strings.Split("\n"+stdout, "\n---\n")
	for kind, want := range map[string]string{
		"Namespace": "pod-security.kubernetes.io/enforce: privileged", "Secret": "clientSecret: s3cr3t=with=equals",
		"ClusterRoleBinding": "name: cluster-admin", "ConfigMap": "bundle.yaml: |", "Job": "image: ghcr.io/tazlab/seed:v1",
	} {
		found := false
		for _, doc := range docs {
			found = found || strings.Contains("\n"+doc+"\n", "\nkind: "+kind+"\n") && strings.Contains(doc, want)
		}
		if !found {
			t.Errorf("no %s with %q in the manifest", kind, want)
		}
	}
	if strings.Contains(stdout, "${") {
		t.Error("a variable was not substituted: the bundle must be cut out of the built tree")
	}
}

// A typo in the set would let go of nothing, and say that it did.
func TestRunRefusesWhatIsNoSet(t *testing.T) {
	t.Parallel()
	for _, no := range []string{"seed", "123456789", "12345678901", "ABCDEF1234"} {
		if _, stderr, code := seed(t, "", "run", "--set", no, "--config-dir", t.TempDir()); code != exitUsage || !strings.Contains(stderr, "--set: ") {
			t.Errorf("--set %s: exit %d, %s", no, code, stderr)
		}
	}
}

// What nobody could wait for is told before the birth, by whoever reads the flag first.
func TestGoalAndDeadline(t *testing.T) {
	t.Parallel()
	render := []string{"render", "manifests", "--tree", "../..", "--cluster", "clusters/tazlab", "--identity-file", "-", "--image", "i"}
	for _, test := range []struct {
		command []string
		flag    string
		code    int
		want    string
	}{
		{[]string{"run"}, "--until=apps", exitUsage, "no KIND/NAME"},
		{[]string{"run"}, "--until=pod/web", exitUsage, `cannot wait for the kind "pod"`},
		{[]string{"run"}, "--deadline=-1m", exitUsage, "no time that can pass"},
		{render, "--until=apps", exitUsage, "no KIND/NAME"},
		{render, "--deadline=-1m", exitFailed, "must be a time to come"},
	} {
		if _, stderr, code := seed(t, identity, append(test.command, test.flag)...); code != test.code || !strings.Contains(stderr, test.want) {
			t.Errorf("%s %s: exit %d, %s", test.command[0], test.flag, code, stderr)
		}
	}
	stdout, stderr, code := seed(t, identity, append(render, "--until", "ks/apps-static", "--until", "hr/apps/blog", "--deadline", "90m")...)
	for _, want := range []string{"- --until=kustomization/apps-static\n", "- --until=helmrelease/apps/blog\n", "- --deadline=1h30m0s\n"} {
		if code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("exit %d, no %q in the Job: %s", code, want, stderr)
		}
	}
}

func TestRenderErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stdin string
		args  []string
		code  int
		want  string
	}{
		"unknown flag":      {"", []string{"--clutser", "x"}, exitUsage, "unknown flag: --clutser"},
		"no cluster":        {"", nil, exitUsage, `required flag(s) "cluster" not set`},
		"missing folder":    {identity, []string{"--cluster", "clusters/home"}, exitFailed, "no such folder"},
		"folder of no root": {identity, []string{"--cluster", "apps/base/blog"}, exitFailed, "holds no Kustomization whose spec.path is ./apps/base/blog"},
		"half identity":     {"clientId=abc\n", []string{"--cluster", "clusters/tazlab"}, exitFailed, "the identity has no clientSecret"},
		"foreign identity":  {identity + "password=x\n", []string{"--cluster", "clusters/tazlab"}, exitFailed, "a key that nothing reads from the Secret flux-system/infisical-identity; keys that are read: clientId, clientSecret"},
		"wrapped secret":    {"clientId=abc\nclientSecret=abc\ns3cr3t==\n", []string{"--cluster", "clusters/tazlab"}, exitFailed, "a key that nothing reads from the Secret flux-system/infisical-identity"},
		"no pair":           {"s3cr3t\n", []string{"--cluster", "clusters/tazlab"}, exitFailed, "line 1 is not KEY=VALUE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, code := seed(t, test.stdin, append([]string{"render", "manifests", "--tree", "../..", "--identity-file", "-", "--image", "i"}, test.args...)...)
			if code != test.code || !strings.Contains(stderr, test.want) || stdout != "" {
				t.Errorf("exit %d, stdout %q, stderr %q; want exit %d and %q", code, stdout, stderr, test.code, test.want)
			}
			if strings.Contains(stderr, "s3cr3t") {
				t.Errorf("the error shows the secret: %s", stderr)
			}
		})
	}
}

// An invalid bundle is told apart by its exit code, before anything is asked of a cluster: there is none.
func TestRunRefusesAnInvalidBundle(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	termination := filepath.Join(dir, "termination")
	if err := os.WriteFile(termination, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	bad := "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system, namespace: flux-system}\nspec: {intervall: 1m}\n"
	if err := os.WriteFile(filepath.Join(dir, "bundle.yaml"), []byte(bad), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stderr, code := seed(t, "", "run", "--config-dir", dir, "--work-dir", dir, "--termination-log", termination)
	message, err := os.ReadFile(termination)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{stderr, string(message)} {
		if !strings.Contains(text, "GitRepository flux-system/flux-system") || !strings.Contains(text, "spec.intervall") {
			t.Errorf("%q does not name the object and the field", text)
		}
	}
	if code != 3 {
		t.Errorf("exit %d, want 3", code)
	}
}

// What render makes, run reads: the bundle in the rendered ConfigMap is a valid one.
func TestRenderedBundleIsValid(t *testing.T) {
	t.Parallel()
	data, planted, err := cutBundle(t.Context(), "../..", "clusters/castle", os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(planted) != 2 || planted[1].Secret.Name != "registry-ca" {
		t.Errorf("claims of planted units: %v, want the login's and registry-ca", planted)
	}
	if len(b.Claims) != 2 || b.Root.Spec.Path != "./clusters/castle" {
		t.Errorf("%d claims, root path %s", len(b.Claims), b.Root.Spec.Path)
	}
}
