# The image of forebay: one binary on a base without a shell, run by a user without rights, on a read-only root if wanted.
#   docker build -t forebay .
#   docker run --rm -v ./mappings:/etc/forebay/mappings:ro -e AWS_ACCESS_KEY_ID -e AWS_SECRET_ACCESS_KEY forebay

# Both stages are Debian 13, so that the binary meets the C library that it was linked with. The C compiler that aws-lc
# needs comes with this image, and nothing else is needed.
FROM rust:1.95-slim-trixie AS build
WORKDIR /build
COPY . .
# Dependencies are kept between builds, for each architecture. The crate itself is always built anew: its files may be
# older than what the cache was built from.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/build/target,sharing=locked \
    export CARGO_TARGET_DIR="target/$(uname -m)" \
    && touch src/lib.rs src/main.rs \
    && cargo build --release --locked --bin forebay \
    && install -D "$CARGO_TARGET_DIR/release/forebay" /out/forebay \
    && mkdir /out/empty

# glibc, libgcc, the root certificates and a user; no shell, no package manager.
FROM gcr.io/distroless/cc-debian13:nonroot
LABEL org.opencontainers.image.title="forebay" \
      org.opencontainers.image.description="Event source mappings outside AWS" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /out/forebay /usr/local/bin/forebay
COPY LICENSE-MIT LICENSE-APACHE /usr/share/doc/forebay/
# The only two places that forebay writes to, owned by the user below.
COPY --from=build --chown=65532:65532 /out/empty/ /run/forebay/
COPY --from=build --chown=65532:65532 /out/empty/ /var/lib/forebay/

# By number, so that an orchestrator can see that it is not root.
USER 65532:65532
# The default of -f, mappings/, is then /etc/forebay/mappings.
WORKDIR /etc/forebay
ENV FOREBAY_LISTEN=0.0.0.0:9690 \
    FOREBAY_SOCKET=/run/forebay/forebay.sock \
    FOREBAY_STORE=/var/lib/forebay/forebay.redb
VOLUME ["/run/forebay", "/var/lib/forebay"]
EXPOSE 9690
# A drain takes up to 25 s: give `docker stop` at least 30 (`--time 30`).
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s --retries=3 CMD ["forebay", "health"]
ENTRYPOINT ["forebay"]
CMD ["run"]
