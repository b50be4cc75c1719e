// Assembles src/hash/lanes/kernel-source.ts into src/hash/lanes/kernel.ts, with wabt. The same bytes at every build; a test
// makes them again and compares.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import wabt from 'wabt';
import { kernelText } from '../src/hash/lanes/kernel-source.ts';

export async function assemble(): Promise<Buffer> {
  const assembler = await wabt();
  const module = assembler.parseWat('kernel.wat', kernelText(), { simd: true });
  module.validate();
  return Buffer.from(module.toBinary({ write_debug_names: false }).buffer);
}

if (import.meta.main) {
  const bytes = await assemble();
  const digest = createHash('sha256').update(bytes).digest('hex');
  const lines = bytes.toString('base64').match(/.{1,116}/g) ?? [];
  const text = `// Made by scripts/build-kernel.ts from kernel-source.ts; not to be changed by hand.

/** SHA-256 of the module, hex. */
export const KERNEL_SHA256 = '${digest}';

/** The WebAssembly module of ${bytes.length} bytes, base64. */
export const KERNEL =
${lines.map((line) => `  '${line}'`).join(' +\n')};
`;
  writeFileSync(new URL('../src/hash/lanes/kernel.ts', import.meta.url), text);
  console.log(`src/hash/lanes/kernel.ts  ${bytes.length} bytes  ${digest}`);
}
