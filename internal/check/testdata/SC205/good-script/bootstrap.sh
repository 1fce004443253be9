#!/bin/sh
kubectl create namespace blog
