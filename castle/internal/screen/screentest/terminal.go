// Package screentest opens a terminal for tests, and reads what is written there.
package screentest

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Terminal is one that nobody sees. What programs write to is the File.
type Terminal struct {
	*os.File
	other *os.File // where it comes out
	text  strings.Builder
}

// Open opens a terminal that lives as long as the test.
func Open(t *testing.T) *Terminal {
	t.Helper()
	other, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0) // https://man7.org/linux/man-pages/man4/pts.4.html
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	connection, err := other.SyscallConn() // other.Fd would make it one whose reads no deadline ends
	if err != nil {
		t.Fatal(err)
	}
	var number int
	var failed error
	err = connection.Control(func(descriptor uintptr) {
		if failed = unix.IoctlSetPointerInt(int(descriptor), unix.TIOCSPTLCK, 0); failed == nil {
			number, failed = unix.IoctlGetInt(int(descriptor), unix.TIOCGPTN)
		}
	})
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	file, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return &Terminal{File: file, other: other}
}

// Until waits until that was written, and returns all that was.
func (v *Terminal) Until(t *testing.T, text string) string {
	t.Helper()
	if err := v.other.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	for buffer := make([]byte, 4096); ; {
		all := strings.ReplaceAll(v.text.String(), "\r\n", "\n") // as terminals end lines
		if strings.Contains(all, text) {
			return all
		}
		n, err := v.other.Read(buffer)
		v.text.Write(buffer[:n])
		if err != nil {
			t.Fatalf("%q is not written: %v; all is\n%s", text, err, all)
		}
	}
}
