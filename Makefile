# make demo   everything on a fresh machine: tools, build, the whole system on a miniature internet
# make test   everything that must hold
#
# STATIC=1    a static binary        RUN_CONFIG=FILE   configuration of `make run`
# TOUR=once   demo ends after the tour

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

bench:
	$(GO) test -run '^$$' -bench . -benchmem -count 6 ./...

lint: vet
	$(GO) test ./internal

# Documents made from the code.
docs:
	$(GO) test ./internal/config -run TestDocs -rewrite
	$(GO) test ./internal/worker -run TestExplainNamesTheCause -rewrite

clean:
	rm -rf bin dist run
