#!/bin/sh
for app in $APPS; do
  kubectl apply -k "$app"
done
