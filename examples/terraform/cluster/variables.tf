variable "machine_secrets" {
  description = "The output of the same name of the module secrets"
  type        = any
  sensitive   = true
}

variable "client_configuration" {
  description = "The output of the same name of the module secrets"
  type        = any
  sensitive   = true
}

variable "cluster_name" {
  description = "The name of the cluster"
  type        = string
}

variable "cluster_endpoint" {
  description = "https://HOST:6443. The issuer of the cluster's tokens: the same text as in \"seed render jwks --endpoint\" and at the vault"
  type        = string
}

variable "talos_version" {
  description = "The generation of the machine config; the patch is rendered for the same"
  type        = string
  default     = "v1.13"
}

variable "kubernetes_version" {
  description = "Such as 1.36.0. Without it the provider's own default, which changes with the provider"
  type        = string
  default     = null
}

variable "seed_patch" {
  description = "The file that \"seed render talos\" wrote. With an identity by JWT there is no secret in it, and it can lie in Git beside this"
  type        = string
}

variable "config_patches" {
  description = "Other patches, for all machines"
  type        = list(string)
  default     = []
}

variable "controlplanes" {
  description = "Control planes by name: the address, and the disk to install on"
  type        = map(object({ address = string, disk = string }))
}

variable "workers" {
  description = "Workers, likewise"
  type        = map(object({ address = string, disk = string }))
  default     = {}
}
