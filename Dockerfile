# The server as an image: `docker build -t enrich-jobs .`, then
# `docker run -p 8411:8411 -v enrich-data:/data enrich-jobs`.

FROM rust:1.95-bookworm AS build
WORKDIR /src
# Dependencies first, so that a change of our own code compiles only that.
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src && echo 'fn main() {}' > src/main.rs && touch src/lib.rs \
    && cargo build --profile dist --locked \
    && rm -r src target/dist/.fingerprint/enrich-jobs-*
COPY . .
RUN cargo build --profile dist --locked

FROM debian:bookworm-slim
# The certificates are for what the server calls: callbacks, websites, vendors.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10411 --home-dir /data enrich \
    && install -d -m 0700 -o enrich -g enrich /data
COPY --from=build /src/target/dist/enrich-jobs /usr/local/bin/enrich-jobs

USER enrich
WORKDIR /data
VOLUME /data
# The operators' listener stays on loopback: use it from inside, `docker exec … enrich-jobs agents create`.
ENV ENRICH_LISTEN=0.0.0.0:8411 \
    ENRICH_STORE=embedded:/data/store \
    VENDOR_DIRECTORY_PATH=/data/directory
EXPOSE 8411

# Alive, by the shell alone: the image has no HTTP client, and needs none otherwise.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8411 && printf 'GET /healthz HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r line <&3 && [[ $line == *' 200 '* ]]"]

# The shell form would keep SIGTERM from the server, which drains on it.
ENTRYPOINT ["enrich-jobs"]
CMD ["serve"]
