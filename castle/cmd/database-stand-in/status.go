package main

import (
	"context"
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

var postgresClusters = schema.GroupVersionResource{Group: "postgres-operator.crunchydata.com", Version: "v1beta1", Resource: "postgresclusters"}

// database is the PostgresCluster that this program stands in for.
type database struct {
	objects dynamic.ResourceInterface
	name    string
}

// state is what the operator would say in the status.
type state struct {
	initialized     metav1.ConditionStatus
	reason, message string
	stands          bool
}

// waiting is the state until the Secrets come.
func waiting(after string) state {
	message := "the castle's stand-in brings this database and the Secrets of its users " + after + " after its start"
	if after == never {
		message = "the castle's stand-in brings neither this database nor the Secrets of its users: castle up --database never"
	}
	return state{initialized: metav1.ConditionUnknown, reason: "StandIn", message: message}
}

// standing is the state once they are there.
var standing = state{initialized: metav1.ConditionTrue, reason: "StandIn", message: "the castle's stand-in has brought the Secrets", stands: true}

// tell writes a state, by the operator's names, into the status: of the conditions the one that says whether the data is
// there, and of a database that stands what the tree's health check looks at. It tries until that is done or ctx ends.
func (d database) tell(ctx context.Context, s state) error {
	return untilDone(ctx, "status of PostgresCluster "+d.name, func(ctx context.Context) error {
		object, err := d.objects.Get(ctx, d.name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		patch, err := json.Marshal(map[string]any{"status": s.status(object)})
		if err != nil {
			return err
		}
		_, err = d.objects.Patch(ctx, d.name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
		return err
	})
}

func (s state) status(object *unstructured.Unstructured) map[string]any {
	status := map[string]any{"conditions": []metav1.Condition{{
		Type: "PostgresDataInitialized", Status: s.initialized, Reason: s.reason, Message: s.message,
		ObservedGeneration: object.GetGeneration(), LastTransitionTime: metav1.Now(),
	}}}
	if !s.stands {
		return status
	}
	var instances []map[string]any
	sets, _, _ := unstructured.NestedSlice(object.Object, "spec", "instances")
	for _, set := range sets {
		spec, _ := set.(map[string]any)
		instances = append(instances, map[string]any{"name": spec["name"], "replicas": spec["replicas"], "readyReplicas": spec["replicas"]})
	}
	status["observedGeneration"], status["usersRevision"], status["instances"] = object.GetGeneration(), "stand-in", instances
	return status
}
