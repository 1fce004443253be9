kubectl apply -f apps/by-hand.yaml
