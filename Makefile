# Targets of everyday work. `make help` lists them.

GO       ?= go
PKG      ?= ./...
FUZZTIME ?= 20s
# Of make bench-system: streams of each kind that take turns, and rounds of it;
# streams that a gateway holds alone, and rounds of that; and the seconds that it
# is idle and has targeted traffic. Ten minutes in all. REPORT is the document to
# write the figures into; nothing for none.
STREAMS     ?= 10000
ROUNDS      ?= 9
HELD        ?= 15000
HELD_ROUNDS ?= 3
SECONDS     ?= 40
REPORT      ?= docs/performance.md

# What --version says: the tag of this commit, or how far it is from the last one. The
# same in every clone, which may shorten a commit in its own way.
VERSION ?= $(patsubst v%,%,$(shell git describe --tags --abbrev=12 --dirty 2>/dev/null || \
	{ commit=$$(git describe --always --abbrev=12 --dirty 2>/dev/null) && echo "v0.0.0-g$$commit"; } || echo dev))
COMMIT  ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
DATE    ?= $(shell git show -s --format=%cI HEAD 2>/dev/null || echo unknown)
AT       = $(shell $(GO) list -m)/internal/version
STAMP    = -s -w -X $(AT).version=$(VERSION) -X $(AT).commit=$(COMMIT) -X $(AT).date=$(DATE)

GOLANGCI_VERSION := 2.15.0
GOLANGCI := bin/golangci-lint
GOVULNCHECK_VERSION := 1.9.0
GOVULNCHECK := bin/govulncheck
ACTIONLINT_VERSION := 1.7.12
ACTIONLINT := bin/actionlint
NFPM_VERSION := 2.45.2
NFPM := bin/nfpm
CYCLONEDX_VERSION := 1.10.0
CYCLONEDX := bin/cyclonedx-gomod

# Tests and tools read what programs print, and Node.js and its tools colour it where
# FORCE_COLOR or CI is set.
export NO_COLOR := 1
unexport FORCE_COLOR

# For what compiles much at once. The compiler collects its garbage only near this
# bound, which its largest packages need in any case: a fifth less time.
COMPILE := GOGC=off GOMEMLIMIT=1200MiB
# What is neither shipped nor measured is compiled with less effort: nothing for
# debuggers but from Go's own packages, and no inlining in go-redis, which takes six
# seconds. SQLite without inlining would be three times as slow.
LIGHT := $(foreach host,github.com google.golang.org golang.org modernc.org,-gcflags=$(host)/...=-dwarf=false) \
	'-gcflags=github.com/redis/...=-l -dwarf=false'
run vet lint: export GOFLAGS := $(shell $(GO) env GOFLAGS) $(LIGHT)
# say-if-slow TEXT,FLAGS prints the text if the largest library has yet to be compiled.
say-if-slow = @[ "$$($(GO) list $(2) -f '{{.Stale}}' modernc.org/sqlite/lib)" = false ] || echo "$(1)"

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## build and start everything in one process, on :8080
	$(call say-if-slow,Compiling for the first time: about a minute on two cores. Later on it takes seconds.)
	$(COMPILE) $(GO) build -ldflags=-w -o bin/bellhop ./cmd/bellhop
	@exec bin/bellhop

.PHONY: build
build: ## build the programs into bin/
	$(GO) build -trimpath -ldflags='$(STAMP)' -o bin/ ./cmd/...

.PHONY: test
test: deps vet lint $(NFPM)-$(NFPM_VERSION) ## everything that has to pass: vet, lint, tests on real servers
	$(call say-if-slow,Compiling for the race detector: about three minutes on two cores. Later on it takes seconds.,-race)
	@$(COMPILE) $(GO) list -race -test -deps -export $(PKG) >/dev/null
	$(GO) test -race -vet=off -timeout 20m $(PKG)
	cd deploy/helm && $(COMPILE) $(GO) test ./...

.PHONY: chart
chart: ## write what is made of the Helm chart: deploy/kubernetes and the table of its values
	cp docker/prometheus/alerts.yml deploy/helm/bellhop/files/alerts.yml
	cd deploy/helm && $(GO) test ./... -update

CHAOS ?= -chaos.rounds=3 -chaos.random=1m

.PHONY: chaos
chaos: ## break one part after the other under load, at full size: half an hour
	$(GO) test -v -timeout 2h ./internal/chaos -args -chaos.long $(CHAOS)

.PHONY: quick
quick: ## the tests alone, without the race detector
	$(GO) test $(PKG)

.PHONY: valkey
valkey: ## the tests of what talks to Redis, on Debian's Valkey instead
	server=$$(sh tools/valkey bin/valkey) && BELLHOP_TEST_REDIS=$$server $(GO) test ./fanout ./store/kept ./gateway/limit

.PHONY: vet
vet:
	$(call say-if-slow,Compiling for vet and lint: about two minutes on two cores. Later on it takes seconds.)
	$(COMPILE) $(GO) vet $(PKG)

.PHONY: lint
lint: $(GOLANGCI)-$(GOLANGCI_VERSION) $(GOVULNCHECK)-$(GOVULNCHECK_VERSION) $(ACTIONLINT)-$(ACTIONLINT_VERSION) ## go.mod, known vulnerabilities, workflows and golangci-lint, in versions that are pinned here
	$(ACTIONLINT)-$(ACTIONLINT_VERSION) .github/workflows/*.yml
	$(GO) mod tidy -diff
	@sh tools/vulncheck $(GOVULNCHECK)-$(GOVULNCHECK_VERSION) $(PKG)
	$(GOLANGCI)-$(GOLANGCI_VERSION) run $(PKG)
	cd deploy/helm && $(GO) mod tidy -diff && ../../$(GOLANGCI)-$(GOLANGCI_VERSION) run ./...

# The programs stay in bin/.
$(GOLANGCI)-$(GOLANGCI_VERSION):
	@echo "Compiling golangci-lint: about two minutes on two cores, once."
	$(COMPILE) GOBIN=$(CURDIR)/bin GOFLAGS= $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$(GOLANGCI_VERSION)
	mv $(GOLANGCI) $@

$(GOVULNCHECK)-$(GOVULNCHECK_VERSION):
	GOBIN=$(CURDIR)/bin GOFLAGS= $(GO) install golang.org/x/vuln/cmd/govulncheck@v$(GOVULNCHECK_VERSION)
	mv $(GOVULNCHECK) $@

$(ACTIONLINT)-$(ACTIONLINT_VERSION):
	GOBIN=$(CURDIR)/bin GOFLAGS= $(GO) install github.com/rhysd/actionlint/cmd/actionlint@v$(ACTIONLINT_VERSION)
	mv $(ACTIONLINT) $@

$(NFPM)-$(NFPM_VERSION):
	$(COMPILE) GOBIN=$(CURDIR)/bin GOFLAGS= $(GO) install github.com/goreleaser/nfpm/v2/cmd/nfpm@v$(NFPM_VERSION)
	mv $(NFPM) $@

$(CYCLONEDX)-$(CYCLONEDX_VERSION):
	$(COMPILE) GOBIN=$(CURDIR)/bin GOFLAGS= $(GO) install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v$(CYCLONEDX_VERSION)
	mv $(CYCLONEDX) $@

.PHONY: nfpm
nfpm: $(NFPM)-$(NFPM_VERSION)
	@echo $(abspath $<)

# Who is named in packages. The other names are in many files: see make rename.
MAINTAINER ?= The Bellhop maintainers <noreply@github.com>
HOMEPAGE   ?= https://$(shell $(GO) list -m)

DIST      ?= dist
PLATFORMS ?= linux/amd64 linux/arm64 darwin/arm64

.PHONY: release
release: $(NFPM)-$(NFPM_VERSION) $(CYCLONEDX)-$(CYCLONEDX_VERSION) ## make archives, packages, SBOM and checksums of PLATFORMS into DIST (dist), on Debian or Ubuntu
	@sh tools/deps node:nodejs npm:npm jq:jq
	@$(COMPILE) NFPM=$(abspath $<) CYCLONEDX=$(abspath $(word 2,$^)) VERSION='$(VERSION)' DATE='$(DATE)' STAMP='$(STAMP)' \
		MAINTAINER='$(MAINTAINER)' HOMEPAGE='$(HOMEPAGE)' PLATFORMS='$(PLATFORMS)' sh tools/release $(DIST)

.PHONY: release-check
release-check: $(NFPM)-$(NFPM_VERSION) $(CYCLONEDX)-$(CYCLONEDX_VERSION) ## make a release of HEAD twice, and try it: in a browser, and in a new Debian as root
	@sh tools/deps node:nodejs npm:npm jq:jq curl:curl openssl:openssl rpm:rpm chromium:chromium
	@sh tools/releasecheck

export MODULE NPM REPOSITORY OWNERS

.PHONY: rename
rename: ## give this tree other names: of the Go MODULE, the NPM package, the image (REPOSITORY), the OWNERS
	@sh tools/rename

.PHONY: bench
bench: ## run the benchmarks
	$(GO) test -run '^$$' -bench . -benchmem $(PKG)

.PHONY: bench-system
bench-system: deps ## measure whole processes beside a raw loop and a textbook handler, on a quiet machine, and write docs/performance.md
	BELLHOP_BENCH_STREAMS=$(STREAMS) BELLHOP_BENCH_ROUNDS=$(ROUNDS) BELLHOP_BENCH_SECONDS=$(SECONDS) \
		BELLHOP_BENCH_HELD=$(HELD) BELLHOP_BENCH_HELD_ROUNDS=$(HELD_ROUNDS) BELLHOP_BENCH_SPELL=8 BELLHOP_BENCH_REPORT=$(abspath $(REPORT)) \
		$(GO) test -run '^$$' -bench '^Benchmark(System|Streams|Posts|Connect)$$' -benchtime 1x -timeout 60m ./bench

# Who is to be served, and by what; `go run ./tools/capacity -h` lists all of them.
.PHONY: capacity
capacity: ## how many machines USERS people need, of whom ONLINE (0.1) are there at once, at EVENTS_PER_USER_DAY (10), and what breaks first
	@$(GO) run ./tools/capacity $(if $(USERS),-users=$(USERS)) $(if $(ONLINE),-online=$(ONLINE)) \
		$(if $(EVENTS_PER_USER_DAY),-events-per-user-day=$(EVENTS_PER_USER_DAY)) $(CAPACITY)

.PHONY: capacity-measure
capacity-measure: deps ## measure the constants of make capacity, and compare three fleets with what it predicts, on a quiet machine: four minutes
	BELLHOP_BENCH_STREAMS=6000 BELLHOP_BENCH_SPELL=12 BELLHOP_BENCH_CONSTANTS=$(abspath tools/capacity/model/constants.json) \
		$(GO) test -run '^$$' -bench '^BenchmarkCapacity$$' -benchtime 1x -timeout 20m ./bench

NCHAN := bin/nchan/usr/lib/nginx/modules/ngx_nchan_module.so

$(NCHAN):
	mkdir -p bin/nchan
	cd bin/nchan && apt-get download libnginx-mod-nchan && dpkg -x libnginx-mod-nchan_*.deb .

CENTRIFUGO_VERSION := 6.9.1

bin/centrifugo-$(CENTRIFUGO_VERSION):
	GOBIN=$(abspath bin) $(GO) install github.com/centrifugal/centrifugo/v6@v$(CENTRIFUGO_VERSION)
	mv bin/centrifugo $@

.PHONY: bench-rivals
bench-rivals: deps $(NCHAN) bin/centrifugo-$(CENTRIFUGO_VERSION) ## measure a gateway beside nchan, Mercure and Centrifugo, on Debian, whose package of nchan is used
	cd bench/rival/mercure && $(GO) build -o $(abspath bin/mercure) .
	BELLHOP_BENCH_STREAMS=$(STREAMS) BELLHOP_BENCH_ROUNDS=3 BELLHOP_BENCH_SECONDS=15 BELLHOP_BENCH_NCHAN=$(abspath $(NCHAN)) \
		BELLHOP_BENCH_MERCURE=$(abspath bin/mercure) BELLHOP_BENCH_CENTRIFUGO=$(abspath bin/centrifugo-$(CENTRIFUGO_VERSION)) \
		$(GO) test -run '^$$' -bench Beside -benchtime 1x -timeout 60m ./bench/rival

RAFFLE        ?= 18000
RAFFLE_WINDOW ?= 60s

.PHONY: raffle
raffle: deps ## the raffle with RAFFLE streams (18000): the tests at full size, then RAFFLE_WINDOW (60s) of figures beside a raw loop
	$(GO) test -v -timeout 40m ./internal/e2e -run 'Raffle|StalledFans' -bench Raffle -benchtime 1x \
		-args -raffle.streams=$(RAFFLE) -raffle.stalls=10s -raffle.window=$(RAFFLE_WINDOW)

.PHONY: fuzz
fuzz: ## run each fuzz test for FUZZTIME (20s)
	@$(GO) run ./tools/fuzz -time $(FUZZTIME) $(PKG)

.PHONY: tidy
tidy: ## go.mod, go.sum and formatting
	$(GO) mod tidy
	$(GO) fmt ./...

.PHONY: deps
deps: ## install the servers that the tests start, as far as they are missing
	@sh tools/deps

IMAGE ?= bellhop:local
SCALE ?=

ABOUT = --build-arg VERSION=$(VERSION) --build-arg COMMIT=$(COMMIT) --build-arg DATE=$(DATE) \
	--label org.opencontainers.image.version=$(VERSION) --label org.opencontainers.image.revision=$(COMMIT) \
	--label org.opencontainers.image.created=$(DATE)

.PHONY: image
image: ## build the container image IMAGE (bellhop:local)
	docker build -t $(IMAGE) $(ABOUT) .
	@docker image inspect -f '{{.Size}}' $(IMAGE) | awk '{ printf "$(IMAGE) has %.1f MB\n", $$1 / 1e6 }'

.PHONY: image-push
image-push: ## build IMAGE for amd64 and arm64, and push it to its registry
	docker buildx build --push --platform linux/amd64,linux/arm64 -t $(IMAGE) $(ABOUT) .

.PHONY: deploy
deploy: ## serve from IMAGE, with SCALE gateways, unnoticed by anybody
	@sh nginx/deploy $(IMAGE) $(SCALE)

.PHONY: rollback
rollback: ## go back to what served before
	@sh nginx/deploy rollback

.PHONY: smoke
smoke: ## bring the compose file up from nothing, try it, and remove it
	@sh docker/smoke $(IMAGE)

.PHONY: bluegreen
bluegreen: deps ## ten deployments, back and forth, under the load of 5,000 streams: six minutes
	$(GO) test ./internal/nginxtest -run TestDeploymentsGoUnnoticed -count=1 -timeout 12m -v -bluegreen.full

.PHONY: people
people: deps ## two people who sign in and out of one browser in four tabs, for five minutes
	$(GO) test ./internal/webtest -run TestTwoPeopleInOneBrowser -count=1 -timeout 12m -v -people.full
