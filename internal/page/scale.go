package page

import (
	"fmt"
	"time"
)

// scale puts moments on the chart's width.
type scale struct {
	zero  time.Time
	width time.Duration
}

func newScale(zero, end time.Time) scale {
	width := max(end.Sub(zero), time.Second)
	return scale{zero, width + width/40} // the last moment does not stick to the edge
}

// at is where a moment is, in percent.
func (s scale) at(t time.Time) float64 {
	return min(max(100*float64(t.Sub(s.zero))/float64(s.width), 0), 100)
}

// since is how long after the start a moment is; an unknown one is a dash.
func (s scale) since(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return lasted(t.Sub(s.zero))
}

// box is the style of what lies between two moments.
func (s scale) box(from, to time.Time) string {
	left := s.at(from)
	return fmt.Sprintf("left:%.3f%%;width:%.3f%%", left, max(s.at(to)-left, 0))
}

func left(percent float64) string { return fmt.Sprintf("left:%.3f%%", percent) }

// steps are the distances of the axis' marks.
var steps = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// ticks are the marks of the axis, at most nine.
func (s scale) ticks() []time.Duration {
	const most = 8
	step := steps[len(steps)-1]
	for _, candidate := range steps {
		if s.width/candidate <= most {
			step = candidate
			break
		}
	}
	for s.width/step > most {
		step *= 2
	}
	var all []time.Duration
	for at := time.Duration(0); at < s.width; at += step {
		all = append(all, at)
	}
	return all
}

// clock formats a mark of the axis.
func clock(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d d", int(d.Hours()/24))
}
