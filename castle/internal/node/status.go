package node

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// State is what Start records in Dir/castle.json, so that any later process finds the node again.
type State struct {
	PID       int               `json:"pid"`       // of the supervisor, seen from the host
	StartTime uint64            `json:"startTime"` // of that process, in clock ticks since boot: a PID can be given away again
	Started   time.Time         `json:"started"`
	Doors     map[string]string `json:"doors"` // name -> bound address on the host
}

// Report is what Status says about a node.
type Report struct {
	State
	Running bool
	Events  []Event
	Failure *Event // set when the node went down on its own
}

// Status reports on the node in dir. The error is fs.ErrNotExist when there is none.
func Status(dir string) (*Report, error) {
	state, err := readState(dir)
	if err != nil {
		return nil, err
	}
	events, err := readEvents(dir)
	if err != nil {
		return nil, err
	}
	report := &Report{State: *state, Running: state.alive(), Events: events}
	for i := range events {
		if events[i].Name == Failed {
			report.Failure = &events[i]
		}
	}
	return report, nil
}

// Enter returns the command line, to be followed by a program and its arguments, that runs a program inside the node.
func Enter(dir string) ([]string, error) {
	state, err := readState(dir)
	if err != nil {
		return nil, err
	}
	if !state.alive() {
		return nil, fmt.Errorf("enter the node in %s: it does not run", dir)
	}
	line := []string{"nsenter", "--target", strconv.Itoa(state.PID), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"}
	if _, err := os.Stat("/proc/self/ns/time"); err == nil {
		line = append(line, "--time")
	}
	return append(line, "--"), nil
}

// Logs is the path of a component's log: a name of Programs, "supervisor", "node-dns" or a Service's name.
func Logs(dir, name string) string { return filepath.Join(dir, "log", name+".log") }

// AuditLog is the path of the API server's audit log, of a node with Config.Audit. An entry may come a moment
// after the request's answer.
func AuditLog(dir string) string { return Logs(dir, "audit") }

// Kubeconfig is the path of the admin's kubeconfig for use on the host, through the API door.
func Kubeconfig(dir string) string { return filepath.Join(dir, "kubeconfig") }

// InnerKubeconfig is the path of the admin's kubeconfig for use inside the node.
func InnerKubeconfig(dir string) string { return pkiPath(dir, "admin.kubeconfig") }

// CAFile is the path of the castle CA's certificate, which signs the services beside the node.
func CAFile(dir string) string { return pkiPath(dir, "castle-ca.crt") }

// ServiceAccountKeyFile is the path of the public key of the cluster's ServiceAccount tokens; it appears before the API is ready.
func ServiceAccountKeyFile(dir string) string { return pkiPath(dir, "sa.pub") }

func pkiPath(dir, name string) string      { return filepath.Join(dir, "pki", name) }
func statePath(dir string) string          { return filepath.Join(dir, "castle.json") }
func processFile(pid int, f string) string { return filepath.Join("/proc", strconv.Itoa(pid), f) }

func readState(dir string) (*State, error) {
	data, err := os.ReadFile(statePath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no castle in %s: %w", dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read the castle's state: %w", err)
	}
	state := new(State)
	if err := json.Unmarshal(data, state); err != nil {
		return nil, fmt.Errorf("read %s: %w", statePath(dir), err)
	}
	return state, nil
}

// alive tells whether the recorded process still lives and is the same one.
func (s *State) alive() bool {
	start, zombie, err := startTime(s.PID)
	return err == nil && start == s.StartTime && !zombie
}

// startTime reads state and start time of a process: fields 3 and 22 of proc_pid_stat(5).
func startTime(pid int) (ticks uint64, zombie bool, err error) {
	data, err := os.ReadFile(processFile(pid, "stat"))
	if err != nil {
		return 0, false, err
	}
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:]) // the name, field 2, may hold spaces
	if len(fields) < 20 {
		return 0, false, fmt.Errorf("read the start time of process %d: %d fields", pid, len(fields))
	}
	ticks, err = strconv.ParseUint(string(fields[19]), 10, 64)
	return ticks, fields[0][0] == 'Z' || fields[0][0] == 'X', err
}
