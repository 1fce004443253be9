package benchfollow

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/tazlab/seed/castle/internal/pki"
	"github.com/tazlab/seed/castle/internal/stock"
)

// Who makes the requests that are counted.
const (
	controller = "kustomize-controller"
	follower   = "seed"
)

// audited are their users: seed follows with the admin's kubeconfig, as from a workstation.
var audited = []string{controllerUser, pki.Admin}

const controllerUser = "system:serviceaccount:" + stock.Namespace + ":" + controller

// requests counts what somebody asked the API server for.
type requests struct {
	Reads   int `json:"reads"`   // get, list, and what the API server serves
	Writes  int `json:"writes"`  // all that is neither read nor watch
	Watches int `json:"watches"` // opened, not those that are open
	Lease   int `json:"lease"`   // of its leader election, which depends on nothing but the time; in none of the others
}

func (r requests) all() int { return r.Reads + r.Writes + r.Watches }

// entry is of the API server's audit log what counts here: https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/#audit-k8s-io-v1-Event.
type entry struct {
	AuditID   string `json:"auditID"`
	Verb      string `json:"verb"`
	UserAgent string `json:"userAgent"`
	User      struct {
		Username string `json:"username"`
	} `json:"user"`
	ObjectRef struct {
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
	} `json:"objectRef"`
	Received time.Time `json:"requestReceivedTimestamp"`
}

// who is controller, follower, or empty: this program is an admin too.
func (e entry) who() string {
	program, _, _ := strings.Cut(e.UserAgent, "/")
	switch {
	case e.User.Username == controllerUser:
		return controller
	case e.User.Username == pki.Admin && program == follower:
		return follower
	}
	return ""
}

// what is the verb and the resource that it is about, for example "patch kustomizations/status".
func (e entry) what() string {
	object := cmp.Or(e.ObjectRef.Resource, "-")
	if e.ObjectRef.Subresource != "" {
		object += "/" + e.ObjectRef.Subresource
	}
	return e.Verb + " " + object
}

// within are the requests that were received from the first moment on and not after the last, by who. A watch has two entries; it
// and every other request is there once.
func within(entries []entry, first, last time.Time) map[string][]entry {
	all, seen := map[string][]entry{}, map[string]bool{}
	for _, e := range entries {
		who := e.who()
		if who == "" || e.Received.Before(first) || e.Received.After(last) || seen[e.AuditID] {
			continue
		}
		seen[e.AuditID] = true
		all[who] = append(all[who], e)
	}
	return all
}

// count adds up what one has asked for.
func count(entries []entry) requests {
	var r requests
	for _, e := range entries {
		switch {
		case e.ObjectRef.Resource == "leases":
			r.Lease++
		case e.Verb == "watch":
			r.Watches++
		case e.Verb == "get" || e.Verb == "list":
			r.Reads++
		default:
			r.Writes++
		}
	}
	return r
}

// parse reads entries, one a line. What comes after the last line's end is not written yet.
func parse(log io.Reader) ([]entry, error) {
	var all []entry
	for lines := bufio.NewReader(log); ; {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		var e entry
		if err == nil {
			err = json.Unmarshal(line, &e)
		}
		if err == nil && (e.AuditID == "" || e.Received.IsZero()) {
			err = fmt.Errorf("an entry without auditID or time: %.200s", line)
		}
		if err != nil {
			return nil, fmt.Errorf("read the API server's audit log: %w", err)
		}
		all = append(all, e)
	}
}

// auditLog is the API server's, from a place in it on.
type auditLog struct {
	file string
	from int64
}

// begin remembers the log's end.
func begin(file string) (auditLog, error) {
	info, err := os.Stat(file)
	if err != nil {
		return auditLog{}, fmt.Errorf("find the API server's audit log: %w", err)
	}
	return auditLog{file, info.Size()}, nil
}

// entries are those since then.
func (l auditLog) entries() ([]entry, error) {
	file, err := os.Open(l.file)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if _, err := file.Seek(l.from, io.SeekStart); err != nil {
		return nil, err
	}
	return parse(file)
}
