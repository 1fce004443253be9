package benchwaitfor

import (
	"time"

	"github.com/tazlab/seed/castle/internal/hostdeps"
)

// busybox is the distribution's static one, the shell of the loop.
const busybox = hostdeps.Busybox

// loopPause is the loop's own.
const loopPause = 5 * time.Second

// rival is one way to wait for a Secret.
type rival struct {
	name string
	// line is the command line that waits for the Secret of this name, without an end.
	line func(secret string) []string
	// lasts tells that the process which is started is the one that waits; the loop's kubectl come and go.
	lasts bool
	// requests is how many it makes in 30 seconds in vain when it has the CPU it needs.
	requests float64
}

// waitfor and what it is compared with.
const (
	waitfor     = "waitfor"
	kubectlLoop = "kubectl loop"
	kubectlWait = "kubectl wait"
)

var rivals = []rival{
	// GET and WATCH.
	{name: waitfor, lasts: true, requests: 2, line: func(secret string) []string {
		return []string{"waitfor", "secret/" + secret}
	}},
	// Six tries, each /api, /apis and GET: it cannot keep what it learns of the API server.
	{name: kubectlLoop, requests: 18, line: func(secret string) []string {
		return []string{"sh", "-c", "until kubectl get secret " + secret + "; do echo waiting; sleep 5; done"}
	}},
	// /api, /apis, and a GET every half second.
	{name: kubectlWait, lasts: true, requests: 62, line: func(secret string) []string {
		return []string{"kubectl", "wait", "--for=create", "secret/" + secret, "--timeout=600s"}
	}},
}
