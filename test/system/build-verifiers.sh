#!/usr/bin/env bash
# Builds the verifiers that others wrote into build/cosign, from ordinary Go modules: both major versions of cosign.
# It takes some ten minutes of two processors; test/system/verified-by-others.test.ts is skipped without them.
set -euo pipefail
cd "$(dirname "$0")/../.."
built=$PWD/build/cosign
mkdir -p "$built"
export GOFLAGS=-buildvcs=false
GOBIN=$built/v2 go install -trimpath -ldflags '-s -w' github.com/sigstore/cosign/v2/cmd/cosign@v2.6.5
GOBIN=$built/v3 go install -trimpath -ldflags '-s -w' github.com/sigstore/cosign/v3/cmd/cosign@v3.0.3
