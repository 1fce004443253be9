package main

import (
	"github.com/spf13/cobra"

	"github.com/tazlab/seed/castle/internal/benchwaitfor"
	"github.com/tazlab/seed/castle/internal/life"
)

func measureWaitfor(o *life.Options) *cobra.Command {
	var want benchwaitfor.Options
	c := &cobra.Command{
		Use: "bench-waitfor", Short: "Measure waitfor beside the loop around kubectl get and kubectl wait", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return benchwaitfor.Run(cmd.Context(), *o, want, cmd.OutOrStdout())
		},
	}
	c.Flags().IntVar(&want.Runs, "runs", 5, "how often each thing is measured")
	c.Flags().IntVar(&want.Waiters, "waiters", 300, "processes that wait at once")
	c.Flags().StringSliceVar(&want.Parts, "parts", nil, "what to measure, of starts, late, crowd and pods (default all)")
	return c
}
