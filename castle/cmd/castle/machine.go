package main

import (
	"github.com/spf13/cobra"

	"github.com/tazlab/seed/castle/internal/life"
)

func reboot(o *life.Options) *cobra.Command {
	return &cobra.Command{
		Use: "reboot", Short: "Restart the node on its disk; Talos applies the machine config again", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := life.New(*o)
			if err != nil {
				return err
			}
			return c.Reboot(cmd.Context())
		},
	}
}

func upgradeK8s(o *life.Options) *cobra.Command {
	var changed bool
	c := &cobra.Command{
		Use: "upgrade-k8s", Short: "Do what talosctl upgrade-k8s does with inline manifests", Args: cobra.NoArgs,
		Long: `Makes the cluster what the machine config says, as "talosctl upgrade-k8s" does when the version stays the same. Up to Talos
1.12 it creates and replaces, and ends with an error while a Job of the manifests still exists: seed's is there until five
minutes after its end. From 1.13 it applies and prunes.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := life.New(*o)
			if err != nil {
				return err
			}
			if changed {
				config, err := c.Changed(cmd.Context(), c.Root)
				if err != nil {
					return err
				}
				if err := c.Apply(cmd.Context(), config); err != nil {
					return err
				}
			}
			return c.UpgradeK8s(cmd.Context())
		},
	}
	c.Flags().BoolVar(&changed, "changed", false, "first change the machine config: seed's inline manifest is rendered anew, with a setting that does no harm")
	return c
}
