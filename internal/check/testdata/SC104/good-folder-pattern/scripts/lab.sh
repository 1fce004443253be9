#!/bin/sh
for app in apps/*/; do
  lab "$app"
done
