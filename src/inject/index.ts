export { injectManifests, type Manifests, type Touched } from './manifest.ts';
export { type Injected, injectPod } from './pod.ts';
export type { InjectSettings, PodSpec } from './spec.ts';
