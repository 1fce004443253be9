package life

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"

	"github.com/tazlab/seed/castle/internal/node"
)

// The objects of seed in the cluster, as its inline manifest names them.
const (
	SeedNamespace = "seed-system"
	SeedReport    = "seed-report"
	// SeedLabel is on all objects of all sets.
	SeedLabel = "app.kubernetes.io/name=seed"
)

// ErrJobFailed is what Follow returns when seed's Job has failed for good.
var ErrJobFailed = errors.New("seed's Job has failed for good")

// NewestJob returns the Job of seed's newest set, nil if there is none.
func NewestJob(ctx context.Context, client kubernetes.Interface) (*batchv1.Job, error) {
	jobs, err := client.BatchV1().Jobs(SeedNamespace).List(ctx, metav1.ListOptions{LabelSelector: SeedLabel})
	if err != nil {
		return nil, fmt.Errorf("look for seed's Job: %w", err)
	}
	if len(jobs.Items) == 0 {
		return nil, nil
	}
	newest := slices.MaxFunc(jobs.Items, func(x, y batchv1.Job) int { // as seed orders its sets
		return cmp.Or(x.CreationTimestamp.Compare(y.CreationTimestamp.Time), cmp.Compare(x.Name, y.Name))
	})
	return &newest, nil
}

// Follow shows how the tree comes up and returns when the Job of its newest set is complete or has failed for good.
func (c *Castle) Follow(ctx context.Context) error {
	return c.showing(ctx, func(ctx context.Context, client *kubernetes.Clientset) error {
		jobs := cache.NewFilteredListWatchFromClient(client.BatchV1().RESTClient(), "jobs", SeedNamespace, func(o *metav1.ListOptions) {
			o.LabelSelector = SeedLabel
		})
		_, err := watchtools.UntilWithSync(ctx, jobs, &batchv1.Job{}, nil, func(watch.Event) (bool, error) {
			job, err := NewestJob(ctx, client) // the event may be of another one
			if err != nil || job == nil {
				return false, err
			}
			return ended(job)
		})
		return err
	})
}

func ended(job *batchv1.Job) (bool, error) {
	for _, condition := range job.Status.Conditions {
		if condition.Status != corev1.ConditionTrue {
			continue
		}
		switch condition.Type {
		case batchv1.JobComplete:
			return true, nil
		case batchv1.JobFailed:
			return false, fmt.Errorf("%w: %s", ErrJobFailed, condition.Message)
		}
	}
	return false, nil
}

// until shows how the tree comes up and returns when an object of seed is as done says.
func (c *Castle) until(ctx context.Context, api func(*kubernetes.Clientset) cache.Getter, resource, name string, kind runtime.Object, done watchtools.ConditionFunc) error {
	return c.showing(ctx, func(ctx context.Context, client *kubernetes.Clientset) error {
		objects := cache.NewFilteredListWatchFromClient(api(client), resource, SeedNamespace, func(o *metav1.ListOptions) {
			o.FieldSelector = fields.OneTermEqualSelector("metadata.name", name).String()
		})
		_, err := watchtools.UntilWithSync(ctx, objects, kind, nil, done)
		return err
	})
}

// showing shows how the tree comes up while something is waited for: by seed's log, on a terminal live once there is a tree. A
// node that dies ends it with the reason.
func (c *Castle) showing(ctx context.Context, waiting func(context.Context, *kubernetes.Clientset) error) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	guarded, stop := c.guarded(ctx)
	defer stop()
	if c.screen.Live() { // client-go's own lines would get into what is drawn
		guarded = logr.NewContext(guarded, logr.Discard())
	}
	logs, view := c.showLogs(guarded, client), c.showView(guarded)
	err = waiting(guarded, client)
	view(err != nil)
	logs()
	c.screen.Release(err != nil && ctx.Err() == nil) // then seed's log may say why
	if err != nil && ctx.Err() == nil && guarded.Err() != nil {
		return context.Cause(guarded)
	}
	return err
}

// showLogs copies the log of each of seed's Pods, once the Pod has begun. The function it returns
// waits a moment for the last lines, and nothing is written after it.
func (c *Castle) showLogs(ctx context.Context, client kubernetes.Interface) (finish func()) {
	following, stop := context.WithCancel(ctx)
	reading, end := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() { c.followPods(following, reading, client, &all) })
	return func() {
		stop()
		timer := time.AfterFunc(5*time.Second, end)
		defer timer.Stop()
		all.Wait()
		end()
	}
}

// followPods starts to copy the log of each new Pod until following ends; the copying ends with reading.
func (c *Castle) followPods(following, reading context.Context, client kubernetes.Interface, all *sync.WaitGroup) {
	shown := map[string]bool{}
	pods := cache.NewFilteredListWatchFromClient(client.CoreV1().RESTClient(), "pods", SeedNamespace, func(*metav1.ListOptions) {})
	_, _ = watchtools.UntilWithSync(following, pods, &corev1.Pod{}, nil, func(e watch.Event) (bool, error) {
		pod, ok := e.Object.(*corev1.Pod)
		if !ok || shown[pod.Name] || pod.Status.Phase == corev1.PodPending {
			return false, nil
		}
		shown[pod.Name] = true
		stream, err := client.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{Follow: true}).Stream(reading)
		if err != nil {
			shown[pod.Name] = false
			return false, nil //nolint:nilerr // its container is not there yet: the next change of the Pod comes
		}
		all.Go(func() {
			defer func() { _ = stream.Close() }()
			for lines := bufio.NewScanner(stream); lines.Scan(); {
				fmt.Fprintf(c.screen.Log(), "seed | %s\n", lines.Text())
			}
		})
		return false, nil
	})
}

// Timeline returns the table that seed left in the cluster.
func (c *Castle) Timeline(ctx context.Context) (string, error) {
	client, err := c.client()
	if err != nil {
		return "", err
	}
	report, err := client.CoreV1().ConfigMaps(SeedNamespace).Get(ctx, SeedReport, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("read seed's report: %w", err)
	}
	return report.Data["report.txt"], nil
}

// ShowTimeline prints the table, the blog's state and how to look around.
func (c *Castle) ShowTimeline(ctx context.Context) error {
	table, err := c.Timeline(ctx)
	if err != nil {
		return err
	}
	if err := c.AwaitBlog(ctx); err != nil {
		return err
	}
	fmt.Fprintf(c.screen, "\n%s\nthe blog answers at http://%s\n"+
		"look around:  bin/castle kubectl get pods -A    bin/castle logs vault-access    bin/castle exec ip addr\n"+
		"end it:       make down\n", table, c.BlogAddress())
	return nil
}

// BlogAddress is where the blog's door is on this machine.
func (c *Castle) BlogAddress() string {
	report, err := node.Status(c.NodeDir())
	if err != nil {
		return c.Blog
	}
	return report.Doors["blog"]
}

// AwaitBlog waits, not long, until the blog answers: kube-proxy may be a moment behind the Pod.
func (c *Castle) AwaitBlog(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	var last error
	err := wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		last = c.AskBlog(ctx)
		return last == nil, nil
	})
	if err != nil {
		return errors.Join(err, last)
	}
	return nil
}

// AskBlog tells whether the blog answers from the host.
func (c *Castle) AskBlog(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.BlogAddress(), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask the blog: %w", err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the blog answers %s", response.Status)
	}
	return nil
}
