# make demo   everything on a fresh machine: tools, build, the whole system on a miniature internet
# make test   everything that must hold
#
# STATIC=1    a static binary        RUN_CONFIG=FILE   configuration of `make run`
# TOUR=once   demo ends after the tour
# LAB=DIR     the harness of `make bench-lab`; LAB_PEERS, LAB_SCENARIOS, LAB_RUNS, BASE: what it compares

GO       ?= go
FUZZTIME ?= 20s
STATIC   ?=
RUN_CONFIG ?= deploy/run.yaml

LDFLAGS := -s -w
ifeq ($(STATIC),1)
LDFLAGS += -linkmode external -extldflags "-static"
TAGS    := -tags netgo,osusergo
endif

.PHONY: all deps build run demo test vet race short fuzz process scenarios bench lint docs clean

all: build

deps:
	@./deploy/deps

build: deps
	$(GO) build -trimpath $(TAGS) -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

run: build
	mkdir -p run/rundir run/cache
	bin/knot-resolver -c $(RUN_CONFIG)

demo: build
	$(GO) build -o bin/demo ./test/demo
	TOUR=$(TOUR) bin/demo

test: build vet race nocgo attacks scenarios process fuzz
	@echo "all tests passed"

vet:
	@bad=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$bad" ]; then echo "not gofmt'ed: $$bad"; exit 1; fi
	$(GO) vet ./...

race:
	$(GO) test -race $$($(GO) list ./... | grep -v /test/)

# The library and a single process must work without cgo.
.PHONY: nocgo
nocgo:
	CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/knot-resolver
	CGO_ENABLED=0 $(GO) test ./resolver ./internal/worker

# What attackers do, in memory, with counted bounds: docs/security.md.
.PHONY: attacks
attacks:
	$(GO) test ./test/attack/... ./test/demo/...

scenarios:
	@if [ -d ../shared/scenarios ]; then $(GO) test ./test/scenarios/...; else echo "scenarios: ../shared/scenarios is absent, skipped"; fi

process: build
	$(GO) test -count=1 ./test/process/...

fuzz:
	./test/fuzz $(FUZZTIME)

# Output for benchstat.
bench:
	$(GO) test -run '^$$' -bench . -benchmem -count 6 ./...

# Beside other resolvers, in one run: docs/performance.md. BASE is another build of ours, to compare with.
LAB           ?= ../shared/lab
LAB_DIR       ?= /tmp/dnslab
LAB_PEERS     ?= unbound,pdns,bind,kres5,echo
LAB_SCENARIOS ?= hot,cold,nx,mix,tcp
LAB_RUNS      ?= 3
BASE          ?=
lab_peer       = --peer 'cmd:$(1)=$(2)/test/lab/peer {addr} {port} {hints} {anchor} {dir}'

.PHONY: bench-lab
bench-lab: build
	@if [ ! -f $(LAB)/go.mod ]; then echo "bench-lab: no harness in LAB=$(LAB), skipped"; exit 0; fi; set -e; \
	(cd $(LAB) && $(GO) build -o $(CURDIR)/bin/lab ./cmd/lab); export LAB_DIR=$(LAB_DIR); \
	if [ ! -d $(LAB_DIR)/zones ]; then bin/lab install; bin/lab gen; fi; \
	bin/lab bench --runs $(LAB_RUNS) --peers $(LAB_PEERS) --scenario $(LAB_SCENARIOS) \
		$(call lab_peer,ours,$(CURDIR)) $(if $(BASE),$(call lab_peer,base,$(BASE)))

# What a hit costs with up to five million names in the cache: docs/growth.svg and docs/performance.md. Some minutes, 3 GB of disk.
.PHONY: growth soak
growth:
	$(GO) run ./test/growth -svg docs/growth.svg

# Memory of all processes under a steady load: SOAK_RATE queries a second for SOAK_TIME.
SOAK_RATE ?= 4000
SOAK_TIME ?= 10m
SOAK_CSV  ?= soak.csv
soak: build
	$(GO) run ./test/soak -rate $(SOAK_RATE) -for $(SOAK_TIME) -csv $(SOAK_CSV) bin/knot-resolver

lint: vet
	$(GO) test ./internal

# Documents made from the code.
docs:
	$(GO) test ./internal/config -run TestDocs -rewrite
	$(GO) test ./internal/worker -run TestExplainNamesTheCause -rewrite

# Manual pages, made from the command lines of the programs.
.PHONY: man install deb container
man:
	@rm -rf dist/man && mkdir -p dist/man
	$(GO) run ./deploy/man dist/man

PREFIX  ?= /usr
DESTDIR ?=
VERSION  = $(shell bin/knot-resolver --version | awk '{print $$NF}')

install: build man
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man8 $(DESTDIR)/etc/knot-resolver \
		$(DESTDIR)/lib/systemd/system $(DESTDIR)$(PREFIX)/lib/sysusers.d $(DESTDIR)$(PREFIX)/share/doc/knot-resolver/examples \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 755 bin/knot-resolver bin/kresctl $(DESTDIR)$(PREFIX)/bin
	install -m 644 dist/man/* $(DESTDIR)$(PREFIX)/share/man/man8
	[ -e $(DESTDIR)/etc/knot-resolver/config.yaml ] || install -m 644 deploy/config.yaml $(DESTDIR)/etc/knot-resolver
	install -m 644 deploy/config.yaml $(DESTDIR)$(PREFIX)/share/doc/knot-resolver/config.example.yaml
	install -m 644 deploy/systemd/knot-resolver.service $(DESTDIR)/lib/systemd/system
	install -m 644 deploy/systemd/knot-resolver.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/knot-resolver.conf
	install -m 644 docs/reference/configuration.md docs/operations.md LICENSE $(DESTDIR)$(PREFIX)/share/doc/knot-resolver
	install -m 644 deploy/grafana/*.json deploy/prometheus/*.yaml $(DESTDIR)$(PREFIX)/share/doc/knot-resolver/examples
	bin/kresctl completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/kresctl

# A package of static programs: it depends on nothing.
deb:
	@rm -rf dist/deb
	$(MAKE) install STATIC=1 DESTDIR=dist/deb
	./deploy/debian/build $(VERSION) dist/deb dist/knot-resolver-go_$(VERSION)_$$(dpkg --print-architecture).deb

# The build directory of an image: docker build -t knot-resolver dist/container
container:
	@rm -rf dist/container
	$(MAKE) build STATIC=1
	install -d dist/container/root/usr/bin dist/container/root/etc/knot-resolver dist/container/root/proc dist/container/root/dev
	install -d -m 1777 dist/container/root/run/knot-resolver dist/container/root/var/cache/knot-resolver
	install -m 755 bin/knot-resolver bin/kresctl dist/container/root/usr/bin
	install -m 644 deploy/container/config.yaml dist/container/root/etc/knot-resolver
	install -m 644 deploy/container/Containerfile dist/container/Dockerfile

clean:
	rm -rf bin dist run
