# syntax=docker/dockerfile:1
# The gateway in an image without a shell: `docker build -t corefy-gateway .`, and compose.yaml beside it.
# Both bases may be others: the first needs Rust and a C compiler, the second glibc and the certificates of authorities.
ARG BUILD_IMAGE=docker.io/library/rust:1.95-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
# Names of functions are a fifth of the program, and nobody debugs in an image without a shell.
ENV CARGO_PROFILE_RELEASE_STRIP=symbols
COPY . .
# The targets of Cargo.toml that are not built have to exist all the same.
RUN mkdir -p tests/it benches/gateway \
    && install -d -m 0700 /out/data \
    && touch tests/simulation.rs tests/it/main.rs benches/gateway/main.rs
# The caches keep what is downloaded and compiled, so that a change of the gateway compiles the gateway alone.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin corefy-gateway \
    && cp target/release/corefy-gateway /out/

FROM ${RUNTIME_IMAGE}
LABEL org.opencontainers.image.title="corefy-gateway" \
      org.opencontainers.image.description="A gRPC gateway to Corefy in which money moves exactly once" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build --chown=0:0 --chmod=0555 /out/corefy-gateway /usr/local/bin/corefy-gateway
# SQLite's file is here by default; with PostgreSQL nothing is written at all.
COPY --from=build --chown=65532:65532 /out/data /var/lib/corefy-gateway
WORKDIR /var/lib/corefy-gateway
USER 65532:65532
EXPOSE 50051 8080
STOPSIGNAL SIGTERM
# It asks the port that GATEWAY_HTTP_ADDR names, by TLS where GATEWAY_TLS_CERT is set.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/usr/local/bin/corefy-gateway", "health"]
ENTRYPOINT ["/usr/local/bin/corefy-gateway"]
CMD ["serve"]
