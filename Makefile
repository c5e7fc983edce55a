# The two commands are `make dev` and `make test`. Everything else is `cargo`.

.PHONY: help dev try clients test bench fmt lint

help: ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

dev: ## Run gateway, sandbox and SQLite in one process, and print a key and a grpcurl line
	cargo run -- dev

try: ## Walk payments and refunds against the gateway that `make dev` started
	cargo run -- try

clients: ## Generate and build the packages for Python and other languages, below target/clients
	clients/generate

test: ## Install what the tests need and run all of them
	.ci/test

bench: ## Measure the gateway on SQLite and PostgreSQL beside a bare proxy
	.ci/bench

fmt: ## Format the code
	cargo fmt

lint: ## Check format and lints of the code
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
