package main

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// What cannot be meant is told before anything is asked of a cluster.
func TestFollowUsage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"an argument":               {[]string{"main"}, "unknown command"},
		"a root without namespace":  {[]string{"--root", "main"}, `--root "main"`},
		"a root with a kind":        {[]string{"--root", "ks/flux-system/main"}, `--root "ks/flux-system/main"`},
		"a goal without kind":       {[]string{"--until", "apps"}, `--until "apps"`},
		"a kind it cannot wait for": {[]string{"--until", "pod/x"}, `"pod"`},
		"a deadline in the past":    {[]string{"--deadline", "-1s"}, "--deadline -1s"},
		"an end for a watch":        {[]string{"--watch", "--until", "ks/a"}, "[until watch]"},
		"a report of a watch":       {[]string{"--watch", "--output-file", "x"}, "[output-file watch]"},
		"an address for nobody":     {[]string{"--metrics-addr", ":1"}, "--metrics-addr is for --watch only"},
		"an election of nobody":     {[]string{"--enable-leader-election"}, "--enable-leader-election is for --watch only"},
		"no such encoding":          {[]string{"--watch", "--log-encoding", "xml"}, "--log-encoding xml"},
		"no such level":             {[]string{"--watch", "--log-level", "warn"}, "--log-level warn"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, code := seed(t, "", append([]string{"follow"}, c.args...)...)
			if code != exitUsage || stdout != "" || !strings.Contains(stderr, c.want) {
				t.Errorf("exit %d, %s%s, want %d and %s", code, stdout, stderr, exitUsage, c.want)
			}
		})
	}
}

func TestFollowWithoutACluster(t *testing.T) {
	t.Parallel()
	if _, stderr, code := seed(t, "", "follow"); code != exitFailed || !strings.Contains(stderr, "KUBECONFIG") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

func TestFollowCompletion(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--until ":                "kustomization/",
		"--watch --log-level ":    "trace",
		"--watch --log-encod":     "--log-encoding",
		"--watch --log-encoding ": "json",
	} {
		words := append([]string{"__complete", "follow"}, strings.Split(args, " ")...)
		if stdout, _, _ := seed(t, "", words...); !strings.Contains(stdout, want) {
			t.Errorf("%s: %s", args, stdout)
		}
	}
}

// The document names each flag.
func TestFollowIsDocumented(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/follow.md")
	if err != nil {
		t.Fatal(err)
	}
	followCommand().Flags().VisitAll(func(flag *pflag.Flag) {
		if !strings.Contains(string(document), "`--"+flag.Name) {
			t.Errorf("docs/follow.md lacks --%s", flag.Name)
		}
	})
}
