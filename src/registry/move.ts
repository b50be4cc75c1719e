import type { Take } from './body.ts';
import type { Patience } from './retry.ts';
import type { Answer } from './transport.ts';

/**
 * What is to be brought: whoever knows the protocol asks, whoever moves bytes decides when, and for
 * which part.
 */
export interface Download {
  /**
   * Asks with these headers, which say from where on. Called again after every break.
   *
   * @param along - the `hops` of an earlier answer, to ask at once where that came from
   */
  readonly open: (headers: Record<string, string>, along?: readonly URL[]) => Promise<Answer>;
  /** Why an answer cannot be used. */
  readonly refusal: (answer: Answer) => Promise<Error>;
  /** Where to begin: bytes that are there already. */
  readonly offset: number;
  /** Bytes of the whole, when they are known before. */
  readonly size?: number;
  /** Its digest says what it is: no other version of it can come. */
  readonly isAddressed?: boolean;
  /**
   * It is held against a digest that was pinned: what is put together of two versions is refused,
   * and never used.
   */
  readonly isPinned?: boolean;
  /** What an earlier answer said of the version that the bytes before `offset` are of. */
  readonly version?: string | undefined;
  /** Most bytes of the whole, where its size is the server's word. */
  readonly room?: Room;
  /** What it throws ends the download. */
  readonly sink: Take;
  /** Takes bytes in the place of `sink`, where they stay as they are until its promise resolves. */
  readonly keptSink?: ((piece: Buffer) => void | Promise<void>) | undefined;
  /** Throws away what the sink got so far: the source changed, or cannot go on where it broke. */
  readonly restart: () => void | Promise<void>;
}

/** Brings a body whole into a sink. @returns the number of bytes of the whole */
export type Move = (task: Download, patience: Omit<Patience, 'progress'>) => Promise<number>;

/** What there is room for. */
export interface Room {
  readonly bytes: number;
  /** Whether somebody set this limit, or the volume has no more. */
  readonly isLimit: boolean;
}
