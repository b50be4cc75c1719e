export { type Fetched, type Notice, type RegistrySettings, Repository } from './client.ts';
export { type Digest, digestOf, hexOf, parseDigest } from './digest.ts';
export { type DockerConfig, MAX_CONFIG_BYTES, mergeDockerConfigs, parseDockerConfig } from './docker-config.ts';
export { type Download, download } from './download.ts';
export { MAX_SIGNATURE_BYTES, MAX_SIGNATURES, MAX_SIGNATURES_BYTES } from './limits.ts';
export { type Descriptor, type Index, type Manifest, MEDIA, type Platform, parseJson } from './manifest.ts';
export { proxySettings } from './proxy.ts';
export { parseReference, type Reference, referenceText } from './reference.ts';
export { Transport, type TransportSettings } from './transport.ts';
