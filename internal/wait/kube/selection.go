package kube

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/tazlab/seed/internal/wait/target"
)

const (
	// pageSize is how many objects of a selection one request brings: none of them is kept.
	pageSize = 100
	// shown is how many objects of a selection the state names.
	shown = 3
)

// selection is what a label selector selects.
type selection struct {
	f      *Follower
	api    api
	states map[string]target.State
}

func newSelection(f *Follower) view { return &selection{f: f, api: f.api()} }

func (s *selection) look(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	states := map[string]target.State{}
	options := metav1.ListOptions{LabelSelector: s.f.Object.Selector.String(), Limit: pageSize}
	for {
		page, version, next, err := s.api.List(ctx, options)
		if apierrors.IsNotFound(err) {
			return "", notServed{fmt.Sprintf("the API server does not serve %s (yet)", s.f.resource.GroupVersionResource.String())}
		}
		if err != nil {
			return "", err
		}
		for _, o := range page {
			states[o.GetName()] = decide(s.f.Object.Check, s.f.resource, o)
		}
		if options.Continue = next; next == "" {
			s.states = states
			return version, nil
		}
	}
}

func (s *selection) watch(ctx context.Context, version string) (watch.Interface, error) {
	return s.api.Watch(ctx, metav1.ListOptions{LabelSelector: s.f.Object.Selector.String(), ResourceVersion: version})
}

// take drops what is deleted and what the selector no longer selects: the API server reports both as deleted.
func (s *selection) take(e watch.Event) {
	o := object(e.Object)
	switch {
	case o == nil:
	case e.Type == watch.Deleted:
		delete(s.states, o.GetName())
	default:
		s.states[o.GetName()] = decide(s.f.Object.Check, s.f.resource, o)
	}
}

func (s *selection) state() target.State {
	met, failed := 0, false
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(s.states)) {
		state := s.states[name]
		// A Job that failed keeps all from completing. A Pod that failed, an evicted one for example, has a successor.
		failed = failed || state.Failed && s.f.Object.Check.Word == target.Complete
		if state.Met {
			met++
		} else if missing = append(missing, name+": "+state.Why); len(missing) > shown {
			missing = append(missing[:shown], "...")
		}
	}
	all, least := len(s.states), s.f.Object.Least
	if s.f.Object.Check.Word == target.Deleted {
		return target.State{Met: all == 0, Why: fmt.Sprintf("%d are still there", all)}
	}
	why := fmt.Sprintf("%d of %d pass the check", met, all)
	switch {
	case all == 0:
		why = "nothing has these labels"
	case least > 0:
		why += fmt.Sprintf(", %d are asked for", least)
	}
	if len(missing) > 0 {
		why += "; " + strings.Join(missing, "; ")
	}
	if least > 0 {
		return target.State{Met: met >= least, Why: why}
	}
	return target.State{Met: all > 0 && met == all, Failed: failed, Why: why}
}
