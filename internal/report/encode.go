package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// maxBytes is what the report may weigh as JSON and as table together: a ConfigMap takes 1 MiB.
const maxBytes = 900_000

// encode makes the texts that the ConfigMap keeps. Of what would not fit it leaves out the least telling first; r itself
// stays whole.
func (r *Report) encode() (data, table []byte, err error) {
	kept := *r
	kept.Saved, kept.Units = time.Now(), slices.Clone(r.Units)
	data, table, err = kept.texts()
	for _, cut := range cuts {
		if err != nil || len(data)+len(table) <= maxBytes {
			break
		}
		cut(&kept)
		data, table, err = kept.texts()
	}
	return data, table, err
}

func (r *Report) texts() (data, table []byte, err error) {
	var text bytes.Buffer
	if data, err = r.marshal(" "); err == nil {
		err = r.Table(&text)
	}
	return data, text.Bytes(), err
}

// cuts make a report smaller, one after the other: what parts went through, parts that are well, what units went through,
// the other parts, the ends of long messages.
var cuts = []func(*Report){
	foldParts(12), foldParts(4), foldParts(0), dropParts(true),
	foldAll(12), foldAll(4), foldAll(0), dropParts(false), (*Report).shortenDetails,
}

func foldParts(most int) func(*Report) {
	return func(r *Report) {
		for i := range r.Units {
			if u := &r.Units[i]; u.Part {
				u.Spans = fold(u.Spans, most)
			}
		}
	}
}

func foldAll(most int) func(*Report) {
	return func(r *Report) {
		for i := range r.Units {
			r.Units[i].Spans = fold(r.Units[i].Spans, most)
		}
	}
}

// dropParts leaves parts out that the goal does not name: those that are well, or all.
func dropParts(well bool) func(*Report) {
	return func(r *Report) {
		before := len(r.Units)
		r.Units = slices.DeleteFunc(r.Units, func(u Unit) bool { return u.Part && !r.named(&u) && (!well || u.Ready && !u.Suspended()) })
		r.DroppedParts += before - len(r.Units)
	}
}

func (r *Report) shortenDetails() {
	for i := range r.Units {
		r.Units[i].Detail = shorten(r.Units[i].Detail, maxDetail/10)
	}
}

// JSON is the report as programs read it, and "seed report --file" too.
func (r *Report) JSON() ([]byte, error) {
	data, err := r.marshal("  ")
	return append(data, '\n'), err
}

// written is a report as JSON has it: also with what follows from the rest, for programs that do not know the rules. Parse leaves
// that out.
type written struct {
	*Report
	NotWaitedFor []string `json:"notWaitedFor,omitempty"`
}

func (r *Report) marshal(indent string) ([]byte, error) {
	return json.MarshalIndent(written{r, r.NotWaitedFor()}, "", indent)
}

// Parse reads a report that JSON wrote, or any earlier seed.
func Parse(data []byte) (*Report, error) {
	r := &Report{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("this is no report of seed: %w", err)
	}
	if len(r.Steps) == 0 && len(r.Units) == 0 {
		return nil, fmt.Errorf("this is no report of seed: it has neither steps nor units")
	}
	return r, nil
}
