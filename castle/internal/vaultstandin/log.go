package vaultstandin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Entry is one line of the request log. It names, and never holds, credentials,
// tokens and values.
type Entry struct {
	Time   time.Time `json:"time"`
	Remote string    `json:"remote"`
	Method string    `json:"method"`
	Path   string    `json:"path"` // without the query
	Status int       `json:"status"`
	// Identity is the Name of the identity that the request used or, at a failed
	// login, tried to use; empty if unknown.
	Identity  string `json:"identity,omitempty"`
	UserAgent string `json:"userAgent,omitempty"`
	// Folder is the secretPath of a read.
	Folder string `json:"folder,omitempty"`
	// Secret is the key of a read of one secret.
	Secret string `json:"secret,omitempty"`
}

// ReadLog parses a request log.
func ReadLog(r io.Reader) ([]Entry, error) {
	var entries []Entry
	for dec := json.NewDecoder(r); ; {
		var e Entry
		err := dec.Decode(&e)
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return entries, fmt.Errorf("reading entry %d of the vault's request log: %w", len(entries)+1, err)
		}
		entries = append(entries, e)
	}
}

func (s *Server) writeEntry(e Entry) error {
	if s.log == nil {
		return nil
	}
	line, err := json.Marshal(e) //nolint:gosec // its field Secret is the key, not the value
	if err != nil {
		return err
	}
	_, err = s.log.Write(append(line, '\n'))
	return err
}
