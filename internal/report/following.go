package report

import "time"

// Following tells that it is no birth's: somebody followed a cluster that lived already, and it begins with that.
func (r *Report) Following() bool {
	return !r.Live && !r.Seed.IsZero() && r.Machine.IsZero() && r.APIServer.IsZero() && len(r.Steps) == 0
}

// Already tells that at is a moment before somebody began to follow: then it was so already, and since when is not told.
func (r *Report) Already(at time.Time) bool {
	return r.Following() && !at.IsZero() && !at.After(r.Zero())
}

// stoodUntil tells that the unit was Ready when somebody began to follow, and stayed so until that moment.
func (r *Report) stoodUntil(u *Unit, at time.Time) bool {
	return u != nil && r.stoodBefore(u) && (len(u.Spans) == 1 || !u.Spans[1].Start.Before(at))
}

// stoodBefore tells that the unit was Ready when somebody began to follow.
func (r *Report) stoodBefore(u *Unit) bool {
	return len(u.Spans) > 0 && u.Spans[0].Phase == PhaseReady && r.Already(u.Spans[0].Start)
}
