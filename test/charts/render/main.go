// Command render prints a chart of this repository as YAML: render CHART RELEASE NAMESPACE, with values on standard input.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/tazlab/seed/test/charts"
)

func main() {
	if err := render(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "render:", err)
		os.Exit(1)
	}
}

func render(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("%d arguments, want CHART RELEASE NAMESPACE", len(args))
	}
	values, err := io.ReadAll(os.Stdin)
	if err != nil {
		return fmt.Errorf("reading the values: %w", err)
	}
	files, err := charts.Render(filepath.Join("../../charts", args[0]), args[1], args[2], string(values))
	if err != nil {
		return err
	}
	_, err = fmt.Println(strings.Join(charts.Documents(files), "\n---\n"))
	return err
}
