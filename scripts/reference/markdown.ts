/** A page that this script writes. */
export function page(title: string, lines: readonly string[]): string {
  const text = [`# ${title}`, '', '<!-- Made by `npm run reference`: change the code, and run it. -->', '', ...lines];
  return `${text.join('\n').trimEnd()}\n`;
}

/** Text for a cell of a table. */
export function cell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/[<>]/g, (bracket) => `\\${bracket}`);
}
