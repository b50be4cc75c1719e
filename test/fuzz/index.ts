import { archives } from './archive.ts';
import { certificates } from './certificates.ts';
import { content } from './content.ts';
import { evidence } from './evidence.ts';
import { imageLayouts } from './image-layout.ts';
import { receipts } from './receipts.ts';
import { registry } from './registry.ts';
import { stores } from './store.ts';
import type { Target } from './target.ts';

export { feed, MAX_MILLISECONDS, type Target } from './target.ts';

/** Every parser of hostile bytes. */
export const TARGETS: readonly Target[] = [
  ...evidence,
  ...certificates,
  ...registry,
  ...imageLayouts,
  ...receipts,
  ...stores,
  ...archives,
  ...content,
];
