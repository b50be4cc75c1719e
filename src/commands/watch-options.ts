import type { Options } from 'yargs';
import { VERIFY_OPTIONS } from './options.ts';

/** Of `watch` alone. */
export const OWN_WATCH_OPTIONS = {
  interval: { type: 'string', default: '5m', describe: 'time from one verification to the next' },
  listen: {
    type: 'string',
    default: '0.0.0.0:8790',
    describe: 'HOST:PORT of /healthz, /readyz and /metrics; the kubelet asks the address of the pod',
  },
  'exit-on-failure': { type: 'boolean', default: false, describe: 'end with its exit code when a verification fails' },
} as const satisfies Record<string, Options>;

export const WATCH_OPTIONS = { ...OWN_WATCH_OPTIONS, ...VERIFY_OPTIONS } as const satisfies Record<string, Options>;
