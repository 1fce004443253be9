// Package lease lets one run of seed at a time work on a cluster.
package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/set"
)

const (
	leaseDuration = 30 * time.Second // a holder that says nothing for so long is gone
	renewDeadline = 20 * time.Second // a holder that could not renew for so long gives up, long before that
	retryPeriod   = 2 * time.Second
	// answerTime bounds a request, so that a holder notices in time that it is one no more, and the end of a run whose API
	// server does not answer.
	answerTime = 5 * time.Second
)

// ErrLost is the cause with which a run's context ends that holds the Lease no longer.
var ErrLost = errors.New("the Lease " + set.Namespace + "/" + set.Lease + " is lost: another run took it, or it could not be renewed for " +
	renewDeadline.String() + "; this run ends, and the next Pod goes on")

// Lock is the Lease in seed's namespace.
type Lock struct {
	leases   coordinationv1.LeasesGetter
	pods     client.Reader
	identity string
	log      *slog.Logger
}

// New makes a Lock. identity is the name of the Pod that wants to hold it; one with an underscore is no Pod's, and is
// never taken for gone.
func New(config *rest.Config, pods client.Reader, identity string, log *slog.Logger) (*Lock, error) {
	config = rest.CopyConfig(config)
	config.Timeout = answerTime
	c, err := coordinationv1.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client for Leases: %w", err)
	}
	return &Lock{leases: c, pods: pods, identity: identity, log: log}, nil
}

// Hold waits until the Lease is this run's. The context that it returns ends with ctx, with release, and with ErrLost.
// While it waits it names each holder once to waiting, and asks still every two seconds: its error ends the waiting.
func (l *Lock) Hold(ctx context.Context, waiting func(holder string), still func(context.Context) error) (held context.Context, release func(), err error) {
	held, cancel := context.WithCancelCause(ctx)
	started, ended := make(chan struct{}), make(chan struct{})
	elector, err := l.elector(func(context.Context) { close(started) })
	if err != nil {
		cancel(err)
		return nil, nil, err
	}
	told := ""
	look := func() {
		if holder := l.holder(held); holder != "" && holder != told {
			told = holder
			waiting(holder)
		}
	}
	look() // before the elector sees the Lease of a holder that is gone: it would wait it out
	go func() {
		defer close(ended)
		elector.Run(logr.NewContext(held, logr.FromSlogHandler(l.log.Handler())))
		cancel(ErrLost) // unless it has ended for another cause
	}()
	release = func() {
		cancel(context.Canceled)
		select {
		case <-ended:
		case <-time.After(answerTime):
		}
	}
	tick := time.NewTicker(retryPeriod)
	defer tick.Stop()
	for {
		select {
		case <-started:
			return held, release, nil
		case <-held.Done():
			release()
			return nil, nil, fmt.Errorf("waiting for the Lease %s/%s: %w", set.Namespace, set.Lease, context.Cause(held))
		case <-tick.C:
			if err := still(held); err != nil {
				release()
				return nil, nil, err
			}
			look()
		}
	}
}

func (l *Lock) elector(started func(context.Context)) (*leaderelection.LeaderElector, error) {
	return leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Name: set.Lease,
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: set.Namespace, Name: set.Lease},
			Client:     l.leases,
			LockConfig: resourcelock.ResourceLockConfig{Identity: l.identity},
		},
		LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod, ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: started, OnStoppedLeading: func() {}},
	})
}

// holder names who else holds the Lease. One whose Pod is gone must not cost the time that the Lease has left: its Lease
// is removed. What cannot be found out is left to the elector, which tells of its own errors.
func (l *Lock) holder(ctx context.Context) string {
	lease, err := l.leases.Leases(set.Namespace).Get(ctx, set.Lease, metav1.GetOptions{})
	if err != nil || lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == l.identity {
		return ""
	}
	holder := *lease.Spec.HolderIdentity
	if holder == "" || !l.gone(ctx, holder) {
		return holder
	}
	only := metav1.Preconditions{UID: &lease.UID, ResourceVersion: &lease.ResourceVersion}
	if err := l.leases.Leases(set.Namespace).Delete(ctx, set.Lease, metav1.DeleteOptions{Preconditions: &only}); client.IgnoreNotFound(err) != nil {
		l.log.Warn("the Lease of a Pod that is gone could not be removed", "pod", holder, "error", err)
		return holder
	}
	l.log.Info("the Lease was held by a Pod that is gone", "pod", holder)
	return ""
}

// gone tells whether holder is surely no Pod that runs.
func (l *Lock) gone(ctx context.Context, holder string) bool {
	if strings.Contains(holder, "_") { // no Pod's name
		return false
	}
	var pod corev1.Pod
	err := l.pods.Get(ctx, types.NamespacedName{Namespace: set.Namespace, Name: holder}, &pod)
	if err != nil {
		return apierrors.IsNotFound(err)
	}
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}
