//go:build browser

package page_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// widths are those of a phone, a tablet, a laptop and a large screen.
var widths = []int{360, 700, 1100, 1600}

// The page in a real browser, in each width, light and dark: nothing sticks out, nothing is cut off or too faint to read,
// nothing is asked for and nothing is complained about.
func TestInABrowser(t *testing.T) {
	for scheme, setting := range map[string]string{"light": "1", "dark": "0"} {
		t.Run(scheme, func(t *testing.T) {
			server, asked := serve(t)
			out, console := chromium(t, setting, "--virtual-time-budget=20000", "--dump-dom", server.URL+"/measure")
			findings := within(parse(t, out), "findings")
			if len(findings) != 1 {
				t.Fatalf("the measuring page has no result:\n%s\n%s", out, console)
			}
			var result struct {
				Pages, Texts, Bars int
				Wrong              []string
			}
			if err := json.Unmarshal([]byte(findings[0].FirstChild.Data), &result); err != nil {
				t.Fatal(err)
			}
			for _, wrong := range result.Wrong {
				t.Error(wrong)
			}
			if result.Pages != len(examples())*len(widths) || result.Texts < 1000 || result.Bars < 1000 {
				t.Errorf("looked at %+v only", result)
			}
			if strings.Contains(console, ":CONSOLE") {
				t.Errorf("the console: %s", console)
			}
			if others := asked(); len(others) > 0 {
				t.Errorf("the pages asked for %v", others)
			}
		})
	}
}

// A screenshot is neither empty nor in the wrong colours.
func TestScreenshot(t *testing.T) {
	for scheme, setting := range map[string]string{"light": "1", "dark": "0"} {
		t.Run(scheme, func(t *testing.T) {
			server, _ := serve(t)
			file := filepath.Join(t.TempDir(), "page.png")
			_, console := chromium(t, setting, "--window-size=1200,1600", "--hide-scrollbars", "--screenshot="+file, server.URL+"/castle")
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v\n%s", err, console)
			}
			picture, err := png.Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			colours := map[[3]uint32]int{}
			for y := 0; y < picture.Bounds().Dy(); y += 2 {
				for x := 0; x < picture.Bounds().Dx(); x += 2 {
					r, g, b, _ := picture.At(x, y).RGBA()
					colours[[3]uint32{r >> 8, g >> 8, b >> 8}]++
				}
			}
			paper, most := [3]uint32{}, 0
			for colour, count := range colours {
				if count > most {
					paper, most = colour, count
				}
			}
			if light := paper[0] > 128; light != (scheme == "light") || len(colours) < 50 {
				t.Errorf("paper %v, %d colours", paper, len(colours))
			}
		})
	}
}

// serve serves the examples by name, and a page that measures them all. asked are the paths that nobody should ask for.
func serve(t *testing.T) (server *httptest.Server, asked func() []string) {
	t.Helper()
	pages := map[string]string{}
	for name, e := range examples() {
		pages["/"+name] = write(t, e)
	}
	script, err := os.ReadFile("testdata/measure.js")
	if err != nil {
		t.Fatal(err)
	}
	var measure strings.Builder
	measure.WriteString("<!DOCTYPE html><link rel=icon href=data:,><body>")
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		for _, width := range widths {
			fmt.Fprintf(&measure, "<iframe src=%q style='width:%dpx;height:800px;border:0'></iframe>", name, width)
		}
	}
	pages["/measure"] = measure.String() + "<script>" + string(script) + "</script>"
	var lock sync.Mutex
	var others []string
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, known := pages[r.URL.Path]
		if !known && r.URL.Path != "/favicon.ico" { // the browser's own idea
			lock.Lock()
			defer lock.Unlock()
			others = append(others, r.URL.Path)
		}
		if !known {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(page))
	}))
	t.Cleanup(server.Close)
	return server, func() []string {
		lock.Lock()
		defer lock.Unlock()
		return others
	}
}

// chromium runs the browser without a window and without a network but this machine's, and returns what it printed.
func chromium(t *testing.T, scheme string, args ...string) (out, console string) {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("%v: make browser installs it", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, program, append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--enable-logging=stderr", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
		"--user-data-dir=" + t.TempDir(), "--blink-settings=preferredColorScheme=" + scheme,
	}, args...)...)
	var stdout, stderr strings.Builder
	command.Stdout, command.Stderr = &stdout, &stderr
	command.WaitDelay = 10 * time.Second
	if err := command.Run(); err != nil {
		t.Fatalf("chromium: %v\n%s", err, stderr.String())
	}
	return stdout.String(), stderr.String()
}
