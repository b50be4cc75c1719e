import { Unsound } from './cursor.ts';
import { type Facts, type Finding, shown } from './format.ts';
import { isBeside } from './location.ts';
import { type Choice, ProtobufReader, type Visitor } from './protobuf.ts';

/**
 * Domains of operators that runtimes bring themselves; any other one is a library that somebody has
 * to load.
 */
const DOMAINS = new Set([
  '',
  'ai.onnx',
  'ai.onnx.ml',
  'ai.onnx.training',
  'ai.onnx.preview.training',
  'ai.onnx.preview',
  'com.microsoft',
]);
const MOST_FINDINGS = 8;

/** What a message is, and its fields that are read (onnx.proto of ONNX 1.x). */
type Message =
  | 'model'
  | 'graph'
  | 'node'
  | 'attribute'
  | 'tensor'
  | 'entry'
  | 'opset'
  | 'function'
  | 'sparse'
  | 'training';
const ENTERED: Readonly<Record<Message, Readonly<Record<number, Message>>>> = {
  model: { 7: 'graph', 8: 'opset', 20: 'training', 25: 'function' },
  training: { 1: 'graph', 2: 'graph' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  tensor: { 13: 'entry' },
  sparse: { 1: 'tensor', 2: 'tensor' },
  function: { 7: 'node', 9: 'opset', 11: 'attribute' },
  entry: {},
  opset: {},
};
/**
 * Fields of a model; what has others is (also) something else, such as a SavedModel of TensorFlow.
 */
const MODEL_FIELDS = new Set([1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26]);
/** A producer is a name. */
const MOST_PRODUCER = 1024;
/**
 * Operators that hold or name what another program compiled (onnxruntime: Contrib Operators,
 * `EPContext`).
 */
const COMPILED_OPERATORS = new Set(['EPContext']);
/** Texts that are kept. */
const COLLECTED: Readonly<Partial<Record<Message, readonly number[]>>> = {
  node: [4, 7],
  entry: [1, 2],
  opset: [1],
  model: [2],
};

/**
 * A model begins with the version of its format, and then who made it, its operators or its graph.
 */
export function isOnnx(head: Buffer): boolean {
  const [tag, version = 0, next = 0] = head;
  return tag === 0x08 && version > 0 && version < 64 && [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42].includes(next);
}

/**
 * Reads a model as it comes. External data has to lie in the artifact, beside or below the model.
 */
export class OnnxWatcher implements Visitor {
  readonly #reader = new ProtobufReader(this);
  readonly #messages: Message[] = ['model'];
  readonly #domains = new Set<string>();
  readonly #findings: Finding[] = [];
  #entry: { key?: Buffer; value?: Buffer } = {};
  #elements = 1;
  #isInitializer = false;
  #parameters = 0;
  #tensors = 0;
  #hasGraph = false;
  #producer: string | undefined;

  push(chunk: Buffer): void {
    this.#reader.push(chunk);
  }

  get ahead(): number {
    return this.#reader.ahead;
  }

  skip(bytes: number): void {
    this.#reader.skip(bytes);
  }

  /** @throws Unsound */
  finish(): { readonly facts: Facts; readonly findings: readonly Finding[] } {
    this.#reader.finish();
    if (!this.#hasGraph) throw new Unsound('the model has no graph');
    const others = [...this.#domains].filter((domain) => !DOMAINS.has(domain));
    for (const domain of others.slice(0, MOST_FINDINGS))
      this.#findings.push({ kind: 'custom-ops', text: `it has operators of the domain ${shown(domain)}` });
    const architecture = this.#producer === undefined ? {} : { architecture: `ONNX by ${this.#producer.slice(0, 60)}` };
    return {
      facts: { parameters: this.#parameters, tensors: this.#tensors, ...architecture },
      findings: this.#findings,
    };
  }

  field(path: readonly number[], length: number): Choice {
    const message = this.#messages.at(-1) ?? 'model';
    const field = path.at(-1) ?? 0;
    // Packed dimensions.
    if (message === 'tensor' && field === 1) return length <= 1 << 10 ? 'collect' : 'skip';
    if (COLLECTED[message]?.includes(field) === true) return 'collect';
    const entered = ENTERED[message][field];
    if (message === 'model' && !MODEL_FIELDS.has(field)) throw new Unsound(`the model has the unknown field ${field}`);
    if (entered === undefined) return 'skip';
    this.#messages.push(entered);
    if (entered === 'graph') this.#hasGraph = true;
    if (entered === 'tensor') {
      this.#elements = 1;
      this.#isInitializer = message === 'graph' && field === 5;
    }
    if (entered === 'entry') this.#entry = {};
    return 'enter';
  }

  number(path: readonly number[], value: bigint): void {
    if (this.#messages.at(-1) === 'tensor' && path.at(-1) === 1) this.#dimension(value);
  }

  bytes(path: readonly number[], value: Buffer): void {
    const message = this.#messages.at(-1);
    const field = path.at(-1);
    if (message === 'tensor') for (const one of varints(value)) this.#dimension(one);
    else if (message === 'node' && field === 4) this.#addOperator(value.toString('utf8'));
    else if (message === 'node' || message === 'opset') this.#addDomain(value.toString('utf8'));
    else if (message === 'model') this.#producer = producerOf(value);
    else this.#addToEntry(field === 1 ? 'key' : 'value', value);
  }

  /** A parser takes the last of several keys or values, whichever comes first. */
  #addToEntry(part: 'key' | 'value', bytes: Buffer): void {
    if (this.#entry[part] !== undefined) throw new Unsound(`an entry of external data has its ${part} twice`);
    this.#entry[part] = bytes;
  }

  #addOperator(name: string): void {
    if (COMPILED_OPERATORS.has(name) && this.#findings.length < MOST_FINDINGS)
      this.#findings.push({
        kind: 'custom-ops',
        text: `it has the operator ${name}, which runs what another program compiled`,
      });
  }

  end(): void {
    const message = this.#messages.pop();
    const { key, value } = this.#entry;
    if (message === 'entry' && key?.toString('utf8') === 'location') this.#checkLocation(value ?? Buffer.alloc(0));
    if (message !== 'tensor' || !this.#isInitializer) return;
    this.#parameters += this.#elements;
    this.#tensors++;
    this.#isInitializer = false;
  }

  #dimension(value: bigint): void {
    this.#elements *= Number(value);
  }

  #addDomain(domain: string): void {
    if (this.#domains.size < 1024) this.#domains.add(domain);
  }

  #checkLocation(value: Buffer): void {
    const text = value.toString('utf8');
    if (!isBeside(text)) throw new Unsound(`its external data is at ${shown(text)}`);
  }
}

/** @throws Unsound for what is no name: a message of another format may lie there */
function producerOf(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  if (bytes.length > MOST_PRODUCER || [...text].some((character) => character < ' '))
    throw new Unsound('the name of its producer is no text');
  return text;
}

function* varints(bytes: Buffer): Generator<bigint> {
  let [value, shift] = [0n, 0n];
  for (const byte of bytes) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if ((byte & 0x80) !== 0) continue;
    yield BigInt.asIntN(64, value);
    [value, shift] = [0n, 0n];
  }
}
