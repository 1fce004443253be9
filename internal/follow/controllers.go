package follow

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/live"
)

// partOfFlux selects what Flux' own manifests bring.
const partOfFlux = "app.kubernetes.io/part-of=flux"

// fluxRuns are what is judged of Flux in a namespace, which may be all: its Deployments, and their Pods that have not ended,
// of which a cluster may keep thousands.
func fluxRuns(namespace string) (deployments, pods live.Query) {
	deployments = live.Query{Kind: appsv1.SchemeGroupVersion.WithKind("Deployment"), Namespace: namespace, Labels: partOfFlux}
	pods = live.Query{
		Kind: corev1.SchemeGroupVersion.WithKind("Pod"), Namespace: namespace, Labels: partOfFlux,
		Fields: "status.phase!=" + string(corev1.PodSucceeded) + ",status.phase!=" + string(corev1.PodFailed),
	}
	return deployments, pods
}

// Controllers watches Flux' Deployments and their Pods in namespace, empty for all, until all of the Deployments are
// available, at least one among them. It calls tell once for each new reason why controllers do not run, and runs when one
// of those does. It ends without an error when all run; else with that of ctx.
func Controllers(ctx context.Context, cache *live.Cache, namespace string, tell func(Trouble), runs func(controller string)) error {
	deployments, pods := fluxRuns(namespace)
	reader := cache.Reader()
	defer reader.Close()
	defer reader.Drop(deployments) // when this ends no watch of them is open
	defer reader.Drop(pods)
	p := newPatient(cache.Cluster(), tell, runs)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("watching Flux' Deployments in %s: %w", namespace, context.Cause(ctx))
		case <-reader.Changes():
		case <-timer.C:
		}
		there, err := live.Of[*appsv1.Deployment](reader, deployments)
		own, podsErr := live.Of[*corev1.Pod](reader, pods)
		if err != nil || podsErr != nil {
			continue // the cache tells, and tries again
		}
		all, again := p.judge(ctx, there, own, time.Now())
		if all {
			return nil
		}
		if again > 0 {
			timer.Reset(again)
		}
	}
}

// Stopped watches Flux' Deployments in namespace, empty for all, until some of them have not been available for a while, and
// names those. It watches no Pods. Else it ends with the cause of ctx.
func Stopped(ctx context.Context, cache *live.Cache, namespace string) ([]string, error) {
	deployments, _ := fluxRuns(namespace)
	reader := cache.Reader()
	defer reader.Close()
	since := map[string]time.Time{}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("watching Flux' Deployments in %s: %w", namespace, context.Cause(ctx))
		case <-reader.Changes():
		case <-timer.C:
		}
		all, err := live.Of[*appsv1.Deployment](reader, deployments)
		if err != nil {
			continue // the cache tells, and tries again
		}
		names, again := stopped(all, since, time.Now())
		if len(names) > 0 {
			return names, nil
		}
		if again > 0 {
			timer.Reset(again)
		}
	}
}

// stopped are the Deployments that have not been available for a while at now, and after how long it has to be asked again even
// if nothing changes; 0 is never. since remembers when each was seen so first.
func stopped(deployments []*appsv1.Deployment, since map[string]time.Time, now time.Time) (names []string, again time.Duration) {
	there := map[string]bool{}
	for _, d := range deployments {
		id := d.Namespace + "/" + d.Name
		there[id] = true
		if running(d) {
			delete(since, id)
			continue
		}
		if _, known := since[id]; !known {
			since[id] = now
		}
		switch rest := lasting - now.Sub(since[id]); {
		case rest <= 0:
			names = append(names, d.Name)
		case again == 0 || rest < again:
			again = rest
		}
	}
	maps.DeleteFunc(since, func(id string, _ time.Time) bool { return !there[id] })
	return names, again
}

// patient remembers what was seen and told.
type patient struct {
	cluster client.Reader
	tell    func(Trouble)
	runs    func(controller string)
	since   map[string]seen            // by controller
	ill     map[string]bool            // the controllers that were told of and do not run since
	told    map[string]map[string]bool // by controller: class and cure, of which there are not many
}

func newPatient(cluster client.Reader, tell func(Trouble), runs func(controller string)) *patient {
	return &patient{cluster: cluster, tell: tell, runs: runs, since: map[string]seen{}, ill: map[string]bool{}, told: map[string]map[string]bool{}}
}

// seen is a class and when it was seen first without another one, or none, in between.
type seen struct {
	class Class
	at    time.Time
}

// judge tells what has lasted long enough at now. It tells whether all controllers run, and after how long it has to
// be asked again even if nothing changes; 0 is never.
func (p *patient) judge(ctx context.Context, deployments []*appsv1.Deployment, pods []*corev1.Pod, now time.Time) (all bool, again time.Duration) {
	found := map[string]*finding{}
	all = len(deployments) > 0
	for _, d := range deployments {
		if running(d) {
			p.cured(d.Name)
			continue
		}
		all = false
		f := diagnose(d, podsOf(d, pods))
		if f == nil {
			delete(p.since, d.Name)
			continue
		}
		found[d.Name] = f
		if p.since[d.Name].class != f.class {
			p.since[d.Name] = seen{f.class, now}
		}
	}
	ripe := map[Class]bool{}
	for name, f := range found {
		rest := f.patience - now.Sub(p.since[name].at)
		if rest <= 0 {
			// What stays is looked at again: the nodes may say something else.
			ripe[f.class], rest = true, lasting
		}
		if again == 0 || rest < again {
			again = rest
		}
	}
	maps.DeleteFunc(found, func(_ string, f *finding) bool { return !ripe[f.class] })
	p.tellOf(ctx, found)
	return all, again
}

// tellOf tells of what was not told before, of controllers with the same cause together.
func (p *patient) tellOf(ctx context.Context, found map[string]*finding) {
	var troubles []*Trouble
	for _, name := range slices.Sorted(maps.Keys(found)) {
		f := look(ctx, p.cluster, found[name])
		if f == nil || p.told[name][string(f.class)+f.cure] {
			continue
		}
		p.ill[name] = true
		if p.told[name] == nil {
			p.told[name] = map[string]bool{}
		}
		p.told[name][string(f.class)+f.cure] = true
		at := slices.IndexFunc(troubles, func(t *Trouble) bool { return t.Class == f.class && t.Cure == f.cure })
		if at < 0 {
			at = len(troubles)
			troubles = append(troubles, &Trouble{Class: f.class, Why: f.why, Cure: f.cure})
		}
		troubles[at].Controllers = append(troubles[at].Controllers, name)
	}
	for _, t := range troubles {
		p.tell(*t)
	}
}

func (p *patient) cured(name string) {
	delete(p.since, name)
	if p.ill[name] {
		delete(p.ill, name)
		p.runs(name)
	}
}

// podsOf are d's Pods. A selector that cannot be read selects none; the API server takes no such Deployment.
func podsOf(d *appsv1.Deployment, pods []*corev1.Pod) []*corev1.Pod {
	selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	if err != nil {
		return nil
	}
	var own []*corev1.Pod
	for _, pod := range pods {
		if pod.Namespace == d.Namespace && selector.Matches(labels.Set(pod.Labels)) {
			own = append(own, pod)
		}
	}
	slices.SortFunc(own, func(a, b *corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	return own
}
