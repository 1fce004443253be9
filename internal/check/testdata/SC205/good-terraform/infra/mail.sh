helm upgrade --install mail ./chart --namespace mail --create-namespace
