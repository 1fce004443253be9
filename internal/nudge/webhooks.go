package nudge

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tazlab/seed/internal/live"
)

// failedCall begins what the API server says of an admission webhook that it could not call: the webhook's name and its URL;
// why comes after it.
// https://github.com/kubernetes/apiserver/blob/v0.36.4/pkg/util/webhook/error.go
var failedCall = regexp.MustCompile(`failed calling webhook "([^"]+)": failed to call webhook: Post "([^"]+)": `)

// settle is how long after an endpoint became ready its Service may still lead nowhere: kube-proxy writes its rules once in a
// second, and the time that is known has whole seconds. Who is asked too early fails again, and is not asked once more.
const settle = 2 * time.Second

// configurations are what registers webhooks.
var configurations = []live.Query{configurationsOf("ValidatingWebhookConfiguration"), configurationsOf("MutatingWebhookConfiguration")}

func configurationsOf(kind string) live.Query {
	return live.Query{Kind: schema.GroupVersionKind{Group: "admissionregistration.k8s.io", Version: "v1", Kind: kind}, Metadata: true}
}

func waitsForWebhook(u *unit) bool { return u.unapplied() && failedCall.MatchString(u.failed.Message) }

// webhooksServe are all webhooks that could not be called. One with a URL of its own is nothing to be seen in the cluster.
func webhooksServe(ctx context.Context, s *state, u *unit) cause {
	var all cause
	rest := u.failed.Message
	for match := failedCall.FindStringSubmatchIndex(rest); match != nil; match = failedCall.FindStringSubmatchIndex(rest) {
		webhook, url := rest[match[2]:match[3]], rest[match[4]:match[5]]
		rest = rest[match[1]:]
		why, _, _ := strings.Cut(rest, "failed calling webhook")
		name, namespace := serviceIn(url)
		if name == "" {
			return cause{}
		}
		var c cause
		if strings.Contains(why, "x509: ") {
			c = s.authority(ctx, u, webhook)
		} else {
			c = s.endpoints(name, namespace)
		}
		if c.id == "" {
			return cause{}
		}
		all.id, all.text = all.id+c.id+"\n", c.text
		if c.at.After(all.at) {
			all.at, all.from = c.at, c.from
		}
	}
	return all
}

// endpoints are the ready ones of a Service. They are another cause with each write: one that was ready, failed and is ready
// again has the address that it had. A write that brings no new one leads to one more request at most.
func (s *state) endpoints(name, namespace string) cause {
	found, _ := s.want(live.Query{
		Kind: discoveryv1.SchemeGroupVersion.WithKind("EndpointSlice"), Namespace: namespace, Labels: discoveryv1.LabelServiceName + "=" + name,
	})
	var addresses []string
	c := cause{text: fmt.Sprintf("Service %s/%s has a ready endpoint", namespace, name)}
	for _, object := range found {
		slice, ok := object.(*discoveryv1.EndpointSlice)
		if !ok {
			continue
		}
		for _, endpoint := range slice.Endpoints {
			if endpoint.Conditions.Ready != nil && !*endpoint.Conditions.Ready { // the API says that nil counts as ready
				continue
			}
			addresses = append(addresses, endpoint.Addresses...)
			if at := written(slice); at.After(c.at) {
				c.at, c.from = at, at.Add(settle)
			}
		}
	}
	if len(addresses) == 0 {
		return cause{}
	}
	slices.Sort(addresses)
	c.id = fmt.Sprintln(addresses, c.at.UTC())
	return c
}

// authority is the CA bundle that the configuration of the webhook has got. Whoever writes it, the webhook or cert-manager,
// does so when the certificate is there. A configuration is one cause for each of its generations. Only what was written
// lately is looked at.
func (s *state) authority(ctx context.Context, u *unit, webhook string) cause {
	var found cause
	for _, q := range configurations {
		all, _ := s.want(q)
		for _, configuration := range all {
			c := cause{id: fmt.Sprintln(configuration.GetUID(), configuration.GetGeneration()), at: written(configuration), text: q.Kind.Kind + " " + configuration.GetName() + " has a CA bundle"}
			if c.longBefore(u) {
				continue
			}
			vouched, err := look(ctx, s, s.webhooks, q.Kind, configuration, readVouched)
			if err != nil {
				s.log.Warn("a webhook's configuration cannot be looked at", "name", configuration.GetName(), "err", err)
			}
			if slices.Contains(vouched, webhook) {
				found = c
			}
		}
	}
	return found
}

// readVouched are the names of the webhooks that have a CA bundle.
func readVouched(configuration *unstructured.Unstructured) []string {
	var names []string
	all, _, _ := unstructured.NestedSlice(configuration.Object, "webhooks")
	for _, entry := range all {
		webhook, _ := entry.(map[string]any)
		name, _ := webhook["name"].(string)
		if bundle, _, _ := unstructured.NestedString(webhook, "clientConfig", "caBundle"); bundle != "" {
			names = append(names, name)
		}
	}
	return names
}
