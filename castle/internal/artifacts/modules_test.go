package artifacts

import (
	"strings"
	"testing"
)

func TestModuleWithAnotherSumIsRefused(t *testing.T) {
	kept := sums
	t.Cleanup(func() { sums = kept })
	sums = strings.Replace(kept, " v0.20.4 h1:H", " v0.20.4 h1:J", 1)
	_, err := ESOCRDs(t.Context(), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "checksum mismatch") || !strings.Contains(err.Error(), esoModule) {
		t.Errorf("error %v", err)
	}
}

func TestModuleOutsideTheTableIsAnError(t *testing.T) {
	_, err := download(t.Context(), "example.com/unknown")
	if err == nil || !strings.Contains(err.Error(), "example.com/unknown") {
		t.Errorf("error %v", err)
	}
}
