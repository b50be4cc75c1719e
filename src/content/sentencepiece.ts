import { Unsound } from './cursor.ts';
import { type Choice, ProtobufReader } from './protobuf.ts';

export const MOST_SENTENCEPIECE_BYTES = 64 << 20;

/** A vocabulary begins with its first piece: a message, and in it a text. */
export function isSentencepiece(head: Buffer): boolean {
  const [tag, length = 0, inner, text = 0] = head;
  if (tag !== 0x0a || inner !== 0x0a || length < 3 || length > 0x7f || text > length - 2) return false;
  // A score, or a type, or the next piece.
  return [0x15, 0x18, 0x0a].includes(head[4 + text] ?? 0);
}

/**
 * The vocabulary of SentencePiece (sentencepiece_model.proto): pieces, and how it was trained.
 *
 * @throws Unsound
 */
export function checkSentencepiece(bytes: Buffer): void {
  let pieces = 0;
  const reader = new ProtobufReader({
    field(path: readonly number[]): Choice {
      const [first = 0, second] = path;
      if (second !== undefined) {
        if (second !== 1 || first !== 1) throw new Unsound('a piece of the vocabulary has a field that is unknown');
        return 'skip';
      }
      if (first > 5) throw new Unsound(`it has the unknown field ${first}`);
      if (first === 1) pieces++;
      return first === 1 ? 'enter' : 'skip';
    },
    bytes() {},
    number(path) {
      if (path.length < 2) throw new Unsound('it has a number where a message should be');
    },
    end() {},
  });
  reader.push(bytes);
  reader.finish();
  if (pieces === 0) throw new Unsound('the vocabulary has no piece');
}
