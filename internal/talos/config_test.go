package talos_test

import (
	"strings"
	"testing"

	"github.com/tazlab/seed/internal/talos"
)

// What "talosctl gen config" makes for a control plane, in short: the one document up to 1.13, and those from 1.14 on that
// say the same.
const (
	before = `version: v1alpha1
machine:
  type: controlplane
  token: s3cr3t
  features:
    kubePrism: {enabled: true, port: 7445}
    hostDNS: {enabled: true, forwardKubeDNSToHost: true}
cluster:
  secretboxEncryptionSecret: s3cr3t
`
	since = `version: v1alpha1
machine: {type: controlplane, token: s3cr3t}
cluster: {token: s3cr3t}
---
apiVersion: v1alpha1
kind: ResolverConfig
hostDNS: {enabled: true, forwardKubeDNSToHost: true}
---
apiVersion: v1alpha1
kind: KubePrismConfig
port: 7445
---
apiVersion: v1alpha1
kind: KubeEtcdEncryptionConfig
config:
  resources:
    - resources: [secrets]
      providers:
        - secretbox: {keys: [{name: key2, secret: s3cr3t}]}
        - identity: {}
`
	// legacy is how an upgraded machine keeps its config.
	legacy = before
)

func TestCheck(t *testing.T) {
	t.Parallel()
	const off = "KubePrism is off"
	resolver := strings.Index(since, "---\napiVersion: v1alpha1\nkind: KubePrismConfig")
	for name, test := range map[string]struct {
		version, config string
		old, with       string // of the config
		wrong, warning  string
	}{
		"good":            {version: "1.13", config: before},
		"good, 1.6":       {version: "1.6", config: before, old: "    hostDNS: {enabled: true, forwardKubeDNSToHost: true}\n"},
		"good, 1.7":       {version: "1.7", config: before, old: ", forwardKubeDNSToHost: true"},
		"good, 1.14":      {version: "1.14", config: since},
		"good, upgraded":  {version: "1.14", config: legacy},
		"init":            {version: "1.13", config: before, old: "controlplane", with: "init"},
		"comments":        {version: "1.13", config: "# made by talosctl\n---\n" + before + "---\n# the end\n"},
		"default port":    {version: "1.13", config: before, old: ", port: 7445"},
		"other manifests": {version: "1.13", config: before, old: "cluster:\n", with: "cluster:\n  inlineManifests: [{name: seed-of-apples, contents: x}]\n"},
		"AES":             {version: "1.13", config: before, old: "secretbox", with: "aescbc"},
		// Applied twice, the document is merged by its name.
		"again, 1.14": {version: "1.14", config: since + "---\napiVersion: v1alpha1\nkind: KubeInlineManifestConfig\nname: seed\nmanifest: x\n"},

		"KubePrism disabled":    {version: "1.13", config: before, old: "enabled: true, port", with: "enabled: false, port", wrong: off + ", and before there is a network seed reaches the API server by nothing else: set machine.features.kubePrism to {enabled: true, port: 7445}"},
		"KubePrism not there":   {version: "1.13", config: before, old: "    kubePrism: {enabled: true, port: 7445}\n", wrong: off},
		"KubePrism elsewhere":   {version: "1.13", config: before, old: "7445", with: "7446", wrong: "machine.features.kubePrism has the port 7446"},
		"document not there":    {version: "1.14", config: since[:resolver], wrong: "add the document {apiVersion: v1alpha1, kind: KubePrismConfig, port: 7445}", warning: "in the clear"},
		"document elsewhere":    {version: "1.14", config: since, old: "7445", with: "7446", wrong: "KubePrismConfig has the port 7446"},
		"document without port": {version: "1.14", config: since, old: "port: 7445\n", wrong: "KubePrismConfig has the port 0"},
		"worker":                {version: "1.13", config: before, old: "controlplane", with: "worker", wrong: "on control planes only"},
		"other machine":         {version: "1.13", config: before, old: "controlplane", with: "s3cr3t", wrong: "machine.type is none that Talos knows"},
		"a patch":               {version: "1.13", config: before, old: "  type: controlplane\n", wrong: "it has no machine.type"},
		"nothing":               {version: "1.13", config: "# nothing\n", wrong: "0 documents without a kind"},
		"two configs":           {version: "1.13", config: before + "---\n" + before, wrong: "2 documents without a kind"},
		"already there":         {version: "1.13", config: before, old: "cluster:\n", with: "cluster:\n  inlineManifests: [{name: seed, contents: s3cr3t}]\n", wrong: "Talos refuses a second one of that name: remove it first, with the patch cluster: {inlineManifests: [{name: seed, $patch: delete}]}"},
		"would win, 1.14":       {version: "1.14", config: before, old: "cluster:\n", with: "cluster:\n  inlineManifests: [{name: seed, contents: s3cr3t}]\n", wrong: "it would count instead of the document"},
		"of another release":    {version: "1.13", config: since, wrong: "which Talos knows from v1.14 on: render with --talos-version 1.14", warning: "host DNS is off\nSecrets will lie in etcd in the clear"},
		"no YAML":               {version: "1.13", config: before + "cluster: s3cr3t: s3cr3t\n", wrong: "document 1 is no machine config (line 10)"},
		"anchor":                {version: "1.13", config: "machine: *s3cr3t\n", wrong: "document 1 is no machine config"},
		"wrong type":            {version: "1.13", config: before, old: "{enabled: true, port: 7445}", with: "s3cr3t", wrong: "document 1 is no machine config"},
		"a list":                {version: "1.13", config: "- s3cr3t\n", wrong: "document 1 is no machine config"},

		"host DNS disabled":   {version: "1.13", config: before, old: "hostDNS: {enabled: true", with: "hostDNS: {enabled: false", warning: "host DNS is off"},
		"host DNS not there":  {version: "1.7", config: before, old: "    hostDNS: {enabled: true, forwardKubeDNSToHost: true}\n", warning: "host DNS is off"},
		"host DNS for itself": {version: "1.8", config: before, old: ", forwardKubeDNSToHost: true", warning: "machine.features.hostDNS"},
		"no resolver":         {version: "1.14", config: since, old: "hostDNS: {enabled: true, forwardKubeDNSToHost: true}\n", warning: "hostDNS of the document ResolverConfig"},
		"no key":              {version: "1.13", config: before, old: "  secretboxEncryptionSecret: s3cr3t\n", with: "  token: x\n", warning: "set cluster.secretboxEncryptionSecret"},
		"identity first":      {version: "1.14", config: since, old: "        - secretbox: {keys: [{name: key2, secret: s3cr3t}]}\n", warning: "add a document KubeEtcdEncryptionConfig"},
		"other resources":     {version: "1.14", config: since, old: "[secrets]", with: "[configmaps]", warning: "in the clear"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.old != "" && strings.Count(test.config, test.old) != 1 {
				t.Fatalf("the config has %q %d times", test.old, strings.Count(test.config, test.old))
			}
			var version talos.Version
			if err := version.Set(test.version); err != nil {
				t.Fatal(err)
			}
			warnings, err := talos.Check(version, []byte(strings.Replace(test.config, test.old, test.with, 1)))
			said := strings.Join(warnings, "\n")
			if test.wrong == "" && err != nil || test.wrong != "" && (err == nil || !strings.Contains(err.Error(), test.wrong)) {
				t.Errorf("error %v, want %q", err, test.wrong)
			}
			for want := range strings.SplitSeq(test.warning, "\n") {
				if test.warning == "" && said != "" || !strings.Contains(said, want) {
					t.Errorf("warnings %q, want %q", said, want)
				}
			}
			if err != nil {
				said += err.Error()
			}
			if strings.Contains(said, "s3cr3t") {
				t.Errorf("a secret is in what is said: %s", said)
			}
		})
	}
}

// All that is wrong is told at once.
func TestCheckTellsAll(t *testing.T) {
	t.Parallel()
	_, err := talos.Check(talos.Default, []byte("machine: {type: worker}\ncluster: {inlineManifests: [{name: seed}]}\n"))
	for _, want := range []string{"worker", "KubePrism is off", "inlineManifests"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want also %q", err, want)
		}
	}
}
