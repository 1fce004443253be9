package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
)

// firstDoor is the file descriptor of the first door's listener: after the standard ones and the pipe of events.
const (
	eventsFD  = 3
	firstDoor = 4
)

// serveDoors accepts on the host's listeners that Start passed, and dials in the node's own network.
func serveDoors(ctx context.Context, doors []Door) error {
	for i, door := range doors {
		file := os.NewFile(uintptr(firstDoor+i), door.Name)
		listener, err := net.FileListener(file)
		_ = file.Close()
		if err != nil {
			return fmt.Errorf("take over door %q: %w", door.Name, err)
		}
		go forward(ctx, door.Name, listener, door.NodeAddr)
	}
	return nil
}

// serveKubePrism opens the address at which a Talos node's host network finds the API server.
func serveKubePrism(ctx context.Context) error {
	listener, err := net.Listen("tcp", KubePrism)
	if err != nil {
		return fmt.Errorf("open KubePrism: %w", err)
	}
	go forward(ctx, "kubeprism", listener, localAPI)
	return nil
}

// forward carries each connection that listener accepts to the address to, until ctx ends.
func forward(ctx context.Context, name string, listener net.Listener, to string) {
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	for {
		conn, err := listener.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				fmt.Fprintf(os.Stderr, "door %s: accept: %v\n", name, err)
			}
			return
		}
		go carry(ctx, conn, to)
	}
}

// carry copies both ways; the end of one direction is passed on, as TCP allows.
func carry(ctx context.Context, client net.Conn, to string) {
	defer client.Close()
	var dialer net.Dialer
	server, err := dialer.DialContext(ctx, "tcp", to)
	if err != nil {
		return // the client sees its connection closed, as at a machine where nothing listens yet
	}
	defer server.Close()
	var both sync.WaitGroup
	for _, pair := range [][2]net.Conn{{client, server}, {server, client}} {
		both.Go(func() {
			_, _ = io.Copy(pair[0], pair[1])
			if half, ok := pair[0].(*net.TCPConn); ok {
				_ = half.CloseWrite()
			}
		})
	}
	both.Wait()
}
