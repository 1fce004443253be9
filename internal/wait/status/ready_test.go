package status_test

import (
	"cmp"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tazlab/seed/internal/wait/status"
)

// deviations are those in the comment of status.Ready.
var deviations = []string{"no-status", "job", "pod-failed", "pod-unschedulable", "pod-phase", "ready-condition", "type"}

func TestStatesAreThoseOfKstatusButForTheDeviations(t *testing.T) {
	t.Parallel()
	unused := slices.Clone(deviations)
	for _, c := range cases(t) {
		object := c.object(t)
		result, err := status.Ready(object, false)
		written, writtenErr := status.Ready(object, true)
		want := [3]string{c.Ready, cmp.Or(c.KStatus, c.Ready), cmp.Or(c.Written, c.Ready)}
		if got := [3]string{state(result, err), kstatus(object), state(written, writtenErr)}; got != want {
			t.Errorf("%s: Ready, kstatus, Ready with a status subresource: got %v, want %v", c.Name, got, want)
		}
		if deviates := c.KStatus != "" || c.Written != ""; deviates != (c.Because != "") {
			t.Errorf("%s: it names the deviation %q, and deviates: %v", c.Name, c.Because, deviates)
		}
		if c.Because != "" && !slices.Contains(deviations, c.Because) {
			t.Errorf("%s: no deviation has the name %q", c.Name, c.Because)
		}
		unused = slices.DeleteFunc(unused, func(deviation string) bool { return deviation == c.Because })
		if written.Final != c.Final || result.Final != c.Final {
			t.Errorf("%s: Final is %v and %v, want %v", c.Name, result.Final, written.Final, c.Final)
		}
		says := message(result, err)
		if c.Written != "" {
			says = message(written, writtenErr)
		}
		if !strings.Contains(says, c.Says) || says == "" || strings.Contains(says, "\n") {
			t.Errorf("%s: it says %q, want %q in one line", c.Name, says, c.Says)
		}
	}
	if len(unused) > 0 {
		t.Errorf("no case shows the deviations %v", unused)
	}
}

func TestOnlyAJobOfBatchCompletes(t *testing.T) {
	t.Parallel()
	judged := 0
	for _, c := range cases(t) {
		object := c.object(t)
		result, err := status.Complete(object)
		if got, want := state(result, err), cmp.Or(c.Complete, "error"); got != want {
			t.Errorf("%s: got %s, want %s", c.Name, got, want)
		}
		if err == nil {
			judged++
		}
		if final := result.State == status.Failed; result.Final != final {
			t.Errorf("%s: Final is %v, want %v: a failed Job has failed for good", c.Name, result.Final, final)
		}
		if err == nil && result.State != status.Terminating && c.Ready == string(result.State) && !strings.Contains(result.Message, c.Says) {
			t.Errorf("%s: it says %q, want %q", c.Name, result.Message, c.Says)
		}
	}
	if judged == 0 {
		t.Error("no case is a Job")
	}
}

func TestWhatIsNoObjectIsAnError(t *testing.T) {
	t.Parallel()
	for name, object := range map[string]*unstructured.Unstructured{
		"nil":           nil,
		"empty":         {},
		"no kind":       {Object: map[string]any{"apiVersion": "v1", "status": map[string]any{"phase": "Bound"}}},
		"no apiVersion": {Object: map[string]any{"kind": "Secret"}},
		"odd version":   {Object: map[string]any{"kind": "Secret", "apiVersion": "a/b/c"}},
	} {
		if result, err := status.Ready(object, false); err == nil || result != (status.Result{}) {
			t.Errorf("%s: Ready says %+v, %v", name, result, err)
		}
		if result, err := status.Complete(object); err == nil || result != (status.Result{}) {
			t.Errorf("%s: Complete says %+v, %v", name, result, err)
		}
	}
}

// The rules read maps: neither the types of the API nor kstatus, which brings them, may get into the binary.
func TestNoTypesOfTheAPI(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	dependencies := strings.Fields(string(out))
	if !slices.Contains(dependencies, "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured") {
		t.Fatalf("these are not the dependencies of the package: %v", dependencies)
	}
	for _, dependency := range dependencies {
		if strings.HasPrefix(dependency, "k8s.io/api/") || strings.Contains(dependency, "/cli-utils/") {
			t.Errorf("the package depends on %s", dependency)
		}
	}
}

func state(result status.Result, err error) string {
	if err != nil {
		return "error"
	}
	return string(result.State)
}

func message(result status.Result, err error) string {
	if err != nil {
		return err.Error()
	}
	return result.Message
}
