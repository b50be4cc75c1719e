import { type Control, nextInQueue } from './control.ts';
import type { HashRequest, HashTask } from './protocol.ts';

/** A file that a worker took off the common queue. */
export interface Next {
  readonly work: HashTask;
  /** Numbers of the task, and of the file in its listing. */
  readonly task: number;
  readonly index: number;
}

/** The next file that nobody has taken; undefined when the queue is empty. */
export function takeNext({ tasks, order }: HashRequest, control: Control): Next | undefined {
  const next = nextInQueue(control);
  if (next >= order.length) return undefined;
  let index = order[next] ?? 0;
  for (const [task, work] of tasks.entries()) {
    const { count } = work.listing.files;
    if (index < count) return { work, task, index };
    index -= count;
  }
  return undefined;
}
