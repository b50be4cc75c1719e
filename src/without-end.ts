/**
 * A text without such characters at its end. `/x+$/` says the same, but is tried at every x: of a
 * text with very many of them that do not end it, that takes the square of their number.
 */
export function withoutEnd(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text[end - 1] ?? '')) end--;
  return text.slice(0, end);
}
