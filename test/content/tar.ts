/** A tar of small files; an old one has no `ustar` in its headers. */
export function tarOf(files: Readonly<Record<string, Buffer | string>>, { isOld = false } = {}): Buffer {
  const blocks = Object.entries(files).flatMap(([name, content]) => {
    const bytes = Buffer.from(content);
    const block = Buffer.alloc(512);
    block.write(name, 0, 100);
    block.write('0000644\0', 100);
    block.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
    block.write('0', 156);
    if (!isOld) block.write('ustar\x0000', 257, 'latin1');
    block.fill(0x20, 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    return [block, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}
