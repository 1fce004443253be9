package report

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/set"
)

// ConfigMap is the name of the ConfigMap that keeps the timeline: report.json for programs, report.txt
// for people.
const ConfigMap = "seed-report"

const jsonKey, textKey = "report.json", "report.txt"

// Begin records when the machine and the API server started.
func (r *Report) Begin(ctx context.Context, cluster client.Reader) error {
	uptime, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return err
	}
	var seconds float64
	if _, err := fmt.Sscan(string(uptime), &seconds); err != nil {
		return fmt.Errorf("reading /proc/uptime: %w", err)
	}
	r.Machine = time.Now().Add(-time.Duration(seconds * float64(time.Second)))
	var namespace corev1.Namespace
	if err := cluster.Get(ctx, types.NamespacedName{Name: metav1.NamespaceSystem}, &namespace); err != nil {
		return fmt.Errorf("reading the Namespace %s: %w", metav1.NamespaceSystem, err)
	}
	r.APIServer = namespace.CreationTimestamp.Time
	return nil
}

// Save leaves the timeline in the cluster, in place of that of an earlier Pod. The record of a birth that has ended
// stays, unless a new one planted.
func (r *Report) Save(ctx context.Context, cluster client.Client, planted bool) error {
	if !planted {
		stored, err := Load(ctx, cluster)
		if err == nil && !stored.Ended.IsZero() {
			return nil
		}
		if err != nil && !apierrors.IsNotFound(err) && !errors.Is(err, ErrUnreadable) {
			return err
		}
	}
	return r.write(ctx, cluster)
}

func (r *Report) write(ctx context.Context, cluster client.Client) error {
	data, table, err := r.encode()
	if err != nil {
		return err
	}
	object := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: set.Namespace, Name: ConfigMap},
		Data:       map[string]string{jsonKey: string(data), textKey: string(table)},
	}
	err = cluster.Create(ctx, object, client.FieldOwner("seed"))
	if apierrors.IsAlreadyExists(err) {
		err = cluster.Update(ctx, object, client.FieldOwner("seed"))
	}
	if err != nil {
		return fmt.Errorf("saving the report in ConfigMap %s/%s: %w", set.Namespace, ConfigMap, err)
	}
	return nil
}

// peakMemory is VmHWM of this process (https://man7.org/linux/man-pages/man5/proc_pid_status.5.html).
func peakMemory() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		var kibibytes int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kibibytes); n == 1 {
			return kibibytes << 10
		}
	}
	return 0
}
