# The two commands are `make dev` and `make test`. Everything else is `cargo`.

.PHONY: help machine dev try clients test bench endurance chaos abuse fuzz model soak mutations bare packaging release fmt lint

help: ## Show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

machine: # Says what of Rust and a C compiler is missing, before cargo says it in its own words
	@bash -c 'source .ci/machine.sh && need_rust && need_compiler'

dev: machine ## Run gateway, sandbox and SQLite in one process, and print a key and a grpcurl line; API=commerce for Corefy's other API
	cargo run -- dev $(if $(API),--corefy-api=$(API))

try: machine ## Walk payments and refunds against the gateway that `make dev` started
	cargo run -- try

clients: ## Generate and build the packages for Python and other languages, below target/clients
	clients/generate

test: ## Install what the tests need and run all of them
	.ci/test

bench: ## Measure the gateway on SQLite and PostgreSQL beside a bare proxy
	.ci/bench

endurance: ## Half the load for two hours on each database: `make endurance MINUTES=120`
	.ci/bench --endurance=$(or $(MINUTES),120)

chaos: machine ## Break real gateways, their databases and their Corefy under load: `make chaos ROUNDS=500`
	.ci/chaos $(ROUNDS)

abuse: machine ## Flood a release build in a dozen ways beside an honest caller: `make abuse SECONDS=20`
	.ci/abuse $(SECONDS)

fuzz: machine ## Try the laws of fuzz/laws on ever more inputs: `make fuzz TARGET=requests SECONDS=600`; all targets without one
	.ci/fuzz $(or $(TARGET),all) $(SECONDS)

model: machine ## Explore the model of the protocol with more faults than `make test` does: some minutes
	cargo test --test it model:: -- --include-ignored --nocapture --test-threads=1

soak: machine ## Simulate as many runs with crashes, faults and replicas as you like: `make soak SEEDS=100000`
	.ci/soak $(SEEDS)

mutations: machine ## Break the gateway on purpose, one way after the other, and have simulation and tests find out: half an hour
	.ci/mutations

bare: ## Run `make test` on a bare Debian, in a chroot that debootstrap makes; as root
	.ci/bare

packaging: ## Build the image and the package for Debian, and try both in a chroot; as root
	.ci/packaging $(ONLY)

release: machine ## Make a release into target/dist: program, package, manuals, list of crates, notes, checksums
	.ci/release

fmt: ## Format the code
	cargo fmt

lint: ## Check format and lints of the code
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
