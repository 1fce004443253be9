package benchwaitfor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"

	"github.com/tazlab/seed/castle/internal/images"
)

// The one Pod of a measurement and its containers.
const (
	podName = "late"
	initial = "wait"
	app     = "app"
)

// nothing is an init container that waits for nothing and ends: what comes between its last words and the application's
// start is the kubelet's, whatever waited.
const nothing = "an init container that ends"

// pods measures, in a castle, from the moment at which the Secret is created to the application's start.
func (b *bench) pods(ctx context.Context) (err error) {
	if err := b.castle.Start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.castle.Down(context.WithoutCancel(ctx))) }()
	config, err := b.castle.Config()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	if err := errors.Join(b.load(ctx), admit(ctx, client)); err != nil {
		return err
	}
	for n := range b.Runs * secretsPerRun {
		took, err := b.podOnce(ctx, client, 0, rival{name: nothing})
		if err != nil {
			return err
		}
		b.kubelet = append(b.kubelet, took.Seconds())
		for _, r := range rivals {
			took, err := b.podOnce(ctx, client, phase(n), r)
			if err != nil {
				return err
			}
			b.results.add(latePod, r.name, took.Seconds())
			b.say("run %d of %d, Pod: %s %.2f s late", n/secretsPerRun+1, b.Runs, r.name, took.Seconds())
		}
	}
	return nil
}

func (b *bench) podOnce(ctx context.Context, client kubernetes.Interface, comes time.Duration, r rival) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	defer func() { err = errors.Join(err, remove(ctx, client)) }()
	if _, err := client.CoreV1().Pods(namespace).Create(ctx, pod(r), metav1.CreateOptions{}); err != nil {
		return 0, fmt.Errorf("create the Pod of %s: %w", r.name, err)
	}
	var begin time.Time
	if r.line != nil {
		if err := until(ctx, client, "its init container runs", initRuns); err != nil {
			return 0, err
		}
		if err := pause(ctx, comes); err != nil {
			return 0, err
		}
		begin = time.Now()
		if err := bring(ctx, client, awaited); err != nil {
			return 0, fmt.Errorf("create the Secret: %w", err)
		}
		defer func() { err = errors.Join(err, take(ctx, client, awaited)) }()
	}
	if err := until(ctx, client, "it is complete", succeeded); err != nil {
		return 0, err
	}
	if r.line == nil {
		if begin, err = spoke(ctx, client, initial); err != nil {
			return 0, err
		}
	}
	started, err := spoke(ctx, client, app)
	return started.Sub(begin), err
}

// pod waits as r does, then its application says that it has started.
func pod(r rival) *corev1.Pod {
	nonRoot, readOnly, user := true, true, int64(65532)
	wait := corev1.Container{Name: initial, Image: images.Busybox.Name, Command: []string{"/bin/sh", "-c", "sleep 1; echo ended"}}
	if r.line != nil {
		line := r.line(awaited)
		wait.Image, wait.Command = kubectlImage, append([]string{"/bin/" + line[0]}, line[1:]...)
		if r.name == waitfor {
			wait.Image, wait.Command[0] = waitforImage.Name, "/waitfor"
		}
	}
	start := corev1.Container{Name: app, Image: images.Busybox.Name, Command: []string{"/bin/echo", "started"}}
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: podName},
		Spec: corev1.PodSpec{
			ServiceAccountName: serviceAccount, RestartPolicy: corev1.RestartPolicyNever,
			SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: &nonRoot, RunAsUser: &user},
			InitContainers:  []corev1.Container{wait}, Containers: []corev1.Container{start},
		},
	}
	for _, c := range []*corev1.Container{&p.Spec.InitContainers[0], &p.Spec.Containers[0]} {
		c.ImagePullPolicy = corev1.PullIfNotPresent
		c.SecurityContext = &corev1.SecurityContext{ReadOnlyRootFilesystem: &readOnly}
	}
	return p
}

func initRuns(p *corev1.Pod) bool {
	return len(p.Status.InitContainerStatuses) == 1 && p.Status.InitContainerStatuses[0].State.Running != nil
}

func succeeded(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodSucceeded }

// until watches the Pod until it is so.
func until(ctx context.Context, client kubernetes.Interface, what string, so func(*corev1.Pod) bool) error {
	source := cache.NewListWatchFromClient(client.CoreV1().RESTClient(), "pods", namespace, fields.OneTermEqualSelector(metav1.ObjectNameField, podName))
	var last corev1.PodStatus
	_, err := watchtools.UntilWithSync(ctx, source, &corev1.Pod{}, nil, func(event watch.Event) (bool, error) {
		p, ok := event.Object.(*corev1.Pod)
		if !ok {
			return false, nil
		}
		last = p.Status
		if last.Phase == corev1.PodFailed {
			return false, errors.New("it failed")
		}
		return so(p), nil
	})
	if err != nil {
		return fmt.Errorf("wait for Pod %s until %s: %w; its status: %v", podName, what, err, last)
	}
	return nil
}

// spoke is when containerd got the container's first line: the log has it to the nanosecond, the Pod's status to the
// second.
func spoke(ctx context.Context, client kubernetes.Interface, container string) (time.Time, error) {
	options := &corev1.PodLogOptions{Container: container, Timestamps: true}
	data, err := client.CoreV1().Pods(namespace).GetLogs(podName, options).DoRaw(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the log of container %s: %w", container, err)
	}
	stamp, _, _ := strings.Cut(string(data), " ")
	when, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the log of container %s: %w", container, err)
	}
	return when, nil
}

// remove deletes the Pod and waits until it is gone.
func remove(ctx context.Context, client kubernetes.Interface) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	now := int64(0)
	err := client.CoreV1().Pods(namespace).Delete(ctx, podName, metav1.DeleteOptions{GracePeriodSeconds: &now})
	if err == nil {
		err = wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(ctx context.Context) (bool, error) {
			_, err := client.CoreV1().Pods(namespace).Get(ctx, podName, metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return true, nil
			}
			return false, err
		})
	}
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("remove Pod %s: %w", podName, err)
	}
	return nil
}
