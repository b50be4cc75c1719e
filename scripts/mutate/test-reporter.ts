// A reporter of `node --test`: one JSON line for each test that passed or failed, for
// `run-tests.ts`.
import type { TestEvent } from 'node:test/reporters';

/** A test that ended, as a line. */
export interface TestLine {
  readonly name: string;
  readonly passed: boolean;
  /** Name of the error behind a failure. */
  readonly error?: string;
  readonly message?: string;
  /** It did not end in time. */
  readonly isTimeout?: boolean;
}

export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const isSkipped = data.skip !== undefined || data.todo !== undefined;
    if (isSkipped || data.details.type === 'suite') continue;
    const line: TestLine = { name: data.name, passed: type === 'test:pass', ...(type === 'test:fail' && cause(data)) };
    yield `${JSON.stringify(line)}\n`;
  }
}

function cause({ details }: { details: { error: Error } }): Pick<TestLine, 'error' | 'message' | 'isTimeout'> {
  const inner = details.error.cause;
  const error = inner instanceof Error ? inner : details.error;
  const isTimeout = 'failureType' in details.error && details.error.failureType === 'testTimeoutFailure';
  return { error: error.name, message: error.message.slice(0, 300), ...(isTimeout ? { isTimeout } : {}) };
}
