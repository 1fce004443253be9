package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/tazlab/seed/castle/internal/life"
)

func push(o *life.Options) *cobra.Command {
	return &cobra.Command{
		Use: "push FOLDER", Short: "Commit a folder's files to the castle's Git server", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := life.New(*o)
			if err != nil {
				return err
			}
			return c.Push(cmd.Context(), args[0])
		},
	}
}

func sample(o *life.Options) *cobra.Command {
	return &cobra.Command{
		Use: "sample FOLDER", Args: cobra.ExactArgs(1),
		Short: "Write a repository as flux bootstrap leaves it, and its Git Secret, into a folder",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := life.New(*o)
			if err != nil {
				return err
			}
			return c.Sample(cmd.Context(), args[0])
		},
	}
}

func apply(o *life.Options) *cobra.Command {
	return &cobra.Command{
		Use: "apply FILE", Args: cobra.ExactArgs(1),
		Short: "Give manifests to the API server as Talos does, with the cluster's DNS; - reads standard input",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := life.New(*o)
			if err != nil {
				return err
			}
			var manifest []byte
			if args[0] == "-" {
				manifest, err = io.ReadAll(cmd.InOrStdin())
			} else {
				manifest, err = os.ReadFile(args[0])
			}
			if err != nil {
				return err
			}
			return c.Apply(cmd.Context(), manifest)
		},
	}
}
