package screen

import "time"

// SetAlike changes how long after the program the castle itself learns of a Ctrl-C at the latest.
func (s *Screen) SetAlike(d time.Duration) { s.alike = d }
