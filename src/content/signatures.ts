import type { Format } from './format.ts';

/** What begins a file of a format: bytes as latin-1 text, and where they are. */
const SIGNATURES: readonly (readonly [format: Format, bytes: string, at?: number])[] = [
  ['numpy', '\x93NUMPY'],
  ['parquet', 'PAR1'],
  ['arrow', 'ARROW1\0\0'],
  ['image', '\x89PNG\r\n\x1a\n'],
  ['image', '\xff\xd8\xff'],
  ['image', 'GIF87a'],
  ['image', 'GIF89a'],
  ['zip', 'PK\x03\x04'],
  ['zip', 'PK\x05\x06'],
  ['zip', 'PK\x07\x08'],
  ['zip', 'PK00PK\x03\x04'],
  ['hdf5', '\x89HDF\r\n\x1a\n'],
  ['hdf5', '\x89HDF\r\n\x1a\n', 512],
  ['hdf5', '\x89HDF\r\n\x1a\n', 1024],
  ['hdf5', '\x89HDF\r\n\x1a\n', 2048],
  ['tar', 'ustar', 257],
  ['compressed', '\x1f\x8b'],
  ['compressed', '\x1f\x9d'],
  ['compressed', 'BZh'],
  ['compressed', '\xfd7zXZ\0'],
  ['compressed', '\x5d\0\0'],
  ['compressed', '\x28\xb5\x2f\xfd'],
  ['compressed', '\x04\x22\x4d\x18'],
  ['compressed', '\x02\x21\x4c\x18'],
  ['compressed', 'LZIP'],
  ['compressed', '\x89LZO'],
  ['compressed', '\xff\x06\0\0sNaPpY'],
  ['compressed', 'ZF\x02'],
  ['archive', '7z\xbc\xaf\x27\x1c'],
  ['archive', 'Rar!\x1a\x07'],
  ['archive', 'MSCF'],
  ['archive', '!<arch>\n'],
  ['archive', '070701'],
  ['archive', '070707'],
  ['archive', 'xar!'],
  ['archive', 'hsqs'],
  ['archive', '\xed\xab\xee\xdb'],
  ['executable', '\x7fELF'],
  ['executable', 'MZ'],
  ['executable', '\xfe\xed\xfa\xce'],
  ['executable', '\xfe\xed\xfa\xcf'],
  ['executable', '\xce\xfa\xed\xfe'],
  ['executable', '\xcf\xfa\xed\xfe'],
  ['executable', 'dex\n'],
  ['bytecode', '\xca\xfe\xba\xbe'],
  ['bytecode', 'BC\xc0\xde'],
  ['bytecode', '\x1bLua'],
  ['wasm', '\0asm'],
  ['script', '#!'],
  ['script', '\xef\xbb\xbf#!'],
  ['lfs-pointer', 'version https://git-lfs.github.com/spec/'],
  ['lfs-pointer', 'version https://hawser.github.com/spec/'],
  ['pdf', '%PDF-'],
  ['flatbuffer', 'TFL3', 4],
  ['flatbuffer', 'ET12', 4],
  ['flatbuffer', 'PTMF', 4],
  // R's own serialization as text, which may hold calls that are evaluated when they are read
  // (CVE-2024-27322).
  ['unknown', 'A\n2\n'],
  ['unknown', 'A\n3\n'],
  ['unknown', 'RDA2\n'],
  ['unknown', 'RDA3\n'],
];

/** zlib's headers: a deflate stream with any of the usual windows and levels. */
const ZLIB = ['\x78\x01', '\x78\x5e', '\x78\x9c', '\x78\xda', '\x58\x85', '\x68\x81', '\x68\xde', '\x48\x89'];

/** The format whose signature a file begins with. */
export function bySignature(head: Buffer): Format | undefined {
  const text = head.toString('latin1', 0, 2056);
  const found = SIGNATURES.find(([, bytes, at = 0]) => text.startsWith(bytes, at));
  if (found !== undefined) return found[0];
  if (text.startsWith('RIFF') && text.startsWith('WEBP', 8)) return 'image';
  // Compiled Python: a magic number that changes with each version, and a carriage return and line
  // feed.
  if (head.length >= 16 && head[2] === 0x0d && head[3] === 0x0a && (head[1] ?? 0) >= 0x0a && (head[1] ?? 0) <= 0x0f)
    return 'bytecode';
  return undefined;
}

export function isZlib(head: Buffer): boolean {
  return ZLIB.some((bytes) => head.toString('latin1', 0, 2) === bytes);
}

/**
 * Names of files that something runs, imports or loads as a program, whatever their bytes are: a
 * GIF may be a program of Python as well. A name never makes anything harmless.
 */
const PROGRAM_NAMES: readonly (readonly [format: Format, pattern: RegExp])[] = [
  ['python', /\.(py|pyw|pyi|pyx|pxd|pth|egg-link|pyz|bzl)$/i],
  ['notebook', /\.(ipynb|rmd|qmd)$/i],
  [
    'script',
    /\.(sh|bash|zsh|fish|ksh|csh|bat|cmd|command|ps1|psm1|psd1|vbs|vbe|wsf|js|mjs|cjs|jsx|ts|tsx|pl|pm|rb|lua|php|r|jl|tcl|awk|groovy|gradle|kts?|scala|sql|cu|cl|ptx|c|h|cc|cpp|hpp|cxx|cs|java|go|rs|swift|m|mm|mk|cmake|nix|service|desktop)$/i,
  ],
  [
    'script',
    /(^|\/)(makefile|dockerfile|containerfile|cmakelists\.txt|justfile|rakefile|gemfile|\.(bash|zsh)rc|\.profile|\.bash_profile|\.envrc|\.git\/(config|hooks\/[^/]+|info\/attributes))$/i,
  ],
  ['markup', /\.(html?|xhtml|svg|xml|xsl|xslt|mhtml|hta)$/i],
  ['saved-model', /\.(pb|pbtxt)$/i],
  ['coreml', /\.mlmodel$/i],
];

export function programByName(name: string): Format | undefined {
  return PROGRAM_NAMES.find(([, pattern]) => pattern.test(name))?.[0];
}

/** Text that begins as a page or a drawing that a browser runs scripts of. */
export function isMarkup(head: Buffer): boolean {
  return /^(\xef\xbb\xbf)?\s*<(!doctype|html|\?xml|\?php|svg|script|\?mso)/i.test(head.toString('latin1', 0, 512));
}
