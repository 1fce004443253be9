package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/test/births"
)

// kept writes a report to a file as "seed report --output json" would.
func kept(t *testing.T, r *report.Report) string {
	t.Helper()
	data, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "birth.json")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// apiServer is an API server that has no more than the given objects, by path; it returns the kubeconfig.
func apiServer(t *testing.T, objects map[string]any) string {
	t.Helper()
	resources := func(version string, r metav1.APIResource) metav1.APIResourceList {
		return metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: version, APIResources: []metav1.APIResource{r}}
	}
	answers := map[string]any{
		"/api":    metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}},
		"/apis":   metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}},
		"/api/v1": resources("v1", metav1.APIResource{Name: "configmaps", Kind: "ConfigMap", Namespaced: true}),
	}
	for path, object := range objects {
		answers[path] = object
		if strings.Contains(path, "kustomizations") {
			answers["/apis/kustomize.toolkit.fluxcd.io/v1"] = resources("kustomize.toolkit.fluxcd.io/v1",
				metav1.APIResource{Name: "kustomizations", Kind: "Kustomization", Namespaced: true})
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		answer, there := answers[r.URL.Path]
		if !there {
			w.WriteHeader(http.StatusNotFound)
			answer = metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Reason: metav1.StatusReasonNotFound, Code: 404, Message: "not found"}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(server.Close)
	name := filepath.Join(t.TempDir(), "kubeconfig")
	config := fmt.Sprintf("apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: %q}}]\nusers: [{name: u}]\n", server.URL)
	if err := os.WriteFile(name, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestReportOfTheCluster(t *testing.T) {
	t.Parallel()
	data, err := births.Castle().JSON()
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig := apiServer(t, map[string]any{
		"/api/v1/namespaces/seed-system/configmaps/seed-report": corev1.ConfigMap{
			TypeMeta: metav1.TypeMeta{Kind: "ConfigMap", APIVersion: "v1"}, Data: map[string]string{"report.json": string(data)},
		},
	})
	stdout, stderr, code := seedWith(t, []string{"KUBECONFIG=" + kubeconfig}, "", "report")
	if code != 0 || stderr != "" || !strings.Contains(stdout, "29.46s  first app online  apps-static") || !strings.Contains(stdout, "CRITICAL PATH") {
		t.Errorf("exit %d, %s%s", code, stdout, stderr)
	}
	// What is kept is read again, and shows the same.
	asJSON, stderr, code := seedWith(t, []string{"KUBECONFIG=" + kubeconfig}, "", "report", "--output", "json")
	if code != 0 {
		t.Fatal(stderr)
	}
	again, stderr, code := seed(t, asJSON, "report", "--file", "-")
	if code != 0 || again != stdout {
		t.Errorf("exit %d, from the kept file:\n%s%s\nfrom the cluster:\n%s", code, again, stderr, stdout)
	}
}

func TestReportFiles(t *testing.T) {
	t.Parallel()
	now, earlier := kept(t, births.Castle()), kept(t, births.Later(births.Castle(), 2))
	out := filepath.Join(t.TempDir(), "birth.html")
	stdout, stderr, code := seed(t, "", "report", "--file", now, "--compare", earlier, "-o", "html", "--output-file", out)
	written, err := os.ReadFile(out)
	if code != 0 || stdout != "" || stderr != "" || err != nil || !strings.Contains(string(written), "Compared with an earlier birth") {
		t.Errorf("exit %d, %v, %s%s", code, err, stdout, stderr)
	}
	if others, _ := filepath.Glob(filepath.Join(filepath.Dir(out), "*")); len(others) != 1 {
		t.Errorf("files %v", others)
	}
	stdout, _, code = seed(t, "", "report", "--file", now, "--compare", earlier)
	if code != 0 || !strings.Contains(stdout, "58.92s   29.46s  29.46s faster  first app online") {
		t.Errorf("exit %d, %s", code, stdout)
	}
	stdout, _, code = seed(t, "", "report", "--file", kept(t, births.Old()))
	if code != 0 || !strings.Contains(stdout, "flux-system/apps-static") || strings.Contains(stdout, "CRITICAL PATH") {
		t.Errorf("an old report: exit %d, %s", code, stdout)
	}
}

func TestReportLive(t *testing.T) {
	t.Parallel()
	list := kustomizev1.KustomizationList{TypeMeta: metav1.TypeMeta{Kind: "KustomizationList", APIVersion: kustomizev1.GroupVersion.String()}}
	for name, condition := range map[string]metav1.Condition{
		"flux-system": {Status: metav1.ConditionTrue, Reason: meta.ReconciliationSucceededReason},
		"apps":        {Status: metav1.ConditionFalse, Reason: meta.DependencyNotReadyReason, Message: "dependency 'flux-system/data' is not ready"},
	} {
		k := kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Namespace: "flux-system", Name: name, CreationTimestamp: metav1.NewTime(births.At(0))}}
		condition.Type, condition.LastTransitionTime = meta.ReadyCondition, metav1.NewTime(births.At(60))
		k.Status.Conditions = []metav1.Condition{condition}
		k.Status.Inventory = &kustomizev1.ResourceInventory{}
		if name == "flux-system" {
			k.Status.Inventory.Entries = []kustomizev1.ResourceRef{{ID: "flux-system_apps_kustomize.toolkit.fluxcd.io_Kustomization", Version: "v1"}}
		}
		list.Items = append(list.Items, k)
	}
	kubeconfig := apiServer(t, map[string]any{"/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations": list})
	stdout, stderr, code := seedWith(t, []string{"KUBECONFIG=" + kubeconfig}, "", "report", "--live")
	fields := strings.Join(strings.Fields(stdout), " ")
	if code != 0 || !strings.Contains(fields, "60.00s yes flux-system/flux-system - no flux-system/apps dependency 'flux-system/data' is not ready") ||
		!strings.Contains(stdout, "what was before is not known") || strings.Contains(stdout, "machine start") {
		t.Errorf("exit %d, %s%s", code, stdout, stderr)
	}
	stdout, stderr, code = seedWith(t, []string{"KUBECONFIG=" + kubeconfig}, "", "report", "--live", "--output", "json")
	r, err := report.Parse([]byte(stdout))
	if code != 0 || err != nil || !r.Live || len(r.Units) != 2 || r.Units[1].By != "flux-system/flux-system" || r.Units[1].Spans[1].Phase != report.PhaseDepends {
		t.Errorf("exit %d, %v, %s%s", code, err, stdout, stderr)
	}
}

// Each error names what to do next.
func TestReportErrors(t *testing.T) {
	t.Parallel()
	empty := apiServer(t, nil)
	broken := apiServer(t, map[string]any{"/api/v1/namespaces/seed-system/configmaps/seed-report": corev1.ConfigMap{
		TypeMeta: metav1.TypeMeta{Kind: "ConfigMap", APIVersion: "v1"}, Data: map[string]string{"report.txt": "AT"},
	}})
	noReport := filepath.Join(t.TempDir(), "x.json")
	if err := os.WriteFile(noReport, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	born, live, followed := kept(t, births.Tiny()), kept(t, births.Live()), kept(t, &report.Report{Seed: births.Start, Units: births.Tiny().Units})
	for name, test := range map[string]struct {
		kubeconfig string
		args       []string
		code       int
		want       string
	}{
		"no birth":          {empty, nil, exitFailed, "no record of a birth"},
		"how to keep it":    {empty, nil, exitFailed, "seed report --output json > birth.json"},
		"no Flux":           {empty, []string{"--live"}, exitFailed, "Flux is not planted yet"},
		"not a record":      {broken, nil, exitFailed, "no report that seed can read"},
		"no cluster":        {filepath.Join(t.TempDir(), "none"), nil, exitFailed, "--file"},
		"no file":           {empty, []string{"--file", "/none"}, exitFailed, "reading the report: open /none"},
		"not a report":      {empty, []string{"--file", noReport}, exitFailed, "seed report --output json"},
		"no earlier report": {empty, []string{"--file", kept(t, births.Tiny()), "--compare", "/none"}, exitFailed, "/none"},
		"unknown format":    {empty, []string{"-o", "pdf"}, exitUsage, "--output pdf: it is one of table, json, html"},
		"compare as JSON":   {empty, []string{"-o", "json", "--compare", "x"}, exitUsage, "--compare"},
		"two sources":       {empty, []string{"--live", "--file", "x"}, exitUsage, "[file live]"},
		"no birth to hold":  {empty, []string{"--live", "--compare", "x"}, exitUsage, "[compare live]"},
		"live, earlier":     {empty, []string{"--file", born, "--compare", live}, exitFailed, live + " is none, but was read off a running cluster (seed report --live)"},
		"live, now":         {empty, []string{"--file", live, "--compare", born}, exitFailed, live + " is none"},
		"a follow, earlier": {empty, []string{"--file", born, "--compare", followed}, exitFailed, followed + " is none, but of somebody who followed a cluster that lived already (seed follow)"},
		"a follow, now":     {empty, []string{"--file", followed, "--compare", born, "-o", "html"}, exitFailed, followed + " is none"},
		"how to keep both":  {empty, []string{"--file", live, "--compare", followed}, exitFailed, "seed report --output json > birth.json"},
		"nowhere to write":  {empty, []string{"--file", kept(t, births.Tiny()), "--output-file", "/none/x"}, exitFailed, "writing the report"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, code := seedWith(t, []string{"KUBECONFIG=" + test.kubeconfig}, "", append([]string{"report"}, test.args...)...)
			if code != test.code || stdout != "" || !strings.Contains(stderr, test.want) {
				t.Errorf("exit %d, stdout %q, stderr %q; want exit %d and %q", code, stdout, stderr, test.code, test.want)
			}
		})
	}
}
