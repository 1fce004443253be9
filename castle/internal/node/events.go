package node

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Names of events.
const (
	Started   = "started"    // a component was started
	APIReady  = "api-ready"  // the API server says /readyz ok to the admin
	NodeReady = "node-ready" // the Node has the condition Ready
	Warning   = "warning"    // something is missing that the node can do without
	Failed    = "failed"     // the node is going down on its own
	Stopped   = "stopped"    // the node went down because it was asked to
)

// Event is something that happened to the node.
type Event struct {
	Name      string        `json:"name"`
	Component string        `json:"component,omitempty"`
	Message   string        `json:"message,omitempty"`
	Log       []string      `json:"log,omitempty"` // the last lines of the component's log, for Failed
	Time      time.Time     `json:"time"`
	Elapsed   time.Duration `json:"elapsed"` // since the supervisor started, in nanoseconds
}

// recorder writes events, one JSON object a line, to a file for ever and to a pipe while someone reads it.
type recorder struct {
	mu    sync.Mutex
	began time.Time
	file  io.Writer
	pipe  io.Writer
}

func newRecorder(dir string, pipe io.Writer) (*recorder, error) {
	file, err := os.OpenFile(eventsPath(dir), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the list of events: %w", err)
	}
	return &recorder{began: time.Now(), file: file, pipe: pipe}, nil
}

func (r *recorder) record(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.Time = time.Now()
	e.Elapsed = e.Time.Sub(r.began)
	line, err := json.Marshal(e)
	if err != nil {
		return // an Event is made of strings and times only
	}
	line = append(line, '\n')
	if _, err := r.file.Write(line); err != nil {
		fmt.Fprintln(os.Stderr, "record event:", err)
	}
	_, _ = r.pipe.Write(line) // nobody needs to read it: Start ends at its goal
}

func eventsPath(dir string) string { return filepath.Join(dir, "events.jsonl") }

// readEvents returns what the recorder wrote, without a half-written last line.
func readEvents(dir string) ([]Event, error) {
	data, err := os.ReadFile(eventsPath(dir))
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the list of events: %w", err)
	}
	var events []Event
	for line := range bytes.Lines(data) {
		var e Event
		if json.Unmarshal(line, &e) == nil {
			events = append(events, e)
		}
	}
	return events, nil
}

// tail returns the last n lines of a log, reading at most its last 16 KiB.
func tail(path string, n int) []string {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	const most = 16 << 10
	if info, err := file.Stat(); err == nil && info.Size() > most {
		_, _ = file.Seek(-most, io.SeekEnd)
	}
	data, err := io.ReadAll(file)
	text := strings.TrimRight(string(data), "\n")
	if err != nil || text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	return lines[max(0, len(lines)-n):]
}
