# `make help` lists the targets: the text behind each `##`.

# A toolchain that was installed a minute ago is not in every shell's PATH yet.
export PATH := $(HOME)/.cargo/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup up check test cluster chaos models api-docs fuzz

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## Install the servers and tools that are missing
	@scripts/setup.sh --tests

up: ## Set up, build and run everything for development; Ctrl-C stops it
	@scripts/setup.sh
	@cargo build --locked
	@exec target/debug/botberi dev

check: ## Format, lints, documentation, licences and OpenAPI: what review need not look at
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps
	python3 scripts/licences.py
	python3 scripts/configuration_docs.py
	python3 scripts/documentation.py
	python3 scripts/openapi.py
	python3 scripts/asyncapi.py

api-docs: ## Write the OpenAPI and AsyncAPI documents in docs/api anew
	@cargo build --locked
	@mkdir -p docs/api
	@set -e; for listener in user admin broker; do \
		target/debug/botberi openapi $$listener >docs/api/openapi.$$listener.json; done
	@target/debug/botberi asyncapi >docs/api/asyncapi.json
	@rm -rf docs/api/schemas
	@target/debug/botberi asyncapi --schemas docs/api/schemas

test: setup ## Set up and run the whole suite against private servers of its own
	@cargo build --locked
	@target/debug/botberi dev servers --data-dir target/test-servers --free-ports --no-fsync -- \
		cargo nextest run --locked

MINUTES ?= 10
cluster: setup ## Kill and freeze nodes of a RabbitMQ cluster under load
	@cargo build --locked
	@target/debug/botberi dev servers --data-dir target/test-servers --free-ports --no-fsync -- \
		cargo nextest run --locked --ignore-default-filter cluster::

chaos: setup ## Break everything for MINUTES (10) and compare what users were told with what is there
	@cargo build --locked
	@BOTBERI_CHAOS_MINUTES=$(MINUTES) cargo nextest run --locked --profile chaos chaos::run::

models: ## Run what several threads share in thousands of orders of their steps (needs no servers)
	@cargo nextest run --locked --lib --features models -E 'test(/::meetings::/)'

fuzz: ## Send generated requests to a service that `make up` runs (needs BOTBERI_ADMIN_PASSWORD)
	@test -x target/fuzz/venv/bin/schemathesis || { python3 -m venv target/fuzz/venv && \
		target/fuzz/venv/bin/pip install --quiet --requirement tests/fuzz/requirements.txt; }
	@SCHEMATHESIS=target/fuzz/venv/bin/schemathesis python3 tests/fuzz/api.py
