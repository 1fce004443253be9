package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

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
	if err := json.Unmarshal([]byte(stored.Data["report.json"]), r); err != nil {
		return nil, fmt.Errorf("reading the report in ConfigMap %s/%s, key report.json: %w: %w", set.Namespace, ConfigMap, ErrUnreadable, err)
	}
	return r, nil
}
