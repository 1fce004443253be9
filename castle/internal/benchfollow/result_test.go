package benchfollow

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// chainSample is of a chain whose units come evenly from the first second on.
func chainSample(variant string, run int, seconds float64, writes int) sample {
	units := map[string]float64{chain: 0.5}
	for i, u := range generated()[0].units {
		units[u.name] = 1 + (seconds-1)*float64(i)/4
	}
	return sample{Run: run, Tree: chain, Variant: variant, Seconds: seconds, Units: units, Requests: map[string]requests{controller: {Reads: 10, Writes: writes, Lease: 7}}}
}

func measured() result {
	r := result{Runs: 3, Machine: "2 CPUs", Images: []string{"kustomize-controller:v1.9.5"}}
	for run, seconds := range []float64{2.6, 2, 2.2} {
		s := chainSample(withSeed, run, seconds, 20)
		s.Requests[follower] = requests{Writes: 4, Lease: 1}
		s.Before = &requests{Reads: 1, Watches: 2}
		r.Samples = append(r.Samples, chainSample(stockFlux, run, 22, 20), chainSample(every5s, run, 4.4, 20), chainSample(every1s, run, 2.2, 24), s)
	}
	return r
}

func TestTable(t *testing.T) {
	r := measured()
	var out strings.Builder
	if err := r.write(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"median (least to most) of 3 runs; 2 CPUs; kustomize-controller:v1.9.5\n",
		"| a chain of 5 | stock Flux (30s) | --requeue-dependency=5s | --requeue-dependency=1s | stock Flux and seed |\n|---|---|---|---|---|\n",
		"| root created to the last unit Ready, s | 22.00 | 4.40 | 2.20 | 2.20 (2.00 to 2.60) |\n",
		"| stock Flux's time / this | 1.00 | 5.00 | 10.00 | 10.00 |\n",
		"| this / seed's time | 10.00 | 2.00 | 1.00 | 1.00 |\n",
		"| one level, s | 5.25 | 0.85 | 0.30 | 0.30 (0.25 to 0.40) |\n",
		"| API requests in that time | 30 | 30 | 34 | 34 |\n",
		"| of seed before that, to begin (not in the sum) | 0 | 0 | 0 | 3 |\n",
		"| for leader election (not in the sum) | 7 | 7 | 7 | 8 |\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("lacks %q:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "20 that depend") || strings.Contains(out.String(), warmUp) {
		t.Errorf("has a table of what was not measured:\n%s", out.String())
	}
}

func TestTableHasTheMeasuredVariantsOnly(t *testing.T) {
	r := result{Samples: []sample{chainSample(every1s, 0, 3, 1), chainSample(withSeed, 0, 2, 1)}}
	var out strings.Builder
	if err := r.write(&out); err != nil {
		t.Fatal(err)
	}
	want := "| a chain of 5 | --requeue-dependency=1s | stock Flux and seed |\n|---|---|---|\n" +
		"| root created to the last unit Ready, s | 3.00 | 2.00 |\n| stock Flux's time / this | - | - |\n| this / seed's time | 1.50 | 1.00 |\n"
	if !strings.Contains(out.String(), want) {
		t.Errorf("lacks\n%s\nin\n%s", want, out.String())
	}
}

func TestAims(t *testing.T) {
	lines := func(r result) string {
		var all []string
		for _, a := range r.aims() {
			all = append(all, strings.SplitN(a.String(), ":", 2)[0])
		}
		return strings.Join(all, " | ")
	}
	r := measured()
	if got := lines(r); got != "met | met | met | missed | met" { // as many requests are not fewer
		t.Errorf("%s: %v", got, r.aims())
	}
	for i := range r.Samples {
		if r.Samples[i].Variant == withSeed {
			r.Samples[i] = chainSample(withSeed, i, 3, 1)
		}
	}
	if got := lines(r); got != "missed | missed | missed | met | missed" {
		t.Errorf("%s: %v", got, r.aims())
	}
	r.Samples = []sample{chainSample(stockFlux, 0, 20, 1), chainSample(every1s, 0, 20, 1)}
	if got := lines(r); strings.Count(got, "not measured (seed)") != 5 {
		t.Error(got)
	}
	r.Samples = []sample{chainSample(withSeed, 0, 2, 1)}
	if got := lines(r); got != "not measured (stock) | not measured (5s) | not measured (1s) | not measured (1s) | met" {
		t.Error(got)
	}
}

func TestFileHasAllSingleValues(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new", "result.json")
	r := measured()
	if err := r.save(file); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got result
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Samples) != 12 || got.Samples[3].Requests[follower].Writes != 4 || got.Samples[3].Before.Watches != 2 || len(got.Aims) != 5 {
		t.Errorf("%s", data)
	}
	empty := result{}
	if err := empty.save(filepath.Join(file, "impossible")); err != nil {
		t.Errorf("nothing was measured: %v", err)
	}
}

func TestResultNamesTheCommit(t *testing.T) {
	dir := t.TempDir()
	if r, err := newResult(t.Context(), dir, 2); err != nil || r.Revision != "" || r.Runs != 2 || r.Machine == "" {
		t.Errorf("%+v (%v)", r, err)
	}
	git := func(args ...string) {
		t.Helper()
		args = append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@b"}, args...)
		if out, err := exec.CommandContext(t.Context(), "git", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	git("init", "--quiet")
	git("commit", "--quiet", "--allow-empty", "--message=x")
	clean := revision(t.Context(), dir)
	if err := writeFile(filepath.Join(dir, "new"), ""); err != nil {
		t.Fatal(err)
	}
	if changed := revision(t.Context(), dir); len(clean) != 40 || changed != clean+"+" {
		t.Errorf("%q, and with a change %q", clean, changed)
	}
}

func TestEachVariantIsFirstInTurn(t *testing.T) {
	b := bench{variants: variants}
	var first []string
	for run := range 5 {
		order := b.rotated(run)
		if len(order) != len(variants) {
			t.Errorf("run %d has %d variants", run, len(order))
		}
		first = append(first, order[0].name)
	}
	if got := strings.Join(first, " "); got != "stock 5s 1s seed stock" {
		t.Error(got)
	}
}

func TestUnknownNames(t *testing.T) {
	if err := known("trees", []string{chain, "oak"}, []string{chain, fan}); err == nil || !strings.Contains(err.Error(), "no oak among the trees: they are chain fan") {
		t.Error(err)
	}
	if err := known("trees", []string{fan}, []string{chain, fan}); err != nil {
		t.Error(err)
	}
}
