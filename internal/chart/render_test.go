package chart_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tazlab/seed/internal/chart"
)

// head begins the Chart.yaml of a chart.
const head = "apiVersion: v2\nname: %s\nversion: 0.1.0\n"

// object is a template that makes a ConfigMap.
func object(name, data string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\ndata: {" + data + "}\n"
}

// none is the Chart.yaml of a folder that is to have none.
const none = "none"

// repository writes files, with a Chart.yaml for each folder below charts/.
func repository(t *testing.T, files map[string]string) string {
	t.Helper()
	root, all := t.TempDir(), maps.Clone(files)
	for name := range files {
		parts := strings.Split(name, "/")
		if about := "charts/" + parts[1] + "/Chart.yaml"; parts[0] == "charts" {
			if text := files[about]; text == none {
				delete(all, about)
			} else if !strings.Contains(text, "apiVersion") {
				all[about] = fmt.Sprintf(head, parts[1]) + text
			}
		}
	}
	for name, text := range all {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// web is the release of the chart charts/web.
func web() chart.Release {
	return chart.Release{Chart: "charts/web", Name: "web", Namespace: "apps"}
}

const definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.example.com}\n"

func TestRender(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files  map[string]string
		change func(*chart.Release)
		// want are kind, name, data and file of the objects.
		want []string
	}{
		"release": {
			files: map[string]string{"charts/web/templates/a.yaml": object(`"{{ .Release.Name }}"`, `a: "{{ .Release.Namespace }} {{ .Release.Revision }} {{ .Release.IsInstall }}"`)},
			want:  []string{"ConfigMap web map[a:apps 1 true] charts/web/templates/a.yaml"},
		},
		"values": {
			files: map[string]string{"charts/web/values.yaml": "a: {b: 1, c: 2, d: 3}", "charts/web/templates/a.yaml": object("a", `all: "{{ toJson .Values | b64enc }}", number: "{{ .Values.a.c }}"`)},
			// As in helm-controller a number is a float64, and null removes a default.
			change: func(r *chart.Release) {
				r.Values = map[string]any{"a": map[string]any{"c": int64(10_000_000), "d": nil}}
			},
			want: []string{"ConfigMap a map[all:eyJhIjp7ImIiOjEsImMiOjEwMDAwMDAwfX0= number:1e+07] charts/web/templates/a.yaml"},
		},
		"values files": {
			files: map[string]string{
				"charts/web/values.yaml": "a: of the chart\nb: of the chart", "home/one.yaml": "a: one\nc: {d: one}", "home/two.yaml": "c: {e: two}",
				"charts/web/templates/a.yaml": object("a", `a: "{{ .Values.a }}{{ .Values.b }}{{ .Values.c.d }}{{ .Values.c.e }}"`),
			},
			change: func(r *chart.Release) {
				r.ValuesFiles, r.IgnoreMissing = []string{"home/one.yaml", "./home/nobody.yaml", "../home/two.yaml"}, true
			},
			want: []string{"ConfigMap a map[a:oneonetwo] charts/web/templates/a.yaml"},
		},
		"hooks": {
			files: map[string]string{"charts/web/templates/a.yaml": hooks("pre-install", "test", "post-install,pre-upgrade", "post-delete", "pre-install,nonsense", "POST-INSTALL")},
			want:  []string{"Job job-0 charts/web/templates/a.yaml hook", "Job job-2 charts/web/templates/a.yaml hook", "Job job-5 charts/web/templates/a.yaml hook"},
		},
		"no hooks": {
			files:  map[string]string{"charts/web/templates/a.yaml": hooks("pre-install"), "charts/web/templates/b.yaml": object("a", "")},
			change: func(r *chart.Release) { r.SkipHooks = true },
			want:   []string{"ConfigMap a map[] charts/web/templates/b.yaml"},
		},
		"definitions": {
			files: map[string]string{"charts/web/crds/a.yaml": definition + "---\n" + object("no-definition", ""), "charts/web/templates/a.yaml": object("a", ""), "charts/web/crds/README.md": "{"},
			want:  []string{"ConfigMap a map[] charts/web/templates/a.yaml", "CustomResourceDefinition things.example.com charts/web/crds/a.yaml definition"},
		},
		"no definitions": {
			files:  map[string]string{"charts/web/crds/a.yaml": definition, "charts/web/templates/a.yaml": object("a", "")},
			change: func(r *chart.Release) { r.SkipCRDs = true },
			want:   []string{"ConfigMap a map[] charts/web/templates/a.yaml"},
		},
		"what is no object": {
			files: map[string]string{
				"charts/web/templates/NOTES.txt": "Hello", "charts/web/templates/empty.yaml": "{{ if false }}a{{ end }}", "charts/web/templates/_part.yaml": "a",
				"charts/web/templates/comment.yaml": "# a\n---\n---\n# b\n", "charts/web/README.md": "{{ nonsense", "charts/web/.helmignore": "ignored.yaml\n", "charts/web/templates/ignored.yaml": "{{ nonsense",
			},
		},
		"lists, and names of the API server's": {
			files: map[string]string{"charts/web/templates/a.yaml": "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: a}}\n- {apiVersion: batch/v1, kind: Job, metadata: {generateName: b-}}\n"},
			want:  []string{"Secret a charts/web/templates/a.yaml", "Job ${varies} charts/web/templates/a.yaml"},
		},
		"dependencies": {
			files: map[string]string{
				"charts/web/Chart.yaml": "dependencies:\n- {name: part, version: 0.x.x, repository: file://../part, alias: first}\n- {name: own, version: 0.1.0}\n" +
					"- {name: idle, version: 1.0.0, repository: 'https://charts.example.com', condition: idle.enabled}\n- {name: tagged, version: 1.0.0, repository: 'oci://example.com', tags: [front]}\n",
				"charts/web/values.yaml":  "idle: {enabled: false}\ntags: {front: false}\nfirst: {name: of-the-parent}\nglobal: {all: x}",
				"charts/part/values.yaml": "name: part", "charts/part/templates/a.yaml": object("{{ .Values.name }}", "all: {{ .Values.global.all }}, chart: {{ .Chart.Name }}"),
				"charts/part/crds/a.yaml":                definition,
				"charts/web/charts/own/Chart.yaml":       fmt.Sprintf(head, "own"),
				"charts/web/charts/own/templates/a.yaml": object("own", ""),
			},
			want: []string{
				"ConfigMap of-the-parent map[all:x chart:first] charts/part/templates/a.yaml", "ConfigMap own map[] charts/web/charts/own/templates/a.yaml",
				"CustomResourceDefinition things.example.com charts/part/crds/a.yaml definition",
			},
		},
		"values of a dependency": {
			files: map[string]string{
				"charts/web/Chart.yaml":       "dependencies: [{name: part, version: 0.1.0, repository: file://../part, import-values: [all, {child: c, parent: p}]}]",
				"charts/part/values.yaml":     "exports: {all: {a: imported}}\nc: {d: too}",
				"charts/web/templates/a.yaml": object("a", `a: "{{ .Values.a }} {{ .Values.p.d }}"`),
			},
			want: []string{"ConfigMap a map[a:imported too] charts/web/templates/a.yaml"},
		},
		"a library": {
			files: map[string]string{
				"charts/web/Chart.yaml":         "dependencies: [{name: part, version: 0.1.0, repository: file://../part}]",
				"charts/part/Chart.yaml":        fmt.Sprintf(head, "part") + "type: library\n",
				"charts/part/templates/_a.tpl":  `{{ define "part.name" }}{{ .Release.Name }}-part{{ end }}`,
				"charts/part/templates/no.yaml": "{{ nonsense",
				"charts/web/templates/a.yaml":   object(`{{ include "part.name" . }}`, ""),
			},
			want: []string{"ConfigMap web-part map[] charts/web/templates/a.yaml"},
		},
		"what varies": {
			files: map[string]string{"charts/web/templates/a.yaml": object("a", `same: x, random: "{{ randAlphaNum 8 | b64enc }}", time: '{{ now | date "2006" }}', list: {{ list 1 (randInt 0 1000000000) | toJson | quote }}`) +
				"---\n" + object("b-{{ uuidv4 }}", "")},
			want: []string{"ConfigMap a map[list:${varies} random:${varies} same:x time:${varies}] charts/web/templates/a.yaml", "ConfigMap ${varies} map[] charts/web/templates/a.yaml"},
		},
		"what depends on a cluster, but not here": {
			files: map[string]string{"charts/web/templates/a.yaml": object("a", `a: {{ if semverCompare ">=1.19-0" .Capabilities.KubeVersion.GitVersion }}new{{ else }}old{{ end }}`)},
			want:  []string{"ConfigMap a map[a:new] charts/web/templates/a.yaml"},
		},
		"dashes before the first line": {
			files: map[string]string{"charts/web/templates/a.yaml": "---\n{{- if true -}}\n" + object("a", "") + "{{- end }}"},
			want:  []string{"ConfigMap a map[] charts/web/templates/a.yaml"},
		},
		"functions": {
			files: map[string]string{"charts/web/templates/a.yaml": object("a", `camel: "{{ camelcase "http_server" }}", sum: "{{ sha512sum "" | trunc 8 }}"`)},
			want:  []string{"ConfigMap a map[camel:HttpServer sum:cf83e135] charts/web/templates/a.yaml"},
		},
		"an old Helm": {
			files: map[string]string{"charts/web/templates/a.yaml": object("a", `has: "{{ has 1 (list 1 2) }}{{ has 3 (list 1 2) }}"`) + `{{ if semverCompare "<v3.9.0" .Capabilities.HelmVersion.Version }}{{ fail "too old" }}{{ end }}`},
			want:  []string{"ConfigMap a map[has:truefalse] charts/web/templates/a.yaml"},
		},
		"an API that changes nothing": {
			files: map[string]string{"charts/web/templates/a.yaml": object("a", "") + `{{ if and .Values.monitor (.Capabilities.APIVersions.Has "a/v1") }}{{ fail "no" }}{{ end }}`},
			want:  []string{"ConfigMap a map[] charts/web/templates/a.yaml"},
		},
		"a schema that Helm would fetch": {
			files: map[string]string{"charts/web/values.schema.json": `{"properties": {"a": {"$ref": "https://nowhere.invalid/a.json"}}, "required": ["b"]}`},
		},
		"a schema that does not count": {
			files:  map[string]string{"charts/web/values.schema.json": `{"required": ["b"]}`},
			change: func(r *chart.Release) { r.SkipSchema = true },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := web()
			if c.change != nil {
				c.change(&r)
			}
			objects, err := chart.Render(repository(t, c.files), r)
			if err != nil {
				t.Fatal(err)
			}
			if got := told(objects); !slices.Equal(got, c.want) {
				t.Errorf("rendered\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
			}
		})
	}
}

// hooks are Jobs that are hooks.
func hooks(events ...string) string {
	var all []string
	for i, event := range events {
		all = append(all, fmt.Sprintf("apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: job-%d\n  annotations: {helm.sh/hook: %q}\n", i, event))
	}
	return strings.Join(all, "---\n")
}

func told(objects []chart.Object) []string {
	var all []string
	for _, o := range objects {
		text := o.GetKind() + " " + o.GetName()
		if data := o.Object["data"]; o.GetKind() == "ConfigMap" {
			text += " " + fmt.Sprint(data)
		}
		text += " " + o.File
		if o.Hook {
			text += " hook"
		}
		if o.Definition {
			text += " definition"
		}
		all = append(all, text)
	}
	return all
}

// What nobody can know without a cluster or the network is Unknown; what cannot be is an error.
func TestRefused(t *testing.T) {
	t.Parallel()
	template := func(text string) map[string]string {
		return map[string]string{"charts/web/templates/a.yaml": text}
	}
	needs := func(dependency string) map[string]string {
		return map[string]string{"charts/web/Chart.yaml": "dependencies: [" + dependency + "]", "charts/part/values.yaml": ""}
	}
	for name, c := range map[string]struct {
		files map[string]string
		// unknown is the whole reason, or missing the path, or failed a part of the error.
		unknown, missing, failed string
	}{
		"a look-up":              {files: template(`{{ if lookup "v1" "Secret" "a" "b" }}a: b{{ end }}`), unknown: "a template of the chart asks for objects of the cluster (lookup)"},
		"Helm's version":         {files: template(object("a", "a: b") + "{{ if semverCompare \">=4\" .Capabilities.HelmVersion.Version }}  c: d{{ end }}"), unknown: "what the chart makes depends on the cluster: its templates ask for the version of Helm"},
		"a newer Kubernetes":     {files: template(`{{ if semverCompare ">=1.30-0" .Capabilities.KubeVersion.Version }}` + object("a", "") + `{{ end }}`), unknown: "what the chart makes depends on the cluster: its templates ask for the version of Kubernetes"},
		"some Kubernetes":        {files: template(`{{ if semverCompare ">=1.28-0 <1.40-0" .Capabilities.KubeVersion.Version }}` + object("a", "") + `{{ end }}`), unknown: "what the chart makes depends on the cluster: its templates ask for the version of Kubernetes"},
		"no other Kubernetes":    {files: template(`{{ if ne .Capabilities.KubeVersion.Minor "33" }}{{ fail "unsupported" }}{{ end }}`), unknown: "what the chart makes depends on the cluster: its templates ask for the version of Kubernetes"},
		"the APIs as a text":     {files: template(`{{ if contains "a/v1" (toString .Capabilities.APIVersions) }}{{ end }}`), unknown: "a template of the chart asks for the list of APIs that are served"},
		"an API":                 {files: template(`{{ if .Capabilities.APIVersions.Has "a/v1" }}` + object("a", "") + `{{ end }}`), unknown: "what the chart makes depends on the cluster: its templates ask for the API a/v1"},
		"a version of an API":    {files: template("kind: A\nmetadata: {name: a}\napiVersion: " + `{{ if .Capabilities.APIVersions.Has "a/v2" }}a/v2{{ else }}a/v1{{ end }}`), unknown: "what the chart makes depends on the cluster: its templates ask for the API a/v2"},
		"two APIs":               {files: template(`{{ if and (.Capabilities.APIVersions.Has "a") (not (.Capabilities.APIVersions.Has "b")) }}` + object("a", "") + `{{ end }}`), unknown: "what the chart makes depends on the cluster: its templates ask for the API a and the API b"},
		"a failure in a cluster": {files: template(`{{ if .Capabilities.APIVersions.Has "a" }}{{ fail "no" }}{{ end }}`), unknown: "what the chart makes depends on the cluster: its templates ask for the API a and the APIs that are served"},
		"a copy of the context":  {files: template(`{{ $copy := deepCopy . }}{{ if $copy.Capabilities.APIVersions.Has "a" }}` + object("a", "") + `{{ end }}`), unknown: "what the chart makes depends on the cluster: its templates ask for the API a"},
		"an API in the list":     {files: template(`{{ if has "a/v1" .Capabilities.APIVersions }}` + object("a", "") + `{{ end }}`), unknown: "what the chart makes depends on the cluster: its templates ask for the API a/v1"},
		"all APIs":               {files: template(`{{ range .Capabilities.APIVersions }}{{ end }}`), unknown: "what the chart makes depends on the cluster: its templates ask for the APIs that are served"},
		"other objects later":    {files: template(`{{ range until (int (sub (now | date "2006" | int) 2025)) }}` + object("a", "") + "\n---\n" + `{{ end }}`), unknown: "the chart makes other objects each time"},
		"another repository's":   {files: needs("{name: redis, version: 1.x.x, repository: 'oci://registry.example.com/charts'}"), unknown: "the chart's dependency redis comes from oci://registry.example.com/charts"},

		"no folder":          {files: map[string]string{"charts/other/values.yaml": ""}, missing: "charts/web"},
		"no dependency":      {files: needs("{name: prat, version: 0.1.0, repository: file://../prat}"), missing: "charts/prat"},
		"no own dependency":  {files: needs("{name: prat, version: 0.1.0}"), missing: "charts/web/charts/prat"},
		"above the root":     {files: needs("{name: prat, version: 0.1.0, repository: file://../../../../prat}"), missing: "prat"},
		"another version":    {files: needs("{name: part, version: 1.x.x, repository: file://../part}"), failed: `its dependency part: charts/part has version 0.1.0, not "1.x.x"`},
		"no Chart.yaml":      {files: map[string]string{"charts/web/Chart.yaml": none, "charts/web/values.yaml": ""}, failed: "Chart.yaml file is missing"},
		"a mistake":          {files: template("{{ nonsense }}"), failed: `function "nonsense" not defined`},
		"a failure":          {files: template(`{{ fail "no such thing" }}`), failed: "no such thing"},
		"a lock of nothing":  {files: map[string]string{"charts/web/Chart.lock": "dependencies:\n-\n"}, failed: "Helm cannot cope with the chart"},
		"a failure anywhere": {files: template(`{{ .Capabilities.KubeVersion.Version }}{{ fail "no such thing" }}`), failed: "no such thing"},
		"a value":            {files: map[string]string{"charts/web/values.schema.json": `{"required": ["b"]}`}, failed: "missing property 'b'"},
		"no kind":            {files: template("a: do-not-repeat"), failed: "charts/web/templates/a.yaml: a document has no apiVersion or no kind"},
		"a text":             {files: template("do-not-repeat"), failed: "charts/web/templates/a.yaml: a document is no object"},
		"not YAML":           {files: template("a: b\n c: d"), failed: "charts/web/templates/a.yaml: "},
		"in the environment": {files: template(`{{ env "HOME" }}`), failed: `function "env" not defined`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := chart.Render(repository(t, c.files), web())
			unknown, isUnknown := errors.AsType[chart.Unknown](err)
			missing, isMissing := errors.AsType[chart.Missing](err)
			if err == nil || isUnknown != (c.unknown != "") || isMissing != (c.missing != "") || string(unknown) != c.unknown || missing.Path != c.missing || !strings.Contains(err.Error(), c.failed) || strings.Contains(err.Error(), "do-not-repeat") {
				t.Errorf("got %v, want %+v", err, c)
			}
		})
	}
}

// The repository itself may be a chart.
func TestChartIsTheRepository(t *testing.T) {
	t.Parallel()
	root := repository(t, map[string]string{"charts/web/templates/a.yaml": object("a", "")})
	objects, err := chart.Render(filepath.Join(root, "charts/web"), chart.Release{Chart: ".", Name: "web"})
	if want := []string{"ConfigMap a map[] templates/a.yaml"}; err != nil || !slices.Equal(told(objects), want) {
		t.Errorf("%v, %v, want %v", told(objects), err, want)
	}
}
