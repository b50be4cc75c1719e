import { isDockerHub, type Reference } from '../../registry/index.ts';

/**
 * Registry and repository by one name, however the registry was written. A host and its port are
 * what a URL makes of them, as whoever pulls connects to them: letters, the port 443, zeros before
 * a port, and the forms of an address are no other name.
 */
export function imageName({ registry, repository }: Pick<Reference, 'registry' | 'repository'>): string {
  return `${registryName(registry)}/${repository}`;
}

function registryName(registry: string): string {
  // A pattern with a star is no host; a host that no URL has cannot be connected to.
  const url = `https://${registry.toLowerCase()}`;
  const host = !registry.includes('*') && URL.canParse(url) ? new URL(url).host : registry.toLowerCase();
  return isDockerHub(host) ? 'docker.io' : host;
}

/** Names are shorter (src/registry/reference.ts). */
const MAX_PATTERN = 512;

const PATTERN = /^[a-zA-Z0-9._:[\]*-]+(?:\/[a-z0-9._*-]+)+$/;

/** What is wrong with a pattern, and what to write instead. */
export class PatternFault extends Error {
  readonly remedy: string;
  constructor(message: string, remedy: string) {
    super(message);
    this.remedy = remedy;
  }
}

/**
 * A pattern of image names: `*` stands for anything but a slash, `**` for anything; `**` alone for
 * every image.
 *
 * @returns whether a name, as `imageName` gives it, is one of these
 * @throws PatternFault
 */
export function compileImagePattern(text: string): (name: string) => boolean {
  if (text.length > MAX_PATTERN || text.includes('***'))
    throw new PatternFault(`it is longer than ${MAX_PATTERN} characters, or has three stars together`, 'write a name');
  if (text === '**') return () => true;
  if (!PATTERN.test(text))
    throw new PatternFault(
      'it is no pattern of registry and repository, without tag and digest',
      'write registry.example.com/models/*, or registry.example.com/** for all of a registry',
    );
  const slash = text.indexOf('/');
  const registry = registryName(text.slice(0, slash));
  const repository = text.slice(slash + 1);
  if (registry === 'docker.io' && /^[^/*]+$/.test(repository))
    throw new PatternFault('names without a slash at Docker Hub begin with library/', `write library/${repository}`);
  const tokens = `${registry}/${repository}`.match(/\*\*|./g) ?? [];
  return (name) => matchesTokens(tokens, name);
}

/**
 * Holds a name against the tokens of a pattern, all ways at once: a time of the product of their
 * lengths, where an expression with several stars takes a power of it.
 */
function matchesTokens(tokens: readonly string[], name: string): boolean {
  const isStar = (token: string | undefined) => token === '*' || token === '**';
  // Where in the pattern the name may be so far; a star may stand for nothing.
  const reach = (at: Set<number>) => {
    for (const i of at) if (isStar(tokens[i])) at.add(i + 1);
    return at;
  };
  let places = reach(new Set([0]));
  for (const letter of name) {
    const next = new Set<number>();
    for (const i of places) {
      const token = tokens[i];
      if (token === letter) next.add(i + 1);
      if (token === '**' || (token === '*' && letter !== '/')) next.add(i);
    }
    places = reach(next);
  }
  return places.has(tokens.length);
}
