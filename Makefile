# `make` alone lists the targets, from the comments behind them.
.DEFAULT_GOAL := help
.PHONY: help dev test soak bench fuzz lint fmt generate check

# How long `make fuzz` runs each target.
FUZZTIME ?= 30s

# The long forms of the soak and of the benchmark.
soak: export SOAK_N ?= 10000
soak: export SOAK_KILLS ?= 100
bench: export BENCH_N ?= 10000

# Go and npm keep caches in the home folder. A user without one gets a folder here.
ifneq ($(shell [ -w "$$HOME" ] && echo usable),usable)
export HOME := $(CURDIR)/.paperplane/home
export GOFLAGS := $(GOFLAGS) -modcacherw
$(shell mkdir -p -m 711 .paperplane && mkdir -p -m 700 .paperplane/home)
endif

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Built and then run, rather than `go run`: that one does not hand on a SIGTERM, and what was started would live on.
dev: ## run everything on this machine; Ctrl-C stops it, RESET=1 starts afresh
	@echo "Compiling Paperplane (a few minutes the first time) …"
	@go build -o .paperplane/paperplane ./cmd/paperplane
	@.paperplane/paperplane dev $(if $(RESET),--reset) $(ARGS)

test: ## run every test with the race detector; installs what is missing
	@tools/test

soak: ## kill everything again and again during a batch of SOAK_N (10000); SOAK_SEED repeats a run
	@go run ./tools/local/prepare
	@go test -race -count=1 -timeout 60m -run '^TestABatchOutlivesEverything$$' -v ./cmd/paperplane

bench: ## measure all in one run, BENCH_N (10000) people, and write docs/benchmarks.*; some ten minutes
	@go run ./tools/local/prepare
	@go test -run '^$$' -bench . -skip '^Benchmark(Invite|Gate)$$' -benchmem -benchtime 1s -timeout 20m ./...
	@BENCH_DOCS="$(CURDIR)/docs" go test -run '^$$' -bench '^Benchmark(Invite|Gate)$$' -timeout 60m ./cmd/paperplane

fuzz: ## run every fuzz target for FUZZTIME (30s)
	@grep -rHoE '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' --exclude-dir='.?*' . | while IFS=: read -r file function; do \
		go test -run '^$$' -fuzz "^$${function#func }$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")" || exit 1; \
	done

lint: ## check style, import rules, dead code and that generated files are current
	@tools/lint/check

fmt: ## format Go files and templates
	@"$$(tools/lint/build)/golangci-lint" fmt ./...
	@go tool templ fmt .

generate: ## write the Go files of the templates
	@go tool templ generate

check: test lint ## all that CI runs
