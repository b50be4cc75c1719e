import type { Plan } from '../plan/index.ts';
import type { Observer } from '../run/index.ts';
import type { RunOutcome } from '../verdict/index.ts';

/** Tells somebody about a run: a person at a terminal, or a log collector. */
export interface Reporter extends Required<Observer> {
  start(plan: Plan): void;
  finish(outcome: RunOutcome): void;
}

/** Where text goes. A stream that is closed swallows it: the verdict is in the exit code. */
export interface Output {
  write(text: string): void;
}
