// Command render prints a chart of this repository as YAML: render CHART RELEASE NAMESPACE, in the root of the repository and with
// values on standard input.
package main

import (
	"fmt"
	"io"
	"os"
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
	documents, err := charts.Render(".", args[0], args[1], args[2], string(values))
	if err != nil {
		return err
	}
	_, err = fmt.Print(strings.Join(documents, "---\n"))
	return err
}
