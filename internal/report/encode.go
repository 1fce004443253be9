package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// maxBytes is what the report may weigh as JSON and as table together: a ConfigMap takes 1 MiB.
const maxBytes = 900_000

// encode makes the texts that the ConfigMap keeps. Where they would not fit it leaves spans out of what it writes.
func (r *Report) encode() (data, table []byte, err error) {
	kept := *r
	kept.Saved = time.Now()
	kept.Units = append([]Unit(nil), r.Units...)
	for most := maxSpans; ; most /= 2 {
		for i := range kept.Units {
			kept.Units[i].Spans = fold(kept.Units[i].Spans, most)
		}
		if data, err = json.MarshalIndent(kept, "", " "); err != nil {
			return nil, nil, err
		}
		var text bytes.Buffer
		if err := kept.Table(&text); err != nil {
			return nil, nil, err
		}
		if len(data)+text.Len() <= maxBytes || most == 0 {
			return data, text.Bytes(), nil
		}
	}
}

// JSON is the report as programs read it, and "seed report --file" too.
func (r *Report) JSON() ([]byte, error) {
	data, err := json.MarshalIndent(r, "", "  ")
	return append(data, '\n'), err
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
