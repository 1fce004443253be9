# A Talos cluster that is born from Git by itself: its control planes carry seed in their machine config, and nothing here
# touches Kubernetes. docs/talos.md says how to use it.

terraform {
  required_providers {
    talos = {
      source = "siderolabs/talos"
      # The generation that is made for Talos 1.13.
      version = "~> 0.11.0"
    }
  }
}

data "talos_machine_configuration" "controlplane" {
  cluster_name       = var.cluster_name
  cluster_endpoint   = var.cluster_endpoint
  machine_type       = "controlplane"
  machine_secrets    = var.machine_secrets
  talos_version      = var.talos_version
  kubernetes_version = var.kubernetes_version
  # All control planes get the same text: Talos puts together what they hold.
  config_patches = concat(var.config_patches, [file(var.seed_patch)])
}

data "talos_machine_configuration" "worker" {
  cluster_name       = var.cluster_name
  cluster_endpoint   = var.cluster_endpoint
  machine_type       = "worker"
  machine_secrets    = var.machine_secrets
  talos_version      = var.talos_version
  kubernetes_version = var.kubernetes_version
  config_patches     = var.config_patches
}

resource "talos_machine_configuration_apply" "controlplane" {
  for_each                    = var.controlplanes
  client_configuration        = var.client_configuration
  machine_configuration_input = data.talos_machine_configuration.controlplane.machine_configuration
  node                        = each.value.address
  config_patches              = [yamlencode({ machine = { install = { disk = each.value.disk } } })]
}

resource "talos_machine_configuration_apply" "worker" {
  for_each                    = var.workers
  client_configuration        = var.client_configuration
  machine_configuration_input = data.talos_machine_configuration.worker.machine_configuration
  node                        = each.value.address
  config_patches              = [yamlencode({ machine = { install = { disk = each.value.disk } } })]
}

# The last thing that anybody does to this cluster: from here on it is seed's and Flux's.
resource "talos_machine_bootstrap" "this" {
  depends_on           = [talos_machine_configuration_apply.controlplane]
  client_configuration = var.client_configuration
  node                 = local.controlplane_addresses[0]
}

data "talos_client_configuration" "this" {
  cluster_name         = var.cluster_name
  client_configuration = var.client_configuration
  endpoints            = local.controlplane_addresses
}

locals {
  controlplane_addresses = [for name in sort(keys(var.controlplanes)) : var.controlplanes[name].address]
}

output "talosconfig" {
  description = "For talosctl: the way to look at a birth without a kubeconfig"
  value       = data.talos_client_configuration.this.talos_config
  sensitive   = true
}
