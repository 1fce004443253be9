variable "infisical_host" {
  description = "Infisical's address"
  type        = string
  default     = "https://app.infisical.com"
}

variable "organization_id" {
  description = "The ID of the organization at Infisical"
  type        = string
}

variable "project_id" {
  description = "The ID of the project that holds the cluster's secrets"
  type        = string
}

variable "role_slug" {
  description = "A role of the project that may read the values of the secrets that the birth needs, and no more"
  type        = string
}

variable "cluster_name" {
  description = "The name of the cluster"
  type        = string
}

variable "cluster_endpoint" {
  description = "https://HOST:6443, the very text that the machine config has as cluster.controlPlane.endpoint"
  type        = string
}

variable "public_key" {
  description = "The file that \"seed render jwks --format pem\" wrote"
  type        = string
}
