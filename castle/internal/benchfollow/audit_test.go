package benchfollow

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// said makes an entry as the API server writes it, with a second of one minute as its time.
func said(id, stage, second, verb, user, program, resource string) string {
	return `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"` + id + `","stage":"` + stage +
		`","requestURI":"/x","verb":"` + verb + `","user":{"username":"` + user + `","groups":["a"]},"userAgent":"` + program +
		`","objectRef":{"resource":"` + resource + `","apiVersion":"v1"},"requestReceivedTimestamp":"2026-01-02T03:04:` + second +
		`Z","stageTimestamp":"2026-01-02T03:04:59.000000Z"}` + "\n"
}

const (
	seedProgram = "seed/v0.0.0 (linux/amd64) kubernetes/$Format"
	done        = "ResponseComplete"
)

func at(t *testing.T, second string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339, "2026-01-02T03:04:"+second+"Z")
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

func TestCountByWhoAndVerb(t *testing.T) {
	log := said("1", done, "09.999999", "get", controllerUser, "kustomize-controller", "configmaps") + // too early
		said("2", done, "10.000000", "get", controllerUser, "kustomize-controller", "configmaps") +
		said("3", done, "11.000000", "list", controllerUser, "kustomize-controller", "pods") +
		said("4", done, "11.000000", "patch", controllerUser, "kustomize-controller", "kustomizations") +
		said("5", done, "11.000000", "update", controllerUser, "kustomize-controller", "leases") +
		said("6", "ResponseStarted", "11.000000", "watch", controllerUser, "kustomize-controller", "pods") +
		said("6", done, "11.000000", "watch", controllerUser, "kustomize-controller", "pods") +
		said("7", done, "12.000000", "watch", "admin", seedProgram, "customresourcedefinitions") + // refused
		said("8", done, "12.000000", "patch", "admin", "seed", "kustomizations") +
		said("9", done, "12.000000", "get", "admin", seedProgram, "") + // no object: discovery
		said("10", done, "12.000000", "create", "admin", "castle/v0.0.0 (linux/amd64)", "kustomizations") +
		said("11", done, "12.000000", "create", "system:serviceaccount:flux-system:helm-controller", "seed", "secrets") +
		said("12", done, "20.000001", "get", controllerUser, "kustomize-controller", "configmaps") + // too late
		`{"kind":"Event","auditID":"13"` // not written yet
	entries, err := parse(strings.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]requests{}
	for who, asked := range within(entries, at(t, "10"), at(t, "20")) {
		got[who] = count(asked)
	}
	want := map[string]requests{controller: {Reads: 2, Writes: 1, Watches: 1, Lease: 1}, follower: {Reads: 1, Writes: 1, Watches: 1}}
	if !maps.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if all := got[controller].all(); all != 4 {
		t.Errorf("%d requests without leader election, want 4", all)
	}
}

func TestWhatNamesVerbAndResource(t *testing.T) {
	var status, discovery entry
	status.Verb, status.ObjectRef.Resource, status.ObjectRef.Subresource = "patch", "kustomizations", "status"
	discovery.Verb = "get"
	if got := status.what() + ", " + discovery.what(); got != "patch kustomizations/status, get -" {
		t.Error(got)
	}
}

func TestWhatCannotBeReadIsAnError(t *testing.T) {
	for _, log := range []string{"no JSON\n", "{}\n", `{"auditID":"1"}` + "\n"} {
		if entries, err := parse(strings.NewReader(log)); err == nil {
			t.Errorf("%s: %v", log, entries)
		}
	}
}

func TestLogIsReadFromWhereItWas(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.log")
	if _, err := begin(file); err == nil {
		t.Error("a log that is not there is no error")
	}
	before, after := said("1", done, "10.000000", "get", "admin", "seed", ""), said("2", done, "10.000000", "get", "admin", "seed", "")
	if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := begin(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(before+after), 0o600); err != nil {
		t.Fatal(err)
	}
	entries, err := log.entries()
	if err != nil || len(entries) != 1 || entries[0].AuditID != "2" {
		t.Errorf("%+v (%v)", entries, err)
	}
}

func TestTakeWorksOutTimesAndRequests(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.log")
	log := said("1", "ResponseStarted", "09.000000", "watch", "admin", "seed", "kustomizations") +
		said("2", done, "11.000000", "patch", controllerUser, "kustomize-controller", "kustomizations") +
		said("3", done, "12.000000", "patch", "admin", "seed", "kustomizations") +
		said("4", done, "13.000000", "patch", controllerUser, "kustomize-controller", "kustomizations")
	if err := os.WriteFile(file, []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	var s sample
	ready := map[string]time.Time{"root": at(t, "11"), "b": at(t, "12.5"), "a": at(t, "11.5")}
	if err := s.take(auditLog{file: file}, at(t, "10"), ready); err != nil {
		t.Fatal(err)
	}
	if s.Seconds != 2.5 || !maps.Equal(s.Units, map[string]float64{"root": 1, "a": 1.5, "b": 2.5}) {
		t.Errorf("%v s, units %v", s.Seconds, s.Units)
	}
	if !maps.Equal(s.Requests, map[string]requests{controller: {Writes: 1}, follower: {Writes: 1}}) || s.Before == nil || *s.Before != (requests{Watches: 1}) {
		t.Errorf("requests %+v, before %+v", s.Requests, s.Before)
	}
	if d := s.Detail; len(d) != 2 || !maps.Equal(d[controller], map[string]int{"patch kustomizations": 1}) || !maps.Equal(d[follower], d[controller]) {
		t.Errorf("detail %v", d)
	}
	if err := s.take(auditLog{file: file}, at(t, "14"), map[string]time.Time{"a": at(t, "15")}); err == nil {
		t.Error("a log without kustomize-controller's requests is no error")
	}
}
