// Package target reads what a TARGET of waitfor spells, and says what is known of it.
package target

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"k8s.io/apimachinery/pkg/labels"
)

// Target is one thing to wait for: an object or a selection of objects in the cluster, or an endpoint.
type Target struct {
	// Text is the target as it was written, but for a URL's query: people put tokens there, and this is in every line.
	Text string
	// Object is nil for an endpoint.
	Object *Object
	// Endpoint is nil for an object.
	Endpoint *Endpoint
}

// Object is an object, or those that a label selector selects.
type Object struct {
	// Namespace is "" where none was written: the Pod's own, or none for a kind without namespaces.
	Namespace string
	// Kind is the kind as it was written: a kind, its plural, singular or short name.
	Kind string
	// Version is "" where none was written, Group also for the core group.
	Version, Group string
	// Name is "" for a selection.
	Name string
	// Selector is nil for an object that has a name.
	Selector labels.Selector
	// Least is how many of a selection must pass the check; 0: all of them, and at least one.
	Least int
	// Check is what the object must pass.
	Check Check
}

// Endpoint is a server outside of the API: tcp, http, https, dns or postgres by its URL's scheme.
type Endpoint struct {
	URL *url.URL
	// Status are the HTTP statuses that count; empty: 200 to 399, as for a kubelet's httpGet probe
	// (https://kubernetes.io/docs/concepts/workloads/pods/probes/).
	Status []Range
	// CAFile holds the authorities that HTTPS trusts; "": the public ones.
	CAFile string
	// PasswordFile and PasswordSecret say where PostgreSQL's password is; at most one is set.
	PasswordFile   string
	PasswordSecret *SecretKey
}

// Range is a range of HTTP statuses, both ends in it.
type Range struct{ From, To int }

// SecretKey is a key of a Secret; Namespace is "" for the Pod's own.
type SecretKey struct{ Namespace, Name, Key string }

// State is what is known of a target.
type State struct {
	// Met tells that the target is there as it should be.
	Met bool
	// Failed tells that it never will be.
	Failed bool
	// Unknown tells that nobody could be asked: that it is not Met says nothing.
	Unknown bool
	// Why says in a sentence what was found, or what is missing and why. It shows no value of a Secret.
	Why string
}

// Parse reads one target. Its errors are for people: they quote the target, without what may be a password, and say how it
// is spelled.
func Parse(text string) (Target, error) {
	t, err := parse(text)
	if err != nil {
		return Target{}, fmt.Errorf("target %q: %w", presentable(text), err)
	}
	return t, nil
}

func parse(text string) (Target, error) {
	subject, check, checked := strings.Cut(text, "#")
	name, _, _ := strings.Cut(subject, "?")
	var err error
	t := Target{Text: text}
	switch {
	case text == "":
		return t, errors.New("it is empty: was a variable to be filled in?")
	case strings.ContainsAny(name, " \t\r\n"):
		return t, errors.New("there is a blank in it: several targets are several arguments, or lines of WAITFOR_TARGETS")
	case strings.ContainsFunc(text, unicode.IsControl): // labels.Parse would stop at one
		return t, errors.New("there is a control character in it, a tab or a line end perhaps")
	case checked && check == "":
		return t, errors.New("nothing follows the #: write a check or a setting there, or leave the # out")
	case strings.Contains(subject, "://"):
		if t.Endpoint, err = parseEndpoint(subject, check); err == nil && t.Endpoint.is("http", "https") && t.Endpoint.URL.RawQuery != "" {
			t.Text = strings.Replace(text, "?"+t.Endpoint.URL.RawQuery, "?...", 1)
		}
	default:
		t.Object, err = parseObject(subject, check)
	}
	return t, err
}

// presentable is text as an error may show it: of a URL neither parameters and settings, where people put passwords, nor
// what may be a password before the @.
func presentable(text string) string {
	scheme, rest, address := strings.Cut(text, "://")
	if !address {
		return text
	}
	if user := strings.LastIndex(rest, "@"); user >= 0 && strings.ContainsAny(rest[:user], ":/?#@") {
		return scheme + "://..."
	}
	if end := strings.IndexAny(rest, "?#"); end >= 0 {
		rest = rest[:end+1] + "..."
	}
	return scheme + "://" + rest
}

// Lines reads a list of targets, one in a line; empty lines are left out.
func Lines(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// Unusable marks an error that no waiting cures: a mistake in what waitfor was given. Unusable(nil) is nil.
func Unusable(err error) error {
	if err == nil {
		return nil
	}
	return unusable{err}
}

// IsUnusable tells whether err was marked by Unusable.
func IsUnusable(err error) bool {
	_, ok := errors.AsType[unusable](err)
	return ok
}

type unusable struct{ error }

func (u unusable) Unwrap() error { return u.error }
