package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Nothing that is spelled wrong is taken for "there is nothing to wait for".
func TestMistakesAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		environ, args []string
		texts         []string
	}{
		"no target":                {nil, nil, []string{"no target"}},
		"an empty target":          {nil, []string{""}, []string{"it is empty"}},
		"no target but flags":      {nil, []string{"--any", "--timeout=1s"}, []string{"no target"}},
		"no target but a guard":    {nil, []string{"--fail-if=secret/a"}, []string{"no target"}},
		"an empty variable":        {[]string{"WAITFOR_TARGETS="}, nil, []string{"WAITFOR_TARGETS is empty"}},
		"a blank variable":         {[]string{"WAITFOR_TARGETS= \n\t\n"}, nil, []string{"WAITFOR_TARGETS is empty"}},
		"an empty one and targets": {[]string{"WAITFOR_TARGETS="}, []string{"secret/a"}, []string{"WAITFOR_TARGETS is empty"}},
		"a bad target":             {nil, []string{"secret/a", "secret"}, []string{`target "secret"`, "it is spelled"}},
		"a bad one in the list":    {[]string{"WAITFOR_TARGETS=secret/a\nsecrte/b"}, nil, []string{"WAITFOR_TARGETS", `"secrte/b"`, "is secret meant?"}},
		"a bad guard":              {nil, []string{"secret/a", "--fail-if", "job/x#failed"}, []string{"--fail-if", `"failed" is no check`}},
		"a password":               {nil, []string{"postgres://app:hunter2@db"}, []string{"a password in a URL"}},
		"an unknown flag":          {nil, []string{"secret/a", "--timeuot=1s"}, []string{"unknown flag: --timeuot"}},
		"kubectl's flag":           {nil, []string{"secret/a", "--for=condition=Ready"}, []string{"unknown flag: --for"}},
		"an unknown variable":      {[]string{"WAITFOR_TARGET=secret/a"}, nil, []string{"the variable WAITFOR_TARGET is none", "WAITFOR_TARGETS"}},
		"an unknown one, targets":  {[]string{"WAITFOR_TIMEUOT=1s"}, []string{"secret/a"}, []string{"the variable WAITFOR_TIMEUOT"}},
		"a variable in small":      {[]string{"WAITFOR_timeout=1s"}, []string{"secret/a"}, []string{"the variable WAITFOR_timeout"}},
		"a variable for a command": {[]string{"WAITFOR_VERSION=1"}, []string{"secret/a"}, []string{"the variable WAITFOR_VERSION"}},
		"no duration":              {[]string{"WAITFOR_TIMEOUT=soon"}, []string{"secret/a"}, []string{`WAITFOR_TIMEOUT="soon"`}},
		"an empty duration":        {[]string{"WAITFOR_TIMEOUT="}, []string{"secret/a"}, []string{`WAITFOR_TIMEOUT=""`}},
		"no unit":                  {nil, []string{"--timeout=10", "secret/a"}, []string{"--timeout", "missing unit"}},
		"a negative time":          {nil, []string{"--timeout=-1s", "secret/a"}, []string{"cannot be negative"}},
		"a negative grace":         {nil, []string{"--forbidden-grace=-1s", "secret/a"}, []string{"cannot be negative"}},
		"no bool":                  {[]string{"WAITFOR_ANY=some"}, []string{"secret/a"}, []string{`WAITFOR_ANY="some"`}},
		"no format":                {nil, []string{"--log-format=yaml", "secret/a"}, []string{"text and json"}},
		"half a Pod":               {[]string{"WAITFOR_POD_NAME=a"}, []string{"secret/a"}, []string{"--pod-name and --pod-uid"}},
		"no Pod":                   {nil, []string{"secret/a"}, []string{"KUBERNETES_SERVICE_HOST", "in a Pod"}},
		"a Secret's password":      {nil, []string{"postgres://db#password-secret=db/password"}, []string{"KUBERNETES_SERVICE_HOST"}},
		"a guard in the cluster":   {nil, []string{"tcp://127.0.0.1:1", "--fail-if=secret/a"}, []string{"KUBERNETES_SERVICE_HOST"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := newContainer(t, c.environ...).run(t, c.args...)
			got.refused(t, c.texts...)
			if strings.Contains(got.stderr, "hunter2") {
				t.Errorf("a password is shown: %s", got.stderr)
			}
		})
	}
}

// What a person runs writes no termination message, and nothing to stdout that would be applied.
func TestMistakesInRolesAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args, texts []string
	}{
		"without targets":         {[]string{"-n", "apps"}, []string{"no target"}},
		"without namespace":       {[]string{"secret/a"}, []string{"--namespace"}},
		"of a bad target":         {[]string{"-n", "apps", "secrte/a"}, []string{"is secret meant?"}},
		"of a bad guard":          {[]string{"-n", "apps", "secret/a", "--fail-if", "x"}, []string{"--fail-if"}},
		"of a singular":           {[]string{"-n", "apps", "externalsecret.external-secrets.io/a"}, []string{"in the plural"}},
		"of a scope not used":     {[]string{"-n", "apps", "--cluster-scoped=clusterissuers", "secret/a"}, []string{"--cluster-scoped clusterissuers: no target"}},
		"of a namespace too many": {[]string{"-n", "apps", "--cluster-scoped=clusterissuers.cert-manager.io", "apps/clusterissuers.cert-manager.io/a"}, []string{"leave apps/ out"}},
		"of a shared account":     {[]string{"-n", "apps", "--service-account=default", "secret/a"}, []string{"default"}},
		"of a bad namespace":      {[]string{"-n", "Apps", "secret/a"}, []string{"Apps"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := newContainer(t).run(t, append([]string{"rbac"}, c.args...)...)
			if got.code != 2 || got.stdout != "" || got.termination != "" || strings.Count(got.stderr, "\n") != 1 {
				t.Errorf("exit %d, stdout %q, termination message %q: %s", got.code, got.stdout, got.termination, got.stderr)
			}
			for _, text := range c.texts {
				if !strings.Contains(got.stderr, text) {
					t.Errorf("%q lacks %q", got.stderr, text)
				}
			}
		})
	}
}

// A Pod in which waiting cannot help says so at once.
func TestPodsThatCannotWait(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file    string
		content *string // nil: none
		texts   []string
	}{
		"no token":           {"token", nil, []string{"no ServiceAccount token is mounted", "automountServiceAccountToken: true"}},
		"an empty token":     {"token", new(" \n"), []string{"token", "is empty"}},
		"no CA":              {"ca.crt", nil, []string{"the API server's CA", "kube-root-ca.crt"}},
		"garbage for a CA":   {"ca.crt", new("garbage"), []string{"the API server's CA", "kube-root-ca.crt"}},
		"no namespace":       {"namespace", nil, []string{"the Pod's namespace", "--namespace"}},
		"an empty namespace": {"namespace", new(""), []string{"the Pod's namespace", "--namespace"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pod, volume := newPod(t)
			file := filepath.Join(volume, c.file)
			if c.content != nil {
				write(t, file, *c.content)
			} else if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			got := pod.run(t, "secret/a")
			got.refused(t, c.texts...)
		})
	}
	for _, name := range []string{"KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pod, _ := newPod(t)
			pod.environ = append(pod.environ, name+"=") // the last one counts
			pod.run(t, "secret/a").refused(t, name, "in a Pod")
		})
	}
}

// A mistake on the command line does not keep the variables from saying where it belongs.
func TestMistakesAreToldAsAskedFor(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"secret/a", "--nope"}, {"secret"}} {
		got := newContainer(t, "WAITFOR_AAA=1", "WAITFOR_LOG_FORMAT=json").run(t, args...)
		if got.code != 2 || !strings.HasPrefix(got.stderr, "{") || !strings.HasSuffix(got.stderr, "}\n") || got.termination == "" {
			t.Errorf("%q: exit %d: %s; the termination message is %q", args, got.code, got.stderr, got.termination)
		}
	}
}

// What a kubelet sets for Services whose names begin with "waitfor" is nobody's typo.
func TestServiceLinksAreIgnored(t *testing.T) {
	t.Parallel()
	address := "tcp://127.0.0.1:" + listen(t)
	got := newContainer(t, "WAITFOR_SERVICE_HOST=10.0.0.1", "WAITFOR_SERVICE_PORT=80", "WAITFOR_SERVICE_PORT_HTTP=80", "WAITFOR_PORT=tcp://10.0.0.1:80",
		"WAITFOR_PORT_80_TCP=tcp://10.0.0.1:80", "WAITFOR_PORT_80_TCP_ADDR=10.0.0.1", "WAITFOR_X_PORT=tcp://10.0.0.1:80", "WAITFOR_X_SERVICE_HOST=10.0.0.1").run(t, address)
	if got.code != 0 {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
}

func TestHelpAndVersion(t *testing.T) {
	t.Parallel()
	for command, texts := range map[string][]string{
		"--help":          {"A TARGET is", "Exit codes: 0 met", "--fail-if", "waitfor rbac"},
		"help rbac":       {"--cluster-scoped", "--service-account", "--namespace"},
		"rbac --help":     {"--cluster-scoped"},
		"--version":       {"waitfor version "},
		"completion bash": {"complete -o default -F __start_waitfor waitfor"},
		"completion zsh":  {"#compdef waitfor"},
		"completion fish": {"complete -c waitfor"},
		"__complete rb":   {"rbac\tPrint the least"},
	} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			got := newContainer(t).run(t, strings.Fields(command)...)
			if got.code != 0 || got.termination != "" {
				t.Errorf("exit %d, termination message %q: %s", got.code, got.termination, got.stderr)
			}
			for _, text := range texts {
				if !strings.Contains(got.stdout, text) {
					t.Errorf("stdout lacks %q:\n%s", text, got.stdout)
				}
			}
			for line := range strings.Lines(got.stdout) {
				if strings.HasSuffix(command, "help") && len(line) > 101 {
					t.Errorf("a line is longer than 100 columns: %s", line)
				}
			}
		})
	}
}

func TestRolesGoToStdoutAlone(t *testing.T) {
	t.Parallel()
	got := newContainer(t, "WAITFOR_TIMEOUT=1s").run(t, "rbac", "-n", "apps", "--events", "secret/a", "tcp://db:1", "postgres://db#password-secret=b/password", "--fail-if=job/c#complete")
	if got.code != 0 || got.stderr != "" || got.termination != "" {
		t.Errorf("exit %d, termination message %q: %s", got.code, got.termination, got.stderr)
	}
	for _, text := range []string{"kind: ServiceAccount", "kind: Role\n", "kind: RoleBinding", "- a\n", "- b\n", "- c\n", "- events\n", "# job/c#complete"} {
		if !strings.Contains(got.stdout, text) {
			t.Errorf("stdout lacks %q:\n%s", text, got.stdout)
		}
	}
}
