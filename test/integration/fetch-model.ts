// A model in a bucket, fetched by the program.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FakeBucket } from '../store/buckets.ts';
import { type Finished, run, workFolder } from './cli.ts';

export const FILES = {
  'config.json': '{}',
  'weights/a.bin': randomBytes(100_000),
  'weights/b c+d%.bin': randomBytes(50_000),
};

export function treeOf(files: Readonly<Record<string, string | Buffer>>): string {
  const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');
  const lines = Object.keys(files).sort();
  return sha256(lines.map((name) => `${sha256(files[name] ?? '')}  ${name}\n`).join(''));
}

export interface Fetched extends Finished {
  readonly path: string;
  readonly report: { artifacts: { files?: Record<string, unknown>[] }[] };
}

export async function fetchModel(
  fake: FakeBucket,
  source: string,
  options: { pin?: string; flags?: readonly string[]; environment?: Record<string, string> } = {},
): Promise<Fetched> {
  const { pin = treeOf(FILES), flags = [], environment = fake.environment } = options;
  const path = join(workFolder(), 'model');
  const report = join(workFolder(), 'report.json');
  const words = ['verify', source, path, '--plain-http', fake.host, '--report', report, '--sha256', pin, ...flags];
  const result = await run(words, { environment: { NO_GCE_CHECK: 'true', ...environment } });
  const text = existsSync(report) ? readFileSync(report, 'utf8') : '{"artifacts":[]}';
  assert.doesNotMatch(result.stdout + result.stderr + text, /hunter2/);
  return { ...result, path, report: JSON.parse(text) };
}
