package page_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/tazlab/seed/internal/page"
	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/test/births"
)

// example is a report, beside an earlier one or nil.
type example struct{ report, earlier *report.Report }

// examples are what every test looks at.
func examples() map[string]example {
	hostile := births.Tiny()
	const text = `"'></span></style><script>alert(1)</script><img src=x onerror=alert(1)>`
	hostile.Revision, hostile.Units[0].Detail, hostile.Units[0].Spans[0].Why, hostile.Steps[0].Detail, hostile.Steps[0].Name = text, text, text, text, text
	return map[string]example{
		"castle":  {births.Castle(), births.Later(births.Castle(), 1.6)},
		"slower":  {births.Later(births.Castle(), 9), births.Old()},
		"blocked": {births.Blocked(), births.Castle()},
		"nudged":  {births.Nudged(), births.Castle()},
		"late":    {births.Late(), nil},
		"fixed":   {births.Fixed(), nil}, "long": {births.Long(), nil}, "mended": {births.Mended(), nil},
		"goal":   {untilThen(44.4, "infrastructure-configs"), births.Castle()},
		"no-app": {untilThen(24, "infrastructure-operators-namespaces"), nil},
		"stood":  {stood(), nil}, "followed": {followed(), nil},
		"tiny": {births.Tiny(), nil}, "large": {births.Large(), nil}, "old": {births.Old(), nil},
		"live": {births.Live(), nil}, "hostile": {hostile, nil},
		"nothing": {&report.Report{Machine: births.Start, APIServer: births.At(3), Seed: births.At(5)}, nil},
		"empty":   {&report.Report{}, nil},
	}
}

func write(t *testing.T, e example) string {
	t.Helper()
	var out strings.Builder
	if err := page.Write(&out, e.report, e.earlier); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func parse(t *testing.T, text string) *html.Node {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func hasClass(n *html.Node, class string) bool {
	return slices.Contains(strings.Fields(attribute(n, "class")), class)
}

// within are the elements of n with that class; an empty class is all.
func within(n *html.Node, class string) []*html.Node {
	var all []*html.Node
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && (class == "" || hasClass(d, class)) {
			all = append(all, d)
		}
	}
	return all
}

func textOf(n *html.Node) string {
	var out strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode && d.Parent.Data != "style" {
			out.WriteString(d.Data)
			if d.NextSibling == nil || d.NextSibling.Data != "wbr" {
				out.WriteString(" ")
			}
		}
	}
	return strings.ReplaceAll(strings.Join(strings.Fields(out.String()), " "), "\u00a0", " ")
}

// Whatever a report holds: nothing is loaded, nothing runs, and no text of it becomes an element.
func TestThePageIsSelfContained(t *testing.T) {
	t.Parallel()
	allowed := strings.Fields("html head meta title style body main header h1 h2 h3 p dl dt dd div section ul ol li span table thead tbody tr th td details summary wbr")
	for name, e := range examples() {
		text := write(t, e)
		doc := parse(t, text)
		for _, n := range within(doc, "") {
			if !slices.Contains(allowed, n.Data) {
				t.Errorf("%s: an element %s", name, n.Data)
			}
			for _, a := range n.Attr {
				if a.Key == "src" || a.Key == "href" || strings.HasPrefix(a.Key, "on") || a.Key == "style" && strings.Contains(a.Val, "url(") {
					t.Errorf("%s: <%s %s=%q>", name, n.Data, a.Key, a.Val)
				}
			}
		}
		if !strings.Contains(text, `content="default-src &#39;none&#39;`) || strings.Contains(text, "@import") || strings.Contains(text, "url(") {
			t.Errorf("%s: the page could load something", name)
		}
	}
	if got := textOf(parse(t, write(t, examples()["hostile"]))); !strings.Contains(got, "<script>alert(1)</script>") {
		t.Error("the text is not shown as it is")
	}
}

// What is drawn lies within the chart and can be read: each row has words for who does not see it.
func TestRows(t *testing.T) {
	t.Parallel()
	for name, e := range examples() {
		doc := parse(t, write(t, e))
		charts := within(doc, "chart")
		if len(charts) != 1 {
			t.Fatalf("%s: %d charts", name, len(charts))
		}
		rows := within(charts[0], "row")
		shown := 0
		for _, row := range rows {
			track := within(row, "track")
			if len(track) != 1 || attribute(track[0], "role") != "img" || len(attribute(track[0], "aria-label")) < 5 {
				t.Errorf("%s: a row without words: %s", name, textOf(row))
			}
			for _, bar := range append(within(row, "bar"), within(row, "path")...) {
				left, width := place(t, attribute(bar, "style"))
				if left < 0 || width < 0 || left+width > 100.001 || attribute(bar, "title") == "" {
					t.Errorf("%s: a bar at %s, %q, in %s", name, attribute(bar, "style"), attribute(bar, "title"), textOf(row))
				}
			}
		}
		for _, u := range e.report.Units {
			if slices.ContainsFunc(rows, func(row *html.Node) bool { return strings.Contains(textOf(row), e.report.Short(u.Name)) }) {
				shown++
			}
		}
		if shown != len(e.report.Units) || len(rows) < shown {
			t.Errorf("%s: %d of %d units in %d rows", name, shown, len(e.report.Units), len(rows))
		}
	}
}

// place reads left and width in percent.
func place(t *testing.T, style string) (left, width float64) {
	t.Helper()
	for property := range strings.SplitSeq(style, ";") {
		key, value, _ := strings.Cut(property, ":")
		number, err := strconv.ParseFloat(strings.TrimSuffix(value, "%"), 64)
		switch {
		case err != nil:
			t.Errorf("style %q: %v", style, err)
		case key == "left":
			left = number
		case key == "width":
			width = number
		}
	}
	return left, width
}

func TestWhatThePageSays(t *testing.T) {
	t.Parallel()
	all := examples()
	for name, want := range map[string][]string{
		"castle": {
			"Birth of 21 November 2026, 08:00 UTC", "First app online 29.5 s apps-static", "Everything 56.0 s 15 units", "first app online 29.5 s",
			"everything 56.0 s", "seed plants Flux 11.1 s 3.42 s", "infrastructure-instances 44.4 s 11.6 s 1.23 s",
			"22.5 s for infrastructure-configs, 1.23 s for Flux to look again", "Ready says only that it was applied",
			"Compared with an earlier birth", "everything 33.6 s faster 89.5 s 56.0 s", "Every unit in words (15)",
		},
		"slower":  {"everything 7 min 28 s slower", "API server ready 32.0 s slower"},
		"blocked": {"First app online – no app yet", "1 of 4 units are Ready", "12 earlier steps were dropped", "Not Ready when this was written, 10 min 00 s after the start: infrastructure-instances, apps-data, apps-later", "everything not reached"},
		"nudged": {
			"Everything 43.5 s 13 units, 2 left out", "Asked Flux to look again 9 times dependency ready 6, source-controller available 1, store valid 2",
			"Suspended, so not waited for: infrastructure-networking, helmrelease/apps/wiki; nor is what can only come after: infrastructure-configs-networks.",
			"infrastructure-networking suspended", "infrastructure-configs-networks left out", "everything 12.5 s faster", "Every unit in words (23)",
		},
		"late": {
			"First app online 29.5 s apps-static", "Goal – apps-data, helmrelease/blog/blog", "11 of 15 units are Ready, 2 left out",
			"What is missing", "helmrelease/longhorn-system/longhorn stalled Helm install failed for release", "apps-data, infrastructure-instances, infrastructure-storage wait for it",
			"Not Ready when this was written, 2 min 00 s after the start: apps-data, infrastructure-instances, infrastructure-storage, apps-later.",
		},
		"fixed": {
			"failed, waits for the next try", "infrastructure 62.3 s 30.7 s 0.20 s", "apps 94.0 s 31.0 s for infrastructure, 0.50 s for Flux to look again",
			"monitoring 63.0 s 62.0 s for the next try (kustomize build failed",
		},
		"long":   {"database 21.2 s 4 min 39 s –", "apps-static 5 min 00 s 1.20 s –"},
		"mended": {"flux-system 14.0 s 7.20 s 6.00 s", "web 21.2 s 2 min 58 s 2 min 49 s", "flux-system 3 min 19 s 1.10 s –"},
		"goal": {
			"First app online 29.5 s apps-static", "Goal 44.4 s infrastructure-configs", "Everything not waited for the goal stood first; 13 of 15 units are Ready",
			"Not Ready when the goal stood, and not waited for: infrastructure-instances, infrastructure-operators-eso.", "What decided when the goal stood.",
			"What the goal and each app waited for", "Goal or app Ready Waited for infrastructure-configs 44.4 s", "first app online as before", "everything not waited for 56.0 s –",
		},
		"no-app":  {"First app online not waited for the goal stood first; no app yet", "Goal 23.5 s infrastructure-operators-namespaces"},
		"old":     {"An older seed wrote this", "First app online – not recorded", "Everything 56.0 s"},
		"live":    {"Read off the conditions of a running cluster", "The tree of units, as read 21 November 2026, 09:00 UTC", "Ready 1 of 2 units are Ready", "Not Ready when this was read: apps."},
		"nothing": {"machine and API server", "start of seed"},
		"empty":   {"A birth without a record"},
	} {
		got := textOf(parse(t, write(t, all[name])))
		for _, text := range want {
			if !strings.Contains(got, text) {
				t.Errorf("%s: %q is not in %s", name, text, got)
			}
		}
	}
}

// The path is marked on exactly the units that are on it, once for each time, by a sign and not by colour alone.
func TestTheCriticalPathIsMarked(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*report.Report{"castle": births.Castle(), "fixed": births.Fixed(), "long": births.Long(), "mended": births.Mended()} {
		var got, want []string
		for _, row := range within(parse(t, write(t, example{r, nil})), "critical") {
			if len(within(row, "mark")) != 1 || !strings.Contains(attribute(within(row, "track")[0], "aria-label"), "on the critical path") {
				t.Errorf("%s: no mark: %s", name, textOf(row))
			}
			for range within(row, "path") {
				got = append(got, strings.Fields(textOf(row))[1])
			}
		}
		for _, leg := range r.CriticalPath() {
			if leg.Unit {
				want = append(want, r.Short(leg.Name))
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if fmt.Sprint(got) != fmt.Sprint(want) || len(got) < 3 {
			t.Errorf("%s: marked %v, want %v", name, got, want)
		}
	}
}

// A unit that has failed waits for the next try; one that has given up does not.
func TestWhatHasFailedWaits(t *testing.T) {
	t.Parallel()
	var titles []string
	for _, bar := range within(within(parse(t, write(t, example{births.Late(), nil})), "chart")[0], "failed") {
		if title := attribute(bar, "title"); title != "" {
			titles = append(titles, strings.ReplaceAll(title, "\u00a0", " "))
		}
	}
	slices.Sort(titles)
	want := []string{"failed after 105.0 s: 15 Kustomizations", "stalled 33.7 s: Helm install failed",
		"waited for the next try 0.50 s: could not get secret", "waited for the next try 0.60 s: could not get secret", "waited for the next try 33.6 s: health check failed"}
	if !slices.EqualFunc(titles, want, strings.HasPrefix) {
		t.Errorf("%q\nwant %q", titles, want)
	}
}

// Five seconds are five seconds in every health check, however long it took.
func TestThePollGrid(t *testing.T) {
	t.Parallel()
	doc := parse(t, write(t, example{births.Castle(), nil}))
	checked := 0
	for _, bar := range within(within(doc, "chart")[0], "health") {
		var poll, width float64
		for property := range strings.SplitSeq(attribute(bar, "style"), ";") {
			_, _ = fmt.Sscanf(property, "--poll:%f%%", &poll)
			_, _ = fmt.Sscanf(property, "width:%f%%", &width)
		}
		seconds := width / 100 * 55.96 * 1.025 * poll / 100
		if seconds < 4.95 || seconds > 5.05 {
			t.Errorf("a line every %.2f s: %s", seconds, attribute(bar, "style"))
		}
		checked++
	}
	if checked != 10 {
		t.Errorf("%d health checks", checked)
	}
}

// What a unit brought stands right below it, and is never on the critical path.
func TestPartsStandBelowTheirUnit(t *testing.T) {
	t.Parallel()
	r := births.Nudged()
	by := map[string]string{}
	for _, u := range r.Units {
		if u.Part {
			by[r.Short(u.Name)] = r.Short(u.By)
		}
	}
	top, parts := "", 0
	for _, row := range within(within(parse(t, write(t, example{r, nil})), "chart")[0], "row") {
		name := strings.Fields(strings.TrimPrefix(textOf(row), "◆ "))[0]
		if !hasClass(row, "part") {
			top = name
			continue
		}
		parts++
		if by[name] != top || hasClass(row, "critical") || len(within(row, "path")) > 0 {
			t.Errorf("%s stands below %s, it is of %s", name, top, by[name])
		}
	}
	if parts != len(by) || parts < 8 {
		t.Errorf("%d of %d parts", parts, len(by))
	}
}
