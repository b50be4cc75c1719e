import { visible } from './visible-text.ts';

/** One value, with what tells it from others of its name. */
export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** Metrics in the text format of Prometheus (version 0.0.4), put together one after the other. */
export class Exposition {
  readonly #lines: string[] = [];

  /** @param name - without `weighlock_`, which is in front of all */
  add(name: string, kind: 'counter' | 'gauge', help: string, samples: readonly Sample[]): void {
    this.#lines.push(`# HELP weighlock_${name} ${help}`, `# TYPE weighlock_${name} ${kind}`);
    for (const [labels, value] of samples) this.#lines.push(`weighlock_${name}${labelsText(labels)} ${value}`);
  }

  text(): string {
    return `${this.#lines.join('\n')}\n`;
  }
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const entries = Object.entries(labels);
  if (entries.length === 0) return '';
  // What is left after `visible` has no line breaks, so these are all that the format needs.
  const escaped = (value: string) => visible(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"');
  return `{${entries.map(([name, value]) => `${name}="${escaped(value)}"`).join()}}`;
}
