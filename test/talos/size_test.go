package talos

import (
	"bytes"
	"compress/gzip"
	"testing"

	"github.com/siderolabs/talos/pkg/machinery/config/machine"
)

// A patch takes at most this many bytes.
const limit = 12_000

// ec2 is the smallest limit for user data among the clouds: 16 KiB, raw.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html
const ec2 = 16 << 10

// The whole config fits the smallest user data: compressed, which Talos unpacks on every platform.
func TestSize(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"1.13", "1.14"} {
		for _, cluster := range clusters {
			patch := render(t, cluster, version)
			t.Logf("clusters/%s: the patch for Talos %s has %d bytes", cluster, version, len(patch))
			if len(patch) > limit {
				t.Errorf("clusters/%s: the patch for Talos %s has %d bytes, and may have %d", cluster, version, len(patch), limit)
			}
		}
	}
	c := contracts[len(contracts)-1]
	before := c.config(t, machine.TypeControlPlane)
	for _, cluster := range clusters {
		after := apply(t, before, render(t, cluster, c.name))
		packed := gzipped(t, after)
		t.Logf("clusters/%s: the config has %d bytes, with the patch %d, compressed %d; EC2 takes %d", cluster, len(before), len(after), packed, ec2)
		if packed > ec2 {
			t.Errorf("clusters/%s: the compressed config has %d bytes, and EC2 takes %d", cluster, packed, ec2)
		}
	}
}

func gzipped(t *testing.T, text []byte) int {
	t.Helper()
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Len()
}
