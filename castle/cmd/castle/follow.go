package main

import (
	"github.com/spf13/cobra"

	"github.com/tazlab/seed/castle/internal/benchfollow"
	"github.com/tazlab/seed/castle/internal/life"
)

func measureFollow(o *life.Options) *cobra.Command {
	var want benchfollow.Options
	c := &cobra.Command{
		Use: "bench-follow", Short: "Measure trees with stock Flux, with --requeue-dependency, and with seed following", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return benchfollow.Run(cmd.Context(), *o, want, cmd.OutOrStdout())
		},
	}
	c.Flags().IntVar(&want.Runs, "runs", 5, "how often each tree is measured with each variant")
	c.Flags().StringSliceVar(&want.Trees, "trees", nil, "what to measure, of chain, fan, workloads and real (default all)")
	c.Flags().StringSliceVar(&want.Variants, "variants", nil, "with what, of stock, 5s, 1s and seed (default all)")
	c.Flags().StringVar(&want.Output, "output", "", "file that gets all single values, as JSON")
	return c
}
