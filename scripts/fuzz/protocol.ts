/** What a process that fuzzes one target is asked. */
export interface Campaign {
  readonly target: string;
  readonly runs: number;
  readonly seed: number;
}

/** What it tells. */
export type Told =
  | { readonly kind: 'progress'; readonly inputs: number; readonly grownBytes: number }
  | { readonly kind: 'defect'; readonly inputs: number; readonly report: string }
  | { readonly kind: 'done'; readonly inputs: number; readonly grownBytes: number };
