import { WeighlockError } from '../error/index.ts';
import { isLayoutReference, layoutReferenceText, parseLayoutReference } from '../image-layout/index.ts';
import { shownReference } from '../without-secrets.ts';

/**
 * Where signatures are stored, as the threads that fetch them take it: a repository of a registry,
 * or an image layout. The path of a layout is made absolute here, since a run may change its
 * working folder.
 *
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function signatureRepository(text: string): string {
  if (!isLayoutReference(text)) return text;
  const { path, tag, digest } = parseLayoutReference(text);
  if (tag === undefined && digest === undefined) return layoutReferenceText({ path });
  throw new WeighlockError({
    code: 'CONFIG_INVALID',
    message: 'a place of signatures has no tag and no digest: what is looked for is attached to the artifact',
    found: shownReference(text),
    remedy: `name the layout alone: ${layoutReferenceText({ path })}`,
  });
}
