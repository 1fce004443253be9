resource "helm_release" "blog" {
  name             = "ghost"
  chart            = "ghost"
  namespace        = "blog"
  create_namespace = true
}
