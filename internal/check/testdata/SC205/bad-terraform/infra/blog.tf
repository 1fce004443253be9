resource "helm_release" "blog" {
  name             = "ghost"
  chart            = "ghost"
  namespace        = "blog"
  create_namespace = false
}

data "kubernetes_namespace" "shop" {
  metadata {
    name = "shop"
  }
}
