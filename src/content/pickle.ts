// Whether the bytes of a file, from its first one on, are a pickle that does something: read as the
// reference implementation reads it (CPython, Lib/pickletools.py has every opcode and its
// argument), with a stack of which only the height is kept. Anything that is no opcode ends it,
// which in a file of another format is soon: what is passed over is not looked at, so it costs
// nothing.

/**
 * How an opcode's argument is written: so many bytes, so many lines, or a length in so many bytes
 * and as much.
 */
type Argument = number | 'line' | 'lines' | 'length1' | 'length4' | 'length8';

const OPCODES = new Map<number, Argument>();
function opcodes(names: string, argument: Argument): void {
  for (const name of names) OPCODES.set(name.charCodeAt(0), argument);
}
opcodes('(.012NQRabd}eostul])', 0);
opcodes('\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x93\x94\x97\x98\x92', 0);
opcodes('\x80Khq', 1);
opcodes('M\x83', 2);
opcodes('Jjr\x84', 4);
opcodes('G\x95', 8);
opcodes('FILPSVgp', 'line');
opcodes('ci', 'lines');
opcodes('U\x8aC\x8c', 'length1');
opcodes('TXB\x8b', 'length4');
opcodes('\x8d\x8e\x96', 'length8');
opcodes('\x82', 1);

/** Opcodes that put one value onto the stack. */
const PUSHES = new Set([...'IJKMLFGNSTUVXBCP}])cgjh\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x96\x97\x82\x83\x84'].map(code));
/** How many values an opcode needs on the stack, and how many it leaves more or fewer. */
const TAKES = new Map<number, readonly [needs: number, change: number]>(
  (
    [
      ['0', 1, -1],
      ['2', 1, 1],
      ['R', 2, -1],
      ['Q', 1, 0],
      ['a', 2, -1],
      ['b', 2, -1],
      ['s', 3, -2],
      ['p', 1, 0],
      ['q', 1, 0],
      ['r', 1, 0],
      ['\x81', 2, -1],
      ['\x92', 3, -2],
      ['\x93', 2, -1],
      ['\x94', 1, 0],
      ['\x85', 1, 0],
      ['\x86', 2, -1],
      ['\x87', 3, -2],
    ] as const
  ).map(([name, needs, change]) => [code(name), [needs, change]]),
);
/** Opcodes that need a mark on the stack. */
const TO_MARK = new Set([...'1dltuei\x90\x91o'].map(code));
/** Opcodes that import something: that alone runs a module. */
const IMPORTS = new Set([...'ci\x93\x82\x83\x84'].map(code));
/** Opcodes that call what was imported before. */
const CALLS = new Set([...'Rob\x81\x92i'].map(code));

/**
 * Bytes of lines that are kept, and what they have to look like, up to a zero; the reference
 * implementation stops at others.
 */
const MOST_LINE = 256;
const LINES = new Map(
  (
    [
      ['c', /^[\w\x80-\xff][\w\x80-\xff.]*$/],
      ['i', /^[\w\x80-\xff][\w\x80-\xff.]*$/],
      ['S', /^\s*["']/],
      ['I', /^\s*[-+]?\s*[\da-fobx_]+\s*$/i],
      ['L', /^\s*[-+]?\s*[\da-fobx_]+L?\s*$/i],
      ['F', /^\s*[-+]?[\d._einfaty+-]+\s*$/i],
      ['g', /^\s*\+?[\d_]+\s*$/],
      ['p', /^\s*[-+]?[\d_]+\s*$/],
    ] as const
  ).map(([name, pattern]) => [code(name), pattern]),
);

const MARK = code('(');
const STOP = code('.');
/**
 * More opcodes than any text of another format begins with: what has as many is a pickle, whatever
 * comes of it.
 */
const MOST_OPCODES = 1 << 20;

function code(name: string): number {
  return name.charCodeAt(0);
}

/** Follows a file's bytes as a pickle. */
export class PickleWatcher {
  /**
   * What it came to: a program as soon as it calls what it imported, or ends having imported
   * something.
   */
  verdict: 'undecided' | 'no' | 'program' = 'undecided';
  /** Bytes up to the end of the last whole pickle; some text begins with one, such as "N.". */
  wholeAt: number | undefined;
  #at = 0;
  #opcode = 0;
  #argument: Argument | undefined;
  #length = 0n;
  #lengthBytes = 0;
  #skip = 0;
  #lines = 0;
  #count = 0;
  #height = 0;
  readonly #marks: number[] = [];
  /**
   * It imports something that could be a module, whatever comes of it afterwards: that alone may
   * run it.
   */
  hasImported = false;
  /** The same, or something that is registered by a number (which nobody does). */
  #mayCall = false;
  #line = '';

  push(chunk: Buffer): void {
    const start = this.#at;
    this.#at += chunk.length;
    for (let at = 0; at < chunk.length && this.verdict === 'undecided'; ) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, chunk.length - at);
        this.#skip -= skipped;
        at += skipped;
      } else at = this.#step(chunk, at);
      if (this.#argument !== undefined && this.#skip === 0 && this.#isArgumentDone) this.#execute(start + at);
    }
  }

  /** Bytes of the argument that it passes over. */
  get ahead(): number {
    return this.#skip;
  }

  /** They need not be brought. */
  skip(bytes: number): void {
    this.#at += bytes;
    if (this.verdict !== 'undecided') return;
    this.#skip -= bytes;
    if (this.#skip < 0) this.verdict = 'no';
    else if (this.#argument !== undefined && this.#skip === 0 && this.#isArgumentDone) this.#execute(this.#at);
  }

  get #isArgumentDone(): boolean {
    return this.#lines === 0 && this.#lengthBytes === 0;
  }

  #step(chunk: Buffer, at: number): number {
    if (this.#argument === undefined) {
      this.#begin(chunk[at] ?? 0);
      return at + 1;
    }
    if (this.#lines > 0) {
      const end = chunk.indexOf(0x0a, at);
      this.#line += chunk.toString(
        'latin1',
        at,
        Math.min(end < 0 ? chunk.length : end, at + MOST_LINE - this.#line.length),
      );
      if (end < 0) return chunk.length;
      this.#lines--;
      return end + 1;
    }
    const shift = BigInt(8 * (lengthBytesOf(this.#argument) - this.#lengthBytes));
    this.#length |= BigInt(chunk[at] ?? 0) << shift;
    if (--this.#lengthBytes === 0) {
      // Longer than any file.
      if (this.#length > BigInt(Number.MAX_SAFE_INTEGER)) this.verdict = 'no';
      this.#skip = Number(this.#length);
    }
    return at + 1;
  }

  #begin(opcode: number): void {
    const argument = OPCODES.get(opcode);
    if (argument === undefined || ++this.#count > MOST_OPCODES) {
      this.verdict = argument === undefined ? 'no' : 'program';
      return;
    }
    this.#opcode = opcode;
    this.#argument = argument;
    this.#skip = typeof argument === 'number' ? argument : 0;
    this.#lines = argument === 'line' ? 1 : argument === 'lines' ? 2 : 0;
    this.#line = '';
    this.#lengthBytes = lengthBytesOf(argument);
    this.#length = 0n;
  }

  #execute(end: number): void {
    const opcode = this.#opcode;
    this.#argument = undefined;
    if (!this.#moveStack(opcode) || !this.#isLinePossible(opcode)) {
      this.verdict = 'no';
      return;
    }
    if (CALLS.has(opcode) && this.#mayCall) this.verdict = 'program';
    if (IMPORTS.has(opcode)) {
      this.#mayCall = true;
      if (opcode < 0x82 || opcode > 0x84) this.hasImported = true;
      if (opcode === code('i')) this.verdict = 'program';
    }
    if (opcode === STOP) this.#stop(end);
  }

  /**
   * Loaders read one pickle behind the other (torch.load those of before 1.6: five), and the last
   * one may be the program.
   */
  #stop(end: number): void {
    this.wholeAt = end;
    if (this.#mayCall) this.verdict = 'program';
    this.#height = 0;
    this.#marks.length = 0;
  }

  #isLinePossible(opcode: number): boolean {
    const pattern = LINES.get(opcode);
    if (pattern === undefined) return true;
    return pattern.test(this.#line.replace(/\0[\s\S]*$/, ''));
  }

  /** @returns false where the reference implementation would stop with an error */
  #moveStack(opcode: number): boolean {
    if (opcode === MARK) this.#marks.push(this.#height);
    else if (PUSHES.has(opcode)) this.#height++;
    else if (TO_MARK.has(opcode)) return this.#toMark(opcode);
    else {
      const [needs, change] = TAKES.get(opcode) ?? [opcode === STOP ? 1 : 0, 0];
      const floor = this.#marks.at(-1) ?? 0;
      // POP takes a mark away where nothing lies above it.
      if (opcode === code('0') && this.#height === floor && this.#marks.length > 0) {
        this.#marks.pop();
        return true;
      }
      if (this.#height < needs) return false;
      this.#height += change;
    }
    return true;
  }

  #toMark(opcode: number): boolean {
    const mark = this.#marks.pop();
    if (mark === undefined) return false;
    const pushesOne = 'dltio\x91'.includes(String.fromCharCode(opcode));
    this.#height = mark + (pushesOne ? 1 : 0);
    return true;
  }
}

function lengthBytesOf(argument: Argument): number {
  if (typeof argument === 'number') return 0;
  return { line: 0, lines: 0, length1: 1, length4: 4, length8: 8 }[argument];
}

/** A pickle of protocol 2 or later says so in its first two bytes. */
export function isBinaryPickle(head: Buffer): boolean {
  const [first, version = 0] = head;
  return first === 0x80 && version >= 2 && version <= 5;
}
