package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// maxPatch is what the patch may weigh, in bytes: with Talos' own config it has to fit into the user data of every cloud.
const maxPatch = 12_000

// realistic has the lengths of Infisical's client ID and secret.
const realistic = "clientId=0f5b2c4e-7a51-4c1e-9d5e-2b8f0c6a7d31\nclientSecret=8d4c2f7b1e6a90d35c8b7a4f2e1d0c9b8a7f6e5d4c3b2a190817263544536271\n"

// machinePatch is what Talos reads of the patch of either generation.
type machinePatch struct {
	Cluster struct {
		InlineManifests []struct{ Name, Contents string }
	}
	APIVersion, Kind, Name, Manifest string
}

func TestRenderTalos(t *testing.T) {
	t.Parallel()
	plain := map[string]string{}
	// The store of clusters/castle knows seed by its own token: nothing is carried.
	for cluster, identity := range map[string][]string{"clusters/tazlab": {"--identity-file", "-"}, "clusters/castle": nil} {
		for _, version := range []string{"", "1.6", "v1.13.9", "1.14", "1.14.0-rc.1"} {
			args := []string{"render", "talos", "--tree", "../..", "--cluster", cluster, "--image", "ghcr.io/tazlab/seed:v0.1.0"}
			args = append(args, identity...)
			if version != "" {
				args = append(args, "--talos-version", version)
			}
			stdout, stderr, code := seed(t, realistic, args...)
			if code != 0 || stderr != "" {
				t.Fatalf("%s, %s: exit %d: %s", cluster, version, code, stderr)
			}
			t.Logf("%s for Talos %q: %d bytes", cluster, version, len(stdout))
			if len(stdout) > maxPatch {
				t.Errorf("%s, %s: the patch has %d bytes, it may have %d", cluster, version, len(stdout), maxPatch)
			}
			var patch machinePatch
			if err := yaml.UnmarshalStrict([]byte(stdout), &patch); err != nil {
				t.Fatal(err)
			}
			contents, before := patch.Manifest, patch.Cluster.InlineManifests
			if strings.Contains(version, "1.14") {
				if patch.APIVersion != "v1alpha1" || patch.Kind != "KubeInlineManifestConfig" || patch.Name != "seed" || len(before) > 0 {
					t.Errorf("%s: %s %s %s, %d before 1.14", version, patch.APIVersion, patch.Kind, patch.Name, len(before))
				}
			} else if len(before) != 1 || before[0].Name != "seed" || contents != "" {
				t.Errorf("%s: %d inline manifests, kind %q", version, len(before), patch.Kind)
			} else {
				contents = before[0].Contents
			}
			if first, ok := plain[cluster]; ok && first != contents {
				t.Errorf("%s: the objects of %s are not those of the other versions", cluster, version)
			}
			plain[cluster] = contents
		}
	}
	wantJob(t, plain["clusters/tazlab"])
}

// wantJob looks for what a Job needs on a newborn control plane.
func wantJob(t *testing.T, manifest string) {
	t.Helper()
	var job batchv1.Job
	if err := yaml.UnmarshalStrict([]byte(manifest[strings.LastIndex(manifest, "---\n")+4:]), &job); err != nil {
		t.Fatal(err)
	}
	pod := job.Spec.Template.Spec
	if !pod.HostNetwork || pod.DNSPolicy != corev1.DNSDefault || pod.Tolerations[0].Operator != corev1.TolerationOpExists {
		t.Error("the Pod needs the host network, the node's DNS and every toleration")
	}
	container := pod.Containers[0]
	if !*pod.SecurityContext.RunAsNonRoot || !*container.SecurityContext.ReadOnlyRootFilesystem {
		t.Error("the Pod must be non-root with a read-only root")
	}
	for _, volume := range pod.Volumes {
		if volume.EmptyDir != nil && volume.EmptyDir.Medium != corev1.StorageMediumMemory {
			t.Errorf("volume %s is on a disk", volume.Name)
		}
	}
	if container.Env[0].Value != "127.0.0.1" || container.Env[1].Value != "7445" {
		t.Errorf("env %v, want KubePrism", container.Env)
	}
}

// Elsewhere than on Talos the Job goes by the cluster's Service, or as it is told.
func TestRenderManifestsElsewhere(t *testing.T) {
	t.Parallel()
	args := []string{"render", "manifests", "--tree", "../..", "--cluster", "clusters/tazlab", "--identity-file", "-", "--image", "i"}
	stdout, stderr, code := seed(t, realistic, args...)
	if code != 0 || strings.Contains(stdout, "KUBERNETES_SERVICE") || !strings.Contains(stdout, "preferredDuringScheduling") {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	stdout, stderr, code = seed(t, realistic, append(args, "--api-server", "[fd00::1]:6443")...)
	if code != 0 || !strings.Contains(stdout, "value: fd00::1\n") || !strings.Contains(stdout, `value: "6443"`) {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
}

func TestRenderTalosErrors(t *testing.T) {
	t.Parallel()
	config := func(content string) string {
		return filepath.Join(files(t, t.TempDir(), map[string]string{"c.yaml": content}), "c.yaml")
	}
	for name, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no version":       {[]string{"--talos-version", "latest"}, exitUsage, `"latest" is no version of Talos`},
		"old":              {[]string{"--talos-version", "1.5"}, exitUsage, "too old"},
		"unknown":          {[]string{"--talos-version", "1.15"}, exitUsage, "newer than what this seed knows"},
		"no config":        {[]string{"--config", "/nonexistent/c.yaml"}, exitFailed, "reading the machine config: open /nonexistent/c.yaml"},
		"empty config":     {[]string{"--config", config("")}, exitFailed, "is empty"},
		"worker":           {[]string{"--config", config("machine: {type: worker, token: s3cr3t, features: {kubePrism: {enabled: true}}}\n")}, exitFailed, "on control planes only"},
		"API server":       {[]string{"--api-server", "x:1"}, exitUsage, "unknown flag: --api-server"},
		"no output folder": {[]string{"--output", "/nonexistent/seed.yaml"}, exitFailed, "writing /nonexistent/seed.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, code := seed(t, realistic, append([]string{"render", "talos", "--tree", "../..", "--cluster", "clusters/tazlab", "--image", "i", "--identity-file", "-"}, test.args...)...)
			if code != test.code || stdout != "" || !strings.Contains(stderr, test.want) || strings.Contains(stderr, "s3cr3t") {
				t.Errorf("exit %d, stdout %q, stderr %q; want exit %d and %q", code, stdout, stderr, test.code, test.want)
			}
		})
	}
}

// The same patch, as a file: only its owner reads it, and nothing is left beside it.
func TestRenderOutput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "seed.yaml")
	if err := os.WriteFile(file, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	args := []string{"render", "talos", "--tree", "../..", "--cluster", "clusters/tazlab", "--image", "i", "--identity-file", "-"}
	if stdout, stderr, code := seed(t, "clientId=x\n", append(args, "--output", file)...); code == 0 || stdout != "" {
		t.Fatalf("exit %d: %s%s", code, stdout, stderr)
	}
	if content, err := os.ReadFile(file); err != nil || string(content) != "old" {
		t.Errorf("after an error the file holds %q, %v", content, err)
	}
	stdout, stderr, code := seed(t, realistic, append(args, "--output", file)...)
	if code != 0 || stdout != "" || stderr != "" {
		t.Fatalf("exit %d: %s%s", code, stdout, stderr)
	}
	printed, _, _ := seed(t, realistic, args...)
	content, err := os.ReadFile(file)
	if err != nil || string(content) != printed {
		t.Errorf("the file is not what is printed: %v", err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the file there is more: %v, %v", entries, err)
	}
}

// Variables name the identity's place; a flag comes before them.
func TestRenderIdentityFromTheEnvironment(t *testing.T) {
	t.Parallel()
	dir := files(t, t.TempDir(), map[string]string{"id.env": realistic, "dir/clientId": "fromdir", "dir/clientSecret": "fromdir", "flag.env": "clientId=fromflag\nclientSecret=x\n"})
	args := []string{"render", "talos", "--tree", "../..", "--cluster", "clusters/tazlab", "--image", "i"}
	for name, test := range map[string]struct {
		file, folder string
		args         []string
		want         string
	}{
		"file":   {filepath.Join(dir, "id.env"), "", nil, "clientId: 0f5b2c4e"},
		"folder": {"", filepath.Join(dir, "dir"), nil, "clientId: fromdir"},
		"flag":   {filepath.Join(dir, "id.env"), "", []string{"--identity-file", filepath.Join(dir, "flag.env")}, "clientId: fromflag"},
		"both":   {filepath.Join(dir, "id.env"), filepath.Join(dir, "dir"), nil, "SEED_IDENTITY_FILE and SEED_IDENTITY_DIR are both set"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, code := seedWith(t, []string{"SEED_IDENTITY_FILE=" + test.file, "SEED_IDENTITY_DIR=" + test.folder}, "", append(args, test.args...)...)
			if !strings.Contains(stdout+stderr, test.want) || (code == 0) == (name == "both") {
				t.Errorf("exit %d, no %q: %s", code, test.want, stderr)
			}
		})
	}
}
