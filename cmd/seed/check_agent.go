//go:build agent

package main

import (
	"errors"

	"github.com/spf13/cobra"
)

// checkCommand says where it is. A repository is checked before the push, where no image is pulled for it; a newborn node pulls
// the seed of the image before anything else can start, and Helm's code, with which charts are checked, would be a quarter more.
func checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "check",
		Short:              "Not in this seed, which is an image's",
		DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error {
			return usage{errors.New("this seed is an image's, without check: use the other one (make build: bin/seed)")}
		},
	}
}
