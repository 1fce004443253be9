package follow

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Class is what kind of thing keeps a controller of Flux from running.
type Class string

// The classes of Trouble.
const (
	Taint        Class = "untolerated taint"
	NoNetwork    Class = "no network yet"
	NodeNotReady Class = "node not ready"
	NoRoom       Class = "no room"
	NoNode       Class = "no node fits"
	ImagePull    Class = "image pull"
	Volume       Class = "volume"
	Container    Class = "container cannot be started"
	Crash        Class = "crash"
	Admission    Class = "admission"
)

// Trouble is why controllers of Flux do not run.
type Trouble struct {
	// Controllers are the names of their Deployments.
	Controllers []string
	Class       Class
	// Why is what the cluster says of the first of them.
	Why string
	// Cure is the next step.
	Cure string
}

// String is one line: who, which class, why, the next step.
func (t Trouble) String() string {
	who := "Deployment " + t.Controllers[0] + " of Flux does not run: "
	if len(t.Controllers) > 1 {
		who = "Deployments " + strings.Join(t.Controllers, ", ") + " of Flux do not run: "
	}
	return who + string(t.Class) + ": " + t.Why + ": " + t.Cure
}

const (
	// lasting is how long what may pass by itself has to last before it is told: a node becomes ready, a scheduler
	// finds room, a container gets over its first crash.
	lasting = 15 * time.Second
	// settled is the same for what the cluster has called an error itself. It spares a flicker, and tells of
	// controllers together that have the same trouble.
	settled = 2 * time.Second
)

// finding is what the status of one controller says.
type finding struct {
	class     Class
	why, cure string
	// patience is how long it has to last before it is told.
	patience time.Duration
	// pod is the one that the rest can be learned of: at the nodes, or in its Events. It is nil where nothing is missing.
	pod *corev1.Pod
}
