package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// node is a running node, seen from its supervisor.
type node struct {
	config     Config
	events     *recorder
	supervisor *supervisor
	client     kubernetes.Interface
}

// Run is the life of the supervisor that Start starts: it brings the node up and serves it, and the services beside it, until
// SIGTERM (then it returns nil) or until something fails that the node cannot live without. It must be called as the first
// thing in the process, with what ReadConfig returns.
func Run(ctx context.Context, c Config, services ...Service) error {
	if os.Getenv(insideVar) == "" {
		return enter(c)
	}
	unix.Umask(0o022) // who started the node may have had a stricter one, and containers could not read their own root
	for fd := eventsFD; fd < firstDoor+len(c.Doors); fd++ {
		unix.CloseOnExec(fd)
	}
	events, err := newRecorder(c.Dir, os.NewFile(eventsFD, "events"))
	if err != nil {
		return err
	}
	if note := timeNote(); note != "" {
		events.record(Event{Name: Warning, Message: note})
	}
	asked, cancel := signal.NotifyContext(ctx, unix.SIGTERM, unix.SIGINT)
	defer cancel()
	ctx, fail := context.WithCancelCause(asked)
	n := &node{config: c, events: events, supervisor: newSupervisor(c.Dir, events, fail)}
	if err = n.bringUp(ctx, services); err == nil {
		<-ctx.Done()
		err = context.Cause(ctx)
	}
	fail(err)
	return n.takeDown(asked.Err() != nil, err)
}

// takeDown ends what runs and records why. What is left of the node, the containers, ends with this process, which is its PID 1.
func (n *node) takeDown(asked bool, why error) error {
	var component *componentError
	switch {
	case errors.As(why, &component):
		n.events.record(Event{
			Name: Failed, Component: component.component, Message: component.Error(), Log: tail(Logs(n.config.Dir, component.component), 20),
		})
	case !asked:
		n.events.record(Event{Name: Failed, Message: why.Error()})
	default:
		why = nil
	}
	n.supervisor.stop(stopOrder...)
	if why == nil {
		n.events.record(Event{Name: Stopped})
	}
	return why
}

// bringUp makes the machine, then the node on it.
func (n *node) bringUp(ctx context.Context, services []Service) error {
	if err := n.makeMachine(ctx, services); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", InnerKubeconfig(n.config.Dir))
	if err != nil {
		return fmt.Errorf("read the admin's kubeconfig: %w", err)
	}
	config.QPS = -1
	if n.client, err = kubernetes.NewForConfig(config); err != nil {
		return fmt.Errorf("make the API client: %w", err)
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return n.controlPlane(groupCtx) })
	group.Go(func() error { return n.runtime(groupCtx) })
	if err := group.Wait(); err != nil {
		return err
	}
	if err := n.kubelet(); err != nil {
		return err
	}
	if err := n.register(ctx); err != nil {
		return err
	}
	n.events.record(Event{Name: NodeReady})
	return nil
}

// makeMachine turns the fresh namespaces into a machine: file systems, network, names, and what listens on it from the start.
func (n *node) makeMachine(ctx context.Context, services []Service) error {
	dir := n.config.Dir
	if err := os.Unsetenv(insideVar); err != nil {
		return err
	}
	if err := setUpMounts(dir); err != nil {
		return fmt.Errorf("set up the node's file systems: %w", err)
	}
	if err := setUpNetwork(); err != nil {
		return fmt.Errorf("set up the node's network: %w", err)
	}
	names := make([]string, len(services))
	for i, service := range services {
		names[i] = service.Name
	}
	if err := setUpNames(dir, names); err != nil {
		return err
	}
	for _, service := range services {
		if err := serve(ctx, dir, service); err != nil {
			return err
		}
	}
	if err := serveKubePrism(ctx); err != nil {
		return err
	}
	return serveDoors(ctx, n.config.Doors)
}
