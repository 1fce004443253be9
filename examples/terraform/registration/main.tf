# What must exist at Infisical before a cluster with an identity by JWT is born. It is a state of its own: run it once for a
# Talos secrets bundle, not at each birth. The provider takes its credential from the environment:
# INFISICAL_UNIVERSAL_AUTH_CLIENT_ID and INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET.

terraform {
  required_providers {
    infisical = {
      source  = "infisical/infisical"
      version = ">= 0.16.18"
    }
  }
}

provider "infisical" {
  host = var.infisical_host
}

resource "infisical_identity" "seed" {
  name   = "seed-${var.cluster_name}"
  org_id = var.organization_id
  role   = "no-access" # in the organization; the project gives it what it may read
}

resource "infisical_identity_jwt_auth" "seed" {
  identity_id        = infisical_identity.seed.id
  configuration_type = "static"
  # A file that is there before the plan: a key that another resource computes was refused by the provider (seen in 0.19.38).
  public_keys   = [file(var.public_key)]
  bound_issuer  = var.cluster_endpoint
  bound_subject = "system:serviceaccount:seed-system:seed"
  # No bound_audiences: Infisical answers 500 to each token of Kubernetes when they are set.

  # seed logs in at each try and revokes its token at the end.
  access_token_ttl     = 600
  access_token_max_ttl = 600
}

resource "infisical_project_identity" "seed" {
  project_id  = var.project_id
  identity_id = infisical_identity.seed.id
  roles       = [{ role_slug = var.role_slug }]
}

output "jwt_identity_id" {
  description = "The value of the annotation seed.tazlab.net/jwt-identity-id"
  value       = infisical_identity.seed.id
}
