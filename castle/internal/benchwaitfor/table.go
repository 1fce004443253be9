package benchwaitfor

import (
	"fmt"
	"io"
	"strings"

	"github.com/tazlab/seed/castle/internal/figures"
)

// The measures, as they stand in the tables.
const (
	latePod       = "Secret created to application started, s"
	lateProcess   = "Secret created to exit of the process, s"
	startWall     = "start to exit when the Secret is there, ms"
	startCPU      = "CPU for that, ms"
	crowdSize     = "waiters at once"
	serverCPU     = "API server's CPU for all of them in 30 s, s"
	serverIdle    = "its CPU in the same time without them (not in the line above), s"
	serverCPUEach = "API server's CPU for one of them in 30 s, ms"
	requestsEach  = "requests of one of them in 30 s"
	serverGrowth  = "growth of the API server's memory while they wait, MB"
	waiterCPU     = "own CPU of one of them in 30 s, ms"
	waiterMemory  = "peak memory (RSS) of one of them, MB"
	crowdShare    = "share of the machine's CPUs that they and the API server use, %"
	machineBusy   = "busy share of the machine's CPUs in that time, %"
)

// measures are in the order of the table, with the digits after the point that they are worth. Those without a ratio
// are about crowds that may differ in size, or about what the waiters do not cause.
var measures = []struct {
	name   string
	digits int
	ratio  bool
}{
	{latePod, 2, true}, {lateProcess, 3, true}, {startWall, 1, true}, {startCPU, 1, true},
	{crowdSize, 0, false}, {serverCPU, 2, false}, {serverIdle, 2, false}, {serverCPUEach, 2, true}, {requestsEach, 1, true},
	{serverGrowth, 0, false}, {waiterCPU, 0, true}, {waiterMemory, 1, true}, {crowdShare, 0, false}, {machineBusy, 0, false},
}

// results are values by measure and rival.
type results map[string]map[string][]float64

func (r results) add(measure, rival string, value float64) {
	if r[measure] == nil {
		r[measure] = map[string][]float64{}
	}
	r[measure][rival] = append(r[measure][rival], value)
}

// dropCrowds forgets a rival's crowds of another size.
func (r results) dropCrowds(rival string) {
	for _, measure := range []string{crowdSize, serverCPU, serverIdle, serverCPUEach, requestsEach, serverGrowth, waiterCPU, crowdShare, machineBusy} {
		delete(r[measure], rival)
	}
}

// write prints the tables in Markdown: medians and spreads, and the ratios of the medians to waitfor's.
func (b *bench) write(out io.Writer) error {
	machine, err := figures.Machine()
	if err != nil {
		return err
	}
	var w strings.Builder
	fmt.Fprintf(&w, "\n`make bench-waitfor`, median (least to most) of %d runs, with %d starts and %d Secrets in each; %s\n\n",
		b.Runs, startsPerRun, secretsPerRun, machine)
	w.WriteString("| | waitfor | kubectl loop | kubectl wait | loop / waitfor | wait / waitfor |\n|---|---|---|---|---|---|\n")
	for _, m := range measures {
		of := b.results[m.name]
		if len(of) == 0 {
			continue
		}
		fmt.Fprintf(&w, "| %s |", m.name)
		for _, r := range rivals {
			fmt.Fprintf(&w, " %s |", figures.Spread(of[r.name], m.digits))
		}
		for _, r := range rivals[1:] {
			by := of[waitfor]
			if !m.ratio {
				by = nil
			}
			fmt.Fprintf(&w, " %s |", figures.Ratio(of[r.name], by))
		}
		w.WriteString("\n")
	}
	if len(b.kubelet) > 0 {
		fmt.Fprintf(&w, "\nFrom the last words of an init container that waits for nothing to the application's start: %s s.\n", figures.Spread(b.kubelet, 2))
	}
	w.WriteString("\n| Image | files, MB | gzip -9, MB |\n|---|---|---|\n")
	for _, image := range b.images {
		fmt.Fprintf(&w, "| %s | %.1f | %.1f |\n", image.image, float64(image.files)/1e6, float64(image.packed)/1e6)
	}
	_, err = io.WriteString(out, w.String())
	return err
}
