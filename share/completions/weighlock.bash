# Made by `npm run reference`.
_weighlock() {
  local current=${COMP_WORDS[COMP_CWORD]} options='' words=''
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W 'verify watch digest sign attest inject image-verifier pods report policy keygen --help --version' -- "$current")
    return
  fi
  case ${COMP_WORDS[1]} in
    verify) options="--sha256 --checksums --checksums-sha256 --checksums-signature --policy --trust --policy-key --policy-signature --targets --mode --failure-policy --report --verdict --verdict-key --verifier-image --accept-verdict --verifier-key --verifier-id --verdict-policy --verdict-max-age --format --termination-log --key --certificate-identity --certificate-identity-regexp --certificate-oidc-issuer --certificate-oidc-issuer-regexp --ca-roots --ca-intermediates --certificate --certificate-chain --crl --trusted-root --tuf-mirror --tuf-root --insecure-ignore-tlog --insecure-ignore-sct --use-signed-timestamps --tlog-threshold --ctlog-threshold --timestamp-threshold --timestamp-certificate-chain --certificate-github-workflow-trigger --certificate-github-workflow-sha --certificate-github-workflow-name --certificate-github-workflow-repository --certificate-github-workflow-ref --annotations --signature --signature-repository --threshold --type --condition --allow-legacy-model-signatures --ignore-paths --max-age --hasher --concurrency --allow-symlinks --max-files --timeout --idle-timeout --io-depth --io-rate --registry-config --registry-cacert --plain-http --allow-http-registry --registry-server --registry-username --registry-password --registry-password-file --registry-token --connections --response-timeout --max-bytes --mirror --platform --replace --allow-unknown-layers --unpack"; words="" ;;
    watch) options="--interval --listen --exit-on-failure --sha256 --checksums --checksums-sha256 --checksums-signature --policy --trust --policy-key --policy-signature --targets --mode --failure-policy --report --verdict --verdict-key --verifier-image --accept-verdict --verifier-key --verifier-id --verdict-policy --verdict-max-age --format --termination-log --key --certificate-identity --certificate-identity-regexp --certificate-oidc-issuer --certificate-oidc-issuer-regexp --ca-roots --ca-intermediates --certificate --certificate-chain --crl --trusted-root --tuf-mirror --tuf-root --insecure-ignore-tlog --insecure-ignore-sct --use-signed-timestamps --tlog-threshold --ctlog-threshold --timestamp-threshold --timestamp-certificate-chain --certificate-github-workflow-trigger --certificate-github-workflow-sha --certificate-github-workflow-name --certificate-github-workflow-repository --certificate-github-workflow-ref --annotations --signature --signature-repository --threshold --type --condition --allow-legacy-model-signatures --ignore-paths --max-age --hasher --concurrency --allow-symlinks --max-files --timeout --idle-timeout --io-depth --io-rate --registry-config --registry-cacert --plain-http --allow-http-registry --registry-server --registry-username --registry-password --registry-password-file --registry-token --connections --response-timeout --max-bytes --mirror --platform --replace --allow-unknown-layers --unpack"; words="" ;;
    digest) options="--list --hasher --concurrency --allow-symlinks --max-files --timeout --idle-timeout --io-depth --io-rate --registry-config --registry-cacert --plain-http --allow-http-registry --registry-server --registry-username --registry-password --registry-password-file --registry-token --connections --response-timeout --max-bytes --mirror --platform --replace --allow-unknown-layers --unpack"; words="" ;;
    sign) options="--key --identity-token --fulcio-url --rekor-url --timestamp-server-url --shard-size --ignore-paths --ignore-git-paths --signature --hasher --concurrency --allow-symlinks --max-files --timeout --idle-timeout --io-depth --io-rate"; words="" ;;
    attest) options="--key --identity-token --fulcio-url --rekor-url --timestamp-server-url --predicate --type --ignore-paths --signature --hasher --concurrency --allow-symlinks --max-files --timeout --idle-timeout --io-depth --io-rate"; words="" ;;
    inject) options="--filename -f --image --scratch-claims --volumes --host-paths --platform-containers --cpu --memory --cpu-request --memory-request --kinds-without-pods --check"; words="" ;;
    image-verifier) options="--policy --name --digest --stdin-media-type"; words="" ;;
    pods) options="--namespace -n --all-namespaces -A --selector -l --explain --output -o --kubeconfig --context --verifier-image --api-server --token-file --ca-file"; words="" ;;
    report) options="--namespace -n --verifier-image --count-authors --events --pass-events --reports --relist --once --listen --leader-elect --lease-name --lease-namespace --html --kubeconfig --context --api-server --token-file --ca-file"; words="" ;;
    policy) options=""; words="check explain" ;;
    keygen) options="--output"; words="" ;;
  esac
  case $current in
    -*) mapfile -t COMPREPLY < <(compgen -W "$options --help" -- "$current") ;;
    *) [ "$COMP_CWORD" -eq 2 ] && [ -n "$words" ] && mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current") ;;
  esac
}
complete -o default -o bashdefault -F _weighlock weighlock
