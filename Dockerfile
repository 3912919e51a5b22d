# The image of gateway, admission and command line. docs/image.md tells what is in it.

# Debian 12 with the Node of package-lock.json; the digest is of the index over all architectures. Nothing of this stage is in the
# image: what is, comes by the pins of hack/image/ and is not run here, so that any machine builds for either architecture.
FROM --platform=$BUILDPLATFORM node:24.21.0-bookworm-slim@sha256:2fe369e969550cde8e867afc3fe370b260140cab4a23d467074295b42163d553 AS build
RUN apt-get update && apt-get install --yes --no-install-recommends python3-pip
WORKDIR /source
COPY . .
# The address of an archive that has what Debian's own has replaced since: docs/image.md.
ARG DEBIAN_ARCHIVE
ARG TARGETARCH
RUN npm run image -- --arch "$TARGETARCH" --layers --out /image

FROM scratch
LABEL org.opencontainers.image.title="nuncio" \
      org.opencontainers.image.description="A Kubernetes API gateway: turns Kubernetes resources into Envoy configuration, live, and refuses bad ones before they land." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image/system/ /
COPY --from=build /image/nuncio/ /
ENV PATH=/usr/bin
USER 8888:8888
# tini is process 1: it passes signals on and reaps what a killed process leaves behind, which Node does not.
ENTRYPOINT ["/usr/bin/tini", "-s", "--", "/usr/bin/nuncio"]
CMD ["run"]
