package cluster

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// maxNote is what the API server takes for an Event's message, in bytes.
const maxNote = 1024

// Events returns a function that records a Warning on seed's own Pod (POD_NAME, POD_UID), so that
// "kubectl get events" tells why where logs cannot be read. It gives up quickly: an Event is help, not
// the work.
func Events(live Client, namespace string, log *slog.Logger) func(ctx context.Context, reason, message string) {
	pod := corev1.ObjectReference{
		APIVersion: "v1", Kind: "Pod", Namespace: namespace,
		Name: os.Getenv("POD_NAME"), UID: types.UID(os.Getenv("POD_UID")),
	}
	return func(ctx context.Context, reason, message string) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		now := metav1.Now()
		event := &corev1.Event{
			ObjectMeta:     metav1.ObjectMeta{Namespace: namespace, GenerateName: "seed-"},
			InvolvedObject: pod, Type: corev1.EventTypeWarning, Reason: reason, Message: note(message),
			Source: corev1.EventSource{Component: "seed"}, FirstTimestamp: now, LastTimestamp: now, Count: 1,
		}
		if err := live.Create(ctx, event); err != nil {
			log.Warn("the Event could not be recorded", "reason", reason, "error", err)
		}
	}
}

// note shortens a message in its middle: what happened stands first, and what to do last.
func note(message string) string {
	const gap = " ... "
	if len(message) <= maxNote {
		return message
	}
	half := (maxNote - len(gap)) / 2
	return strings.ToValidUTF8(message[:half], "") + gap + strings.ToValidUTF8(message[len(message)-half:], "")
}
