package birth

import (
	"context"
	"fmt"
	"regexp"

	"github.com/tazlab/seed/internal/follow"
)

// mostTold is how many different messages of one unit are remembered.
const mostTold = 20

// numbers are what differs from try to try, as the time that each took, and is nothing new.
var numbers = regexp.MustCompile(`([0-9][0-9.]*(h|ms|m|s|µs|ns)?)+`)

// tell tells people of a unit that has failed or is stalled, once for each message until it is Ready again.
func (f *Following) tell(ctx context.Context, u follow.Unit) {
	if u.Ready && !u.Failed {
		delete(f.told, u.ID)
	}
	message := numbers.ReplaceAllString(u.Reason, "#")
	if !u.Failed || f.told[u.ID][message] {
		return
	}
	if len(f.told[u.ID]) >= mostTold || f.told[u.ID] == nil {
		f.told[u.ID] = map[string]bool{}
	}
	f.told[u.ID][message] = true
	next := "and Flux goes on trying"
	if u.Stalled {
		next = "and Flux does not try again before it is changed"
	}
	f.event(ctx, "UnitNotReady", fmt.Sprintf("%s is not Ready, %s: %s", u.Title(), next, u.Reason))
}

// event tells people: of a birth in the cluster, else in the log alone.
func (f *Following) event(ctx context.Context, reason, message string) {
	if f.birth != nil {
		f.birth.event(ctx, reason, message)
		return
	}
	f.Log.Warn(message, "reason", reason)
}
