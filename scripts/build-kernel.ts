// Assembles src/hash/lanes/kernel-source.ts into kernel.ts and wide-kernel.ts beside it, with wabt.
// The same bytes at every build; a test makes them again and compares.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import wabt from 'wabt';
import { kernelText, wideKernelText } from '../src/hash/lanes/kernel-source.ts';

async function assembled(text: string): Promise<Buffer> {
  const assembler = await wabt();
  const module = assembler.parseWat('kernel.wat', text, { simd: true, relaxed_simd: true });
  module.validate();
  return Buffer.from(module.toBinary({ write_debug_names: false }).buffer);
}

export const assemble = () => assembled(kernelText());
export const assembleWide = () => assembled(wideKernelText());

function write(file: string, name: string, bytes: Buffer): void {
  const digest = createHash('sha256').update(bytes).digest('hex');
  const lines = bytes.toString('base64').match(/.{1,116}/g) ?? [];
  const text = `// Made by scripts/build-kernel.ts from kernel-source.ts; not to be changed by hand.

/** SHA-256 of the module, hex. */
export const ${name}_SHA256 = '${digest}';

/** The WebAssembly module of ${bytes.length} bytes, base64. */
export const ${name} =
${lines.map((line) => `  '${line}'`).join(' +\n')};
`;
  writeFileSync(new URL(`../src/hash/lanes/${file}`, import.meta.url), text);
  console.log(`src/hash/lanes/${file}  ${bytes.length} bytes  ${digest}`);
}

if (import.meta.main) {
  write('kernel.ts', 'KERNEL', await assemble());
  write('wide-kernel.ts', 'WIDE_KERNEL', await assembleWide());
}
