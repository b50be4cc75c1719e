import { WeighlockError } from '../error/index.ts';
import { withoutSecrets } from '../without-secrets.ts';

/** A repository of a hub, at a revision. */
export interface HubLocation {
  readonly type: 'models' | 'datasets';
  /** `ORG/NAME`, or `NAME` alone for the oldest ones. */
  readonly id: string;
  /** Branch, tag, commit, or another reference such as `refs/pr/1`; `main` where none is given. */
  readonly revision: string;
  /** SHA-1 of the commit, 40 lower-case hex digits, where the revision is one. */
  readonly commit?: string;
}

/** huggingface_hub, utils/_validators.py: what a part of a repository's name is. */
const NAME = /^(?!.*(?:--|\.\.))[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?$/;

/** git-check-ref-format(1), as far as it says which characters a name may have. */
const REVISION = /^(?!.*(?:\.\.|\/\/|@\{|\.lock(?:\/|$)))[A-Za-z0-9_][A-Za-z0-9._+=@%,/#!-]{0,254}$/;

/**
 * Parses `hf://[datasets/]ORG/NAME[:REVISION]`, as KServe writes it, or with `@` before the
 * revision, as huggingface_hub does.
 *
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function parseHubLocation(text: string): HubLocation {
  const [, rest = ''] = /^hf:\/\/(.*)$/is.exec(text) ?? [];
  // It would be a revision with an @ in it, which no colon introduces.
  if (/^[^@]*:[^@]*@/s.test(rest)) throw invalid(text, 'has a user in it', 'give the token by HF_TOKEN');
  const [, path = '', revision] = /^([^:@]*)(?:[:@](.*))?$/s.exec(rest) ?? [];
  const parts = path.split('/');
  const type = parts[0] === 'datasets' ? 'datasets' : 'models';
  const names = type === 'datasets' ? parts.slice(1) : parts;
  if (parts[0] === 'spaces') throw invalid(text, 'names a space, which holds no model', 'name a model or a dataset');
  if (names.length > 2 && names.slice(0, 2).every((name) => NAME.test(name)))
    throw invalid(text, 'names a file or folder of a repository', 'name the repository, and what of it with --include');
  if (names.length === 0 || names.length > 2 || !names.every((name) => NAME.test(name)))
    throw invalid(
      text,
      'is no repository of a hub',
      'write hf://ORG/MODEL, hf://ORG/MODEL:REVISION or hf://datasets/ORG/NAME',
    );
  const id = names.join('/');
  if (revision === undefined) return { type, id, revision: 'main' };
  if (!REVISION.test(revision))
    throw invalid(text, 'has no usable revision', 'name a branch, a tag or a commit after the colon');
  if (!/^[0-9a-f]{40}$/.test(revision)) return { type, id, revision };
  return { type, id, revision, commit: revision };
}

/** A location as it is shown, and handed on. */
export function hubLocationText({ type, id, revision }: HubLocation): string {
  const at = revision === 'main' ? '' : `@${revision}`;
  return `hf://${type === 'datasets' ? 'datasets/' : ''}${id}${at}`;
}

function invalid(text: string, why: string, remedy: string): WeighlockError {
  // What stands before an @ may have been meant as a user and a password.
  return new WeighlockError({
    code: 'CONFIG_INVALID',
    message: `the hf:// source ${why}`,
    found: withoutSecrets(text).slice(0, 300),
    remedy,
  });
}
