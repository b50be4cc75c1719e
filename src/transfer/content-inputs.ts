import { ContentGatherer, ContentInspector } from '../content/index.ts';
import { entryText, nameAt, type ReadWhole } from '../fs/index.ts';
import type { HashRequest, Input, Inputs, Next, TaskContent } from '../hash/index.ts';

/** Inputs whose bytes are looked at on their way to the hasher, and what was found so far. */
export interface Inspecting {
  readonly inputs: Inputs;
  readonly shares: readonly TaskContent[];
}

/**
 * Looks at what files are, for the tasks that ask for it: at the very bytes that are hashed, out of
 * the buffer that the hasher takes them from. So nothing can be one thing when it is looked at and
 * another one when it is hashed.
 */
export function inspecting(inputs: Inputs, { tasks }: HashRequest): Inspecting {
  const gatherers = tasks.map(({ content }) => (content === undefined ? undefined : new ContentGatherer(content)));
  const shares = () => gatherers.flatMap((one, task) => (one === undefined ? [] : [{ task, share: one.share }]));
  if (gatherers.every((one) => one === undefined)) return { inputs, shares: [] };
  return {
    inputs: {
      take() {
        const taken = inputs.take();
        if (taken === undefined || taken === 'later') return taken;
        const gatherer = gatherers[taken.next.task];
        return gatherer === undefined
          ? taken
          : { ...taken, input: new InspectedInput(taken.input, taken.next, gatherer) };
      },
      failed: (next, error) => inputs.failed(next, error),
      arrival: () => inputs.arrival(),
      turn: () => inputs.turn(),
    },
    get shares() {
      return shares();
    },
  };
}

class InspectedInput implements Input {
  readonly #input: Input;
  readonly #index: number;
  readonly #gatherer: ContentGatherer;
  readonly #inspector: ContentInspector;

  constructor(input: Input, { work, index, length }: Next, gatherer: ContentGatherer) {
    this.#input = input;
    this.#index = index;
    this.#gatherer = gatherer;
    this.#inspector = new ContentInspector(entryText(nameAt(work.listing.files, index)), length);
  }

  get isAtEnd(): boolean {
    return this.#input.isAtEnd;
  }

  take(room: Buffer): Buffer | undefined {
    const chunk = this.#input.take(room);
    if (chunk !== undefined) this.#inspector.push(chunk);
    return chunk;
  }

  finish(): ReadWhole | undefined {
    const isWhole = this.#input.finish();
    if (isWhole !== undefined) this.#gatherer.add(this.#index, this.#inspector.finish());
    return isWhole;
  }

  close(): void {
    this.#inspector.drop();
    this.#input.close();
  }
}
