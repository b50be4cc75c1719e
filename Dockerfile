# The container image: one executable (Node 26 with the program inside) on a base that has a C library and nothing else, and
# a launcher that looks at the environment before the executable is loaded.
# Both bases are arguments, so that the very same file builds where no registry can be reached: image/stand-in-bases.sh.
ARG BUILD_IMAGE=docker.io/library/node:26-bookworm-slim
ARG BASE_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
# strip(1) takes 30 MB of symbols off the executable; the launcher is in C, without a C library.
RUN command -v gcc >/dev/null || \
    (apt-get update && apt-get install -y --no-install-recommends binutils gcc linux-libc-dev)
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
RUN node image/build-launcher.ts && node image/build-sea.ts

FROM ${BASE_IMAGE}
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="weighlock" \
      org.opencontainers.image.description="Keeps a pod from starting when its model weights or datasets are not the ones that were pinned or signed" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/weighlock/weighlock" \
      org.opencontainers.image.documentation="https://github.com/weighlock/weighlock#readme"
COPY --from=build /src/build/launcher /usr/local/bin/weighlock
COPY --from=build /src/build/weighlock /usr/lib/weighlock/weighlock
# Shared libraries that Node needs and the base does not have (libatomic).
COPY --from=build /src/build/lib/ /usr/lib/
COPY --from=build /src/build/sbom.spdx.json /src/LICENSE /usr/share/doc/weighlock/
USER 65532:65532
WORKDIR /
ENTRYPOINT ["/usr/local/bin/weighlock"]
CMD ["verify"]
