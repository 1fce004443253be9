package node

import (
	"context"
	"fmt"
	"net"
	"time"
)

// poll calls try until it succeeds or ctx ends, first every 10 ms, later every 200 ms. Its error says what was awaited, and why
// it was not there the last time.
func poll(ctx context.Context, what string, try func(context.Context) error) error {
	for pause := 10 * time.Millisecond; ; pause = min(pause*3/2, 200*time.Millisecond) {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w (last: %v)", what, context.Cause(ctx), err) //nolint:errorlint // told, but not why it ended
		case <-time.After(pause):
		}
	}
}

// awaitPort waits until something accepts connections.
func awaitPort(ctx context.Context, name, network, address string) error {
	return poll(ctx, "wait for "+name+" at "+address, func(ctx context.Context) error {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, network, address)
		if err == nil {
			_ = conn.Close()
		}
		return err
	})
}
