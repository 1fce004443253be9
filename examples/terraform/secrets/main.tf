# The keys of a Talos cluster, in a state that outlives the machines: born again with the same keys, a cluster needs no new
# registration at the vault. Import what "talosctl gen secrets" made:
#   terraform import talos_machine_secrets.this secrets.yaml
# The state then holds all of it: keep it where you keep secrets.

terraform {
  required_providers {
    talos = {
      source = "siderolabs/talos"
      # The generation that is made for Talos 1.13.
      version = "~> 0.11.0"
    }
  }
}

resource "talos_machine_secrets" "this" {
  talos_version = var.talos_version

  lifecycle {
    prevent_destroy = true
  }
}

variable "talos_version" {
  description = "The generation for which new secrets would be made"
  type        = string
  default     = "v1.13"
}

output "machine_secrets" {
  value     = talos_machine_secrets.this.machine_secrets
  sensitive = true
}

output "client_configuration" {
  value     = talos_machine_secrets.this.client_configuration
  sensitive = true
}
