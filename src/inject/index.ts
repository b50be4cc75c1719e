export { injectManifests, type Manifests, type Touched } from './manifest.ts';
export { type Injected, type InjectSettings, injectPod, type PodSpec } from './pod.ts';
