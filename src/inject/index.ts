export { injectManifests, type Manifests, type Touched } from './manifest.ts';
export { type Injected, injectPod } from './pod.ts';
export { problemsOf } from './problems.ts';
export { type Container, type InjectSettings, type PodSpec, TRUST, VERIFIER, type Volume } from './spec.ts';
