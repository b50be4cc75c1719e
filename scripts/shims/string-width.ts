// Stands in for the `string-width` package in the bundle. yargs needs it to lay out help texts,
// ours are ASCII, and the real one compiles Unicode tables when it is loaded: 40 ms of every start,
// twice what Node itself takes.

/** Columns that a text takes on a terminal: its length without escape sequences. */
export default function stringWidth(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal escape sequences begin with one
  return text.replace(/\u001b\[[0-9;]*m/g, '').length;
}
