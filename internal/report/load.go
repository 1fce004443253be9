package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/set"
)

// ErrUnreadable is the error of a report that is there and cannot be read.
var ErrUnreadable = errors.New("it holds no report that seed can read")

// Load reads the report that is in the cluster. That there is none is the API server's NotFound.
func Load(ctx context.Context, cluster client.Reader) (*Report, error) {
	var stored corev1.ConfigMap
	if err := cluster.Get(ctx, types.NamespacedName{Namespace: set.Namespace, Name: ConfigMap}, &stored); err != nil {
		return nil, fmt.Errorf("reading the report in ConfigMap %s/%s: %w", set.Namespace, ConfigMap, err)
	}
	r := &Report{}
	if err := json.Unmarshal([]byte(stored.Data[jsonKey]), r); err != nil {
		return nil, fmt.Errorf("reading the report in ConfigMap %s/%s, key %s: %w: %w", set.Namespace, ConfigMap, jsonKey, ErrUnreadable, err)
	}
	return r, nil
}

// Continues puts what an earlier Pod of the same birth recorded before what r has.
func (r *Report) Continues(earlier *Report) {
	r.Seed = earlier.Seed
	if !earlier.Machine.IsZero() {
		r.Machine, r.APIServer = earlier.Machine, earlier.APIServer
	}
	if r.Revision == "" {
		r.Revision = earlier.Revision
	}
	r.Steps = append(earlier.Steps, r.Steps...)
	r.Dropped += earlier.Dropped
	for cause, times := range earlier.Nudges {
		if r.Nudges == nil {
			r.Nudges = map[string]int{}
		}
		r.Nudges[cause] += times
	}
	r.PeakMemory = max(r.PeakMemory, earlier.PeakMemory)
	r.trim()
	for i := range r.Units {
		if before := earlier.unit(r.Units[i].Name); before != nil {
			r.Units[i].continues(before)
		}
	}
}

// took says how long a birth took that has ended.
func (r *Report) took() string {
	text := fmt.Sprintf("the birth ended %s after seed started", r.Ended.Sub(r.Seed).Round(10*time.Millisecond))
	if !r.Machine.IsZero() {
		text += fmt.Sprintf(", %s after the machine did", r.Ended.Sub(r.Machine).Round(10*time.Millisecond))
	}
	if r.Deadline > 0 {
		text += fmt.Sprintf(": at its deadline of %s, and not all of the goal stood", r.Deadline)
	}
	return text
}
