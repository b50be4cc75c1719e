// Makes tar archives that no tar would make.

export interface Member {
  readonly name: string;
  readonly type: string;
  readonly content?: Buffer;
  readonly size?: number;
  readonly sizeField?: Buffer;
  readonly linkname?: string;
  readonly mode?: number;
}

/** One header block, with a right checksum. */
export function header({ name, type, size = 0, sizeField, linkname = '', mode = 0o644 }: Member): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0, 100, 'utf8');
  block.write(`${mode.toString(8).padStart(7, '0')}\0`, 100);
  block.write('0000000\0', 108);
  block.write('0000000\0', 116);
  if (sizeField !== undefined) sizeField.copy(block, 124);
  else block.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  block.write('00000000000\0', 136);
  block.write(type, 156);
  block.write(linkname, 157, 100, 'utf8');
  block.write('ustar\x0000', 257, 'latin1');
  block.write(' '.repeat(8), 148);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** A pax header member with these records. */
export function pax(records: Record<string, string>): Member & { content: Buffer } {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    let length = Buffer.byteLength(rest) + 1;
    while (String(length).length + Buffer.byteLength(rest) !== length) length += 1;
    return `${length}${rest}`;
  });
  return { name: 'PaxHeader', type: 'x', content: Buffer.from(lines.join('')) };
}

/** A whole archive: members, then `ends` blocks of zeros. */
export function tar(members: readonly Member[], ends = 2): Buffer {
  const parts = members.flatMap((member) => {
    const content = member.content ?? Buffer.alloc(0);
    const size = member.size ?? content.length;
    return [header({ ...member, size }), content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...parts, Buffer.alloc(512 * ends)]);
}

/** A plain file member. */
export const file = (name: string, content: string | Buffer): Member => ({
  name,
  type: '0',
  content: Buffer.from(content),
});
