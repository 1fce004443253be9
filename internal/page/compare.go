package page

import (
	"fmt"
	"strings"
	"time"

	"github.com/tazlab/seed/internal/report"
)

// compare shows each moment of two births as two bars from the start.
func (c *chart) compare(earlier *report.Report) {
	changes := c.r.Compare(earlier)
	var longest time.Duration
	for _, change := range changes {
		longest = max(longest, change.Earlier, change.Now)
	}
	c.open("section", "class", "compare", "aria-labelledby", "compare")
	c.put("h2", "Compared with an earlier birth", "id", "compare")
	c.put("p", title(earlier)+" (upper bar, hatched) and this one (lower bar). One birth differs from the next by itself: differences below half a second or 3 percent are not named.")
	c.open("ol")
	for _, change := range changes {
		style := "row"
		verdict := change.Verdict(lasted)
		switch {
		case strings.HasSuffix(verdict, "faster"):
			style = "row faster"
		case strings.HasSuffix(verdict, "slower"):
			style = "row slower"
		}
		c.open("li", "class", style)
		c.open("div", "class", "name")
		c.put("span", change.Name)
		c.put("span", verdict, "class", "done")
		c.end("div")
		c.open("div", "class", "track", "role", "img", "aria-label",
			fmt.Sprintf("%s: earlier %s, now %s, %s", change.Name, lasted(change.Earlier), lasted(change.Now), verdict))
		c.pair("earlier", change.Earlier, longest)
		c.pair("now", change.Now, longest)
		c.end("div", "li")
	}
	c.end("ol", "section")
}

// pair is one bar of the two, with its number.
func (c *chart) pair(class string, took, longest time.Duration) {
	c.open("div", "class", "pair "+class)
	if took >= 0 && longest > 0 {
		c.put("span", "", "class", "bar "+class, "style", fmt.Sprintf("width:calc((100%% - 6rem) * %.4f)", float64(took)/float64(longest)))
	}
	c.put("span", lasted(took), "class", "number")
	c.end("div")
}
