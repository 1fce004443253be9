// Package faults makes an HTTP server fail on purpose: a handler around another one, with switches that are turned
// while it runs.
//
// It knows nothing of what it wraps. The vault stand-in and the Git server behind it stay as they are; what a fault
// answers in their place they do not see, so it is in no log of theirs, but in Calls.
package faults

import (
	"net/http"
	"sync"
	"time"
)

// Fault is what happens to a request. Its parts add up: one with Hold and Status is a slow refusal. The zero Fault
// does nothing.
type Fault struct {
	// Hold keeps the answer back until the channel is closed or the client goes. Never is a server that hangs.
	Hold <-chan struct{}
	// Reset ends the connection with a TCP RST in place of an answer. It needs ConnContext.
	Reset bool
	// Status, Header and Body are the answer in place of the server's own; Status 0 lets the server answer.
	Status int
	Header map[string]string
	Body   string
	// Cut breaks the connection off after so many bytes of the answer's body; 0 does not.
	Cut int
}

// Never is closed by nobody: see Fault.Hold.
var Never <-chan struct{} = make(chan struct{})

// Handler is a server with faults. It is safe for concurrent use; make one with New.
type Handler struct {
	next http.Handler

	mu    sync.Mutex // guards all below
	rules []*rule
	calls []call
}

// rule is one Fail that is switched on.
type rule struct {
	match *http.ServeMux
	fault Fault
	left  int // requests that it still concerns; below zero: any number
	hit   chan struct{}
	once  sync.Once
}

// call is a request of the past.
type call struct {
	method, path string
	at           time.Time
}

// New wraps a server. Without a Fail it changes nothing.
func New(next http.Handler) *Handler { return &Handler{next: next} }

// Fail makes the next times requests that match run into a fault; with 0 all of them until Heal. match is a pattern
// of http.ServeMux, such as "POST /api/v1/auth/{method}/login" or "/" for everything, and a bad one panics as there.
// Of several Fails the oldest one that matches counts. The returned channel is closed at the first such request.
func (h *Handler) Fail(match string, fault Fault, times int) (hit <-chan struct{}) {
	r := &rule{match: matcher(match), fault: fault, left: times, hit: make(chan struct{})}
	if times == 0 {
		r.left = -1
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rules = append(h.rules, r)
	return r.hit
}

// Heal switches all faults off. A request that is held already stays held.
func (h *Handler) Heal() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rules = nil
}

// Calls is when the requests that match came, whatever became of them; match is as in Fail.
func (h *Handler) Calls(match string) []time.Time {
	mux := matcher(match)
	var times []time.Time
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.calls {
		if matches(mux, c) {
			times = append(times, c.at)
		}
	}
	return times
}

// ServeHTTP answers one request, well or ill.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.find(r).serve(w, r, h.next)
}

// find notes the request and returns the fault that it runs into; the zero Fault if there is none.
func (h *Handler) find(r *http.Request) Fault {
	c := call{r.Method, r.URL.Path, time.Now()}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, c)
	for _, rule := range h.rules {
		if rule.left != 0 && matches(rule.match, c) {
			rule.left--
			rule.once.Do(func() { close(rule.hit) })
			return rule.fault
		}
	}
	return Fault{}
}
