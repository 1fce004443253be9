package life

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// Never is the Database whose Secrets never come.
const Never = "never"

// databaseUnit is the unit that waits for the database.
const databaseUnit = "flux-system/infrastructure-instances"

func checkDatabase(after string) error {
	if after == "" || after == Never {
		return nil
	}
	if d, err := time.ParseDuration(after); err != nil || d < 0 {
		return fmt.Errorf("--database %s: want a time such as 0s or 30s, or %s", after, Never)
	}
	return nil
}

// SetDatabase writes into the cluster-vars of a copy of the tree when the database's Secrets come. Where they never do,
// Flux says so after half a minute.
func SetDatabase(tree, after string) error {
	values := map[string]string{"DATABASE_AFTER": after}
	if after == Never {
		values["DATABASE_TIMEOUT"] = "30s"
	}
	file := filepath.Join(tree, Cluster, "cluster-vars.yaml")
	content, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("set when the database comes: %w", err)
	}
	for name, value := range values {
		line := regexp.MustCompile(`(?m)^  ` + name + `: .*$`)
		if len(line.FindAll(content, -1)) != 1 {
			return fmt.Errorf("set when the database comes: %s does not have %s once", file, name)
		}
		content = line.ReplaceAll(content, []byte("  "+name+": "+value))
	}
	return os.WriteFile(file, content, 0o600)
}

// tree is the folder to push: the checkout, or a copy of its tree with the chosen Database and CNI.
func (c *Castle) tree() (dir string, remove func(), err error) {
	if c.Database == "" && !c.network.tree {
		return c.Root, func() {}, nil
	}
	if dir, err = os.MkdirTemp("", "castle-tree-"); err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(dir) }
	if err = c.CopyTree(dir); err == nil && c.Database != "" {
		err = SetDatabase(dir, c.Database)
	}
	if err == nil && c.network.tree {
		err = SetCNI(dir)
	}
	if err != nil {
		remove()
		return "", nil, err
	}
	return dir, remove, nil
}

// upWithoutDatabase follows until the database alone is missing, and shows what is there and what is not. seed's Job goes
// on: it follows until the tree stands.
func (c *Castle) upWithoutDatabase(ctx context.Context) error {
	if err := c.FollowWithoutDatabase(ctx); err != nil {
		return err
	}
	if err := c.ShowTimeline(ctx); err != nil {
		return err
	}
	missing, err := c.Missing(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.screen, "\nnot there yet, as it was asked for (--database %s):\n%s", c.Database, missing)
	return nil
}

// FollowWithoutDatabase shows how the tree comes up and returns when seed's report says that every unit is Ready but the database's.
func (c *Castle) FollowWithoutDatabase(ctx context.Context) error {
	reports := func(client *kubernetes.Clientset) cache.Getter { return client.CoreV1().RESTClient() }
	return c.until(ctx, reports, "configmaps", SeedReport, &corev1.ConfigMap{}, func(e watch.Event) (bool, error) {
		object, ok := e.Object.(*corev1.ConfigMap)
		return ok && databaseAloneIsMissing(object.Data["report.json"]), nil
	})
}

// databaseAloneIsMissing reads it out of seed's report. What depends on the database would be missing too, but no unit does.
func databaseAloneIsMissing(text string) bool {
	var report struct {
		Units []struct {
			Name        string
			Ready, Part bool
		}
	}
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		return false
	}
	missing := false
	for _, unit := range report.Units {
		if unit.Ready || unit.Part { // a part is what a unit brought: the unit says whether that matters
			continue
		}
		if unit.Name != databaseUnit {
			return false
		}
		missing = true
	}
	return missing
}

// Missing says of each Pod that waitfor holds what it waits for, why that is not there, and who should bring it: the
// newest Event that waitfor wrote on it.
func (c *Castle) Missing(ctx context.Context) (string, error) {
	client, err := c.client()
	if err != nil {
		return "", err
	}
	pods, err := client.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "status.phase=Pending"})
	if err != nil {
		return "", fmt.Errorf("look for Pods that wait: %w", err)
	}
	var all strings.Builder
	for _, pod := range pods.Items {
		events, err := client.CoreV1().Events(pod.Namespace).List(ctx, metav1.ListOptions{
			FieldSelector: fields.AndSelectors(
				fields.OneTermEqualSelector("involvedObject.uid", string(pod.UID)), fields.OneTermEqualSelector("reason", "Waiting")).String(),
		})
		if err != nil {
			return "", fmt.Errorf("read the Events on Pod %s/%s: %w", pod.Namespace, pod.Name, err)
		}
		if n := len(events.Items); n > 0 { // they are sorted by name, and waitfor's names by time
			fmt.Fprintf(&all, "  Pod %s/%s: %s\n", pod.Namespace, pod.Name, events.Items[n-1].Message)
		}
	}
	return all.String(), nil
}
