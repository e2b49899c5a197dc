# docker build -t pilotage:0.1.0 .
# One static binary on an empty image: no shell, no package manager, nothing to update but itself.
FROM rust:1-alpine AS build
# aws-lc (TLS) and mimalloc are compiled from C.
RUN apk add --no-cache build-base cmake perl linux-headers
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY fixtures/demo fixtures/demo
COPY benches benches
COPY tests tests
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin pilotage && cp target/release/pilotage /pilotage

FROM scratch
# For servers that are asked over TLS.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /pilotage /pilotage
COPY LICENSE /LICENSE
USER 65532:65532
ENTRYPOINT ["/pilotage"]
