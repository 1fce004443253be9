# make help says what there is.
SHELL := /bin/bash
CASTLE := bin/castle
# The castle's own programs that tests of the API need, kept in the user's cache.
ASSETS = $(CURDIR)/bin/assets
# The linter caches findings with their paths: one checkout must not get those of another.
export GOLANGCI_LINT_CACHE = $(CURDIR)/bin/golangci

.PHONY: help
help: ## Show this help
	@awk 'BEGIN {FS = ":.*##"} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*##/ {printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Try it (as root)
.PHONY: demo down
demo: $(CASTLE) ## Bring up a real node and let seed plant this tree in it
	$(CASTLE) up
down: $(CASTLE) ## End it and leave nothing behind
	$(CASTLE) down

##@ Work on it
.PHONY: build check lint unit check-tree
# waitfor is built without inlining: it waits, and is a megabyte smaller. The seed of the image has the tag agent: it is without
# seed check, and so without Helm.
build: $(CASTLE) ## Build bin/seed, bin/seed-agent for an image, bin/waitfor and bin/castle
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o bin/seed ./cmd/seed
	CGO_ENABLED=0 go build -trimpath -tags agent -ldflags "-s -w" -o bin/seed-agent ./cmd/seed
	CGO_ENABLED=0 go build -trimpath -gcflags=all=-l -ldflags "-s -w" -o bin/waitfor ./cmd/waitfor
check-tree: ## What seed check finds in this tree
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o bin/seed ./cmd/seed
	bin/seed check --strict
check: unit lint ## Unit tests and lint: no root, no cluster
unit: ## Unit tests
	go test ./...
	go test -tags agent -run TestCheckOfTheImage ./cmd/seed
	cd castle && go test ./...
lint: ## Lint seed and the castle
	go tool -modfile=tools/go.mod golangci-lint run --build-tags apiserver,browser,postgres ./...
	cd castle && go tool -modfile=../tools/go.mod golangci-lint run --build-tags root,apiserver ./...

##@ Prove it
.PHONY: test test-tree test-talos api faults e2e sdk templates postgres browser bench bench-waitfor bench-follow bench-check
test: unit api test-tree test-talos faults sdk templates postgres browser e2e ## Everything: unit, API server, the tree, Talos, faults, vault client, templates, PostgreSQL, browser, end to end (as root)
api: $(CASTLE) ## Tests against a real kube-apiserver (no root)
	mkdir -p $(ASSETS)
	programs=$$($(CASTLE) program etcd kube-apiserver kubectl kustomize-controller helm-controller notification-controller) && ln -sf $$programs $(ASSETS)/
	echo '{image: {tag: v0.1.0}, secrets: [policy/named]}' | CGO_ENABLED=0 go run -trimpath ./test/charts/render seed-follow seed-follow flux-system > $(ASSETS)/seed-follow.yaml
	manifests=$$($(CASTLE) artifact flux) && definitions=$$($(CASTLE) artifact external-secrets-crds) && KUBEBUILDER_ASSETS=$(ASSETS) FLUX_MANIFESTS=$$manifests \
		ESO_DEFINITIONS=$$definitions FOLLOW_CHART=$(ASSETS)/seed-follow.yaml go test -count=1 -parallel 8 -tags apiserver ./test/api ./test/waitfor ./test/follow
test-tree: $(CASTLE) ## Clusters of the tree: their builds, no secret in the repository, and a real kube-apiserver takes each object (no root)
	mkdir -p $(ASSETS)
	programs=$$($(CASTLE) program etcd kube-apiserver) && ln -sf $$programs $(ASSETS)/
	manifests=$$($(CASTLE) artifact flux) && KUBEBUILDER_ASSETS=$(ASSETS) FLUX_MANIFESTS=$$manifests go test -count=1 -tags apiserver ./test/tree
# The tree and seed are outside of the module.
test-talos: $(CASTLE) ## seed's binary against Talos' own patcher, validation and keys; the castle's applier against a real kube-apiserver (no root)
	cd test/talos && CGO_ENABLED=0 go test -trimpath -count=1 ./...
	mkdir -p $(ASSETS)
	programs=$$($(CASTLE) program etcd kube-apiserver) && ln -sf $$programs $(ASSETS)/
	cd castle && KUBEBUILDER_ASSETS=$(ASSETS) go test -count=1 -tags apiserver ./internal/talos
faults: $(CASTLE) build ## seed's binary against a vault and a Git server that fail in every way (no root)
	mkdir -p $(ASSETS)
	programs=$$($(CASTLE) program etcd kube-apiserver) && ln -sf $$programs $(ASSETS)/
	manifests=$$($(CASTLE) artifact flux) && cd castle && SEED=$(CURDIR)/bin/seed-agent KUBEBUILDER_ASSETS=$(ASSETS) FLUX_MANIFESTS=$$manifests \
		go test -count=1 -parallel 8 -tags apiserver ./plant
sdk: ## The vault stand-in against Infisical's own Go SDK
	cd castle/internal/vaultstandin/sdktest && go test ./...
# The cases are outside of the module, where go test does not see that they changed: -count=1. The other settings are
# those the castle compiles with, so that the two share what they compile.
templates: ## The cases of internal/template against External Secrets Operator's own code
	cd test/eso && CGO_ENABLED=0 go test -trimpath -count=1 ./...
# Debian's package would start a server of its own; only the programs are wanted.
postgres: ## waitfor's probe against a real PostgreSQL, which it installs if there is none (as root)
	@test -n "$(wildcard /usr/lib/postgresql/*/bin/initdb)" || { set -e; \
		mkdir -p /etc/postgresql-common; echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf; \
		apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold postgresql; }
	go test -count=1 -tags postgres ./internal/wait/probe
# Without "recommends" there is no desktop.
browser: ## The page of a report in Chromium, which it installs if there is none (as root)
	@command -v chromium > /dev/null || { apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; }
	go test -count=1 -tags browser ./internal/page
e2e: $(CASTLE) ## Nodes in the castle: the node itself, the birth, the classic layout (as root)
	$(CASTLE) prepare
	$(CASTLE) program > bin/programs.txt
	cd castle && CGO_ENABLED=0 CASTLE_BINARIES=$(CURDIR)/bin/programs.txt go test -count=1 -timeout 15m -tags root ./internal/node
	cd castle && CGO_ENABLED=0 go test -count=1 -timeout 40m -tags root -v ./e2e
bench: $(CASTLE) ## Five births with seed and five with stock Flux on fresh nodes (as root)
	$(CASTLE) bench --runs 5
bench-waitfor: $(CASTLE) ## waitfor beside the kubectl loop and kubectl wait (as root)
	$(CASTLE) bench-waitfor --runs 5
bench-follow: $(CASTLE) ## Trees with stock Flux, with --requeue-dependency, and with seed following (as root)
	$(CASTLE) bench-follow --runs 5 --output bin/bench-follow.json
bench-check: build ## seed check on a generated repository of 200 units, and on this one (no root)
	go run ./test/benchcheck -seed bin/seed -runs 5 .

.PHONY: FORCE
$(CASTLE): FORCE
	@mkdir -p bin
	@cd castle && CGO_ENABLED=0 go build -trimpath -o ../$(CASTLE) ./cmd/castle
