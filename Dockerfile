# The image of forebay: one binary and the C library it needs, no shell, a user without rights, a read-only root if wanted.
#   docker build -t forebay .
#   docker run --rm -v ./mappings:/etc/forebay/mappings:ro -v forebay-store:/var/lib/forebay \
#       -e AWS_ACCESS_KEY_ID -e AWS_SECRET_ACCESS_KEY forebay
# The store in /var/lib/forebay has the positions of streams: keep it on a volume.

# The C compiler that aws-lc needs comes with this image, and nothing else is needed.
FROM rust:1.95-slim-trixie AS build
WORKDIR /build
COPY . .
# Without the feature `sso`: there is no login through a browser here.
# Dependencies are kept between builds, for each architecture. The crate itself is always built again: its files may be
# older than what the cache was built from.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/build/target,sharing=locked \
    export CARGO_TARGET_DIR="target/$(uname -m)" \
    && touch src/lib.rs src/main.rs \
    && cargo build --release --locked --no-default-features --bin forebay \
    && install -D "$CARGO_TARGET_DIR/release/forebay" /out/forebay \
    && mkdir /out/empty /out/image
# The libraries that the binary names, their loader, the root certificates and the user's name.
RUN ldd /out/forebay | grep -o '/[^ ]*' | xargs cp --parents --dereference --target-directory=/out/image \
    && cp --parents --dereference /etc/ssl/certs/ca-certificates.crt /out/image \
    && echo 'forebay:x:65532:65532::/:' > /out/image/etc/passwd

FROM scratch
LABEL org.opencontainers.image.title="forebay" \
      org.opencontainers.image.description="Event source mappings outside AWS" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /out/image/ /
COPY --from=build /out/forebay /usr/local/bin/forebay
COPY LICENSE-MIT LICENSE-APACHE /usr/share/doc/forebay/
# The only two places that forebay writes to, owned by the user below.
COPY --from=build --chown=65532:65532 /out/empty/ /run/forebay/
COPY --from=build --chown=65532:65532 /out/empty/ /var/lib/forebay/

# By number, so that an orchestrator can see that it is not root.
USER 65532:65532
# The default of -f, mappings/, is then /etc/forebay/mappings.
WORKDIR /etc/forebay
ENV PATH=/usr/local/bin \
    FOREBAY_LISTEN=0.0.0.0:9690 \
    FOREBAY_SOCKET=/run/forebay/forebay.sock \
    FOREBAY_STORE=/var/lib/forebay/forebay.redb
VOLUME ["/run/forebay", "/var/lib/forebay"]
EXPOSE 9690
# A drain takes up to 25 s: give `docker stop` at least 30 (`--time 30`).
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s --retries=3 CMD ["forebay", "health"]
ENTRYPOINT ["forebay"]
CMD ["run"]
