package birth

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tazlab/seed/internal/report"
)

// Deadline is the error of a following whose goal did not stand in time.
type Deadline struct {
	// After is the deadline.
	After time.Duration
	// Missing is what did not stand, by cause, in lines.
	Missing string
}

// Error names the deadline and what is missing.
func (d Deadline) Error() string {
	return fmt.Sprintf("the goal does not stand after %s:\n%s", d.After, strings.TrimSuffix(d.Missing, "\n"))
}

// never is an error if what Until names can only become Ready after something that is suspended, or if all is left out.
func (f *Following) never() error {
	if len(f.goals) == 0 {
		suspended, _ := f.Report.LeftOut()
		if f.Forever || len(suspended) == 0 || f.Report.Stands() || len(f.Report.Late()) > 0 {
			return nil
		}
		return fmt.Errorf("%s is suspended, and there is nothing else that could become Ready: resume it in Git", suspended[0].Name)
	}
	missing := f.Report.Missing()
	i := slices.IndexFunc(missing, func(m report.Missing) bool { return m.Cause == report.CauseSuspended })
	if i < 0 {
		return nil
	}
	who := "it"
	if waiting := missing[i].Waiting; len(waiting) > 0 {
		who = strings.Join(waiting, ", ")
	}
	return fmt.Errorf("%s is suspended, and %s would never become Ready: resume it in Git, or wait for something else with --until", missing[i].Unit, who)
}
