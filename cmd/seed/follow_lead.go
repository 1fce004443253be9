package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// electionID names the Lease, in the way of Flux's controllers.
const electionID = "seed-follow-leader-election"

// runtimeNamespace is the variable that names the Pod's namespace, as for Flux's controllers.
const runtimeNamespace = "RUNTIME_NAMESPACE"

var errNotLeading = errors.New("the Lease " + electionID + " is lost: another replica has it, or it could not be renewed in time")

// lead calls work while the Lease is this replica's, and gives it back afterwards. Without leader election it just works.
func (d *deploymentFlags) lead(ctx context.Context, config *rest.Config, work func(context.Context) error) error {
	if !d.election.Enable {
		return work(ctx)
	}
	leading, lost := context.WithCancelCause(ctx)
	started, ended := make(chan struct{}), make(chan struct{})
	elector, err := d.elector(config, func(context.Context) { close(started) })
	if err != nil {
		lost(err)
		return err
	}
	// The Lease is held until the work has ended, whatever ended it.
	electing, release := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(ended)
		elector.Run(electing)
		lost(errNotLeading)
	}()
	select {
	case <-started:
		err = work(leading)
	case <-leading.Done():
	}
	cause := context.Cause(leading)
	release()
	<-ended
	if errors.Is(cause, errNotLeading) {
		return cause
	}
	return errors.Join(err, cause)
}

func (d *deploymentFlags) elector(config *rest.Config, started func(context.Context)) (*leaderelection.LeaderElector, error) {
	namespace := os.Getenv(runtimeNamespace)
	if namespace == "" {
		return nil, fmt.Errorf("--enable-leader-election: the variable %s must name the namespace of the Lease", runtimeNamespace)
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("finding a name for this replica: %w", err)
	}
	config = rest.CopyConfig(config)
	config.Timeout = d.election.RenewDeadline / 2 // one request that hangs must not lose the Lease
	leases, err := coordinationv1.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client for Leases: %w", err)
	}
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Name: electionID,
		Lock: &resourcelock.LeaseLock{
			LeaseMeta: metav1.ObjectMeta{Namespace: namespace, Name: electionID}, Client: leases,
			LockConfig: resourcelock.ResourceLockConfig{Identity: host + "_" + uuid.NewString()},
		},
		LeaseDuration: d.election.LeaseDuration, RenewDeadline: d.election.RenewDeadline, RetryPeriod: d.election.RetryPeriod,
		ReleaseOnCancel: d.election.ReleaseOnCancel,
		Callbacks:       leaderelection.LeaderCallbacks{OnStartedLeading: started, OnStoppedLeading: func() {}},
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the leader election: %w", err)
	}
	return elector, nil
}
