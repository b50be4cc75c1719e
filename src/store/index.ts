export { MAX_POINTER_BYTES, pointedAt } from './lfs-pointer.ts';
export { parseStoreLocation, type StoreLocation, storeSchemeOf } from './location.ts';
export { openStore } from './open-store.ts';
export type { Patterns } from './patterns.ts';
export { Replaced } from './replaced.ts';
export { STORE_VARIABLES, type StoreSettings, storeSettings } from './settings.ts';
export type { Inventory, Promised, Store, StoredFile } from './store.ts';
