import { type ContentFound, ContentGatherer, createContentTable, mergeContent } from '../content/index.ts';
import { compileContentConditions } from '../evidence/index.ts';
import { entryText, type FileTable, nameAt } from '../fs/index.ts';
import type { Leaf } from '../plan/index.ts';
import type { PulledFile } from '../pull/index.ts';
import { contentContext, type Measured } from '../verdict/index.ts';

/** What pull threads said of the files that they hashed; undefined where they were not asked. */
export function contentOfPulled(pulled: readonly PulledFile[], files: FileTable): ContentFound | undefined {
  if (pulled.every(({ content }) => content === undefined)) return undefined;
  const table = createContentTable(files.count);
  const gatherer = new ContentGatherer(table);
  const byName = new Map(pulled.map(({ path, content }) => [path, content]));
  for (let i = 0; i < files.count; i++) {
    const content = byName.get(nameAt(files, i));
    if (content !== undefined) gatherer.add(i, content);
  }
  return mergeContent(table, [gatherer.share], (index) => entryText(nameAt(files, index)));
}

/** What was found, with the conditions that it does not meet, by the requirement that has them. */
export async function judgeable(
  found: ContentFound,
  leaves: readonly Leaf[],
): Promise<Pick<Measured, 'content'> & { readonly content: object }> {
  const faults = new Map<Leaf, readonly string[]>();
  const context = contentContext(found);
  for (const leaf of leaves) {
    if (leaf.kind !== 'content') continue;
    const conditions = await compileContentConditions(leaf.conditions);
    faults.set(
      leaf,
      conditions.map((holds) => holds(context)).filter((why) => why !== undefined),
    );
  }
  return { content: { found, faults } };
}
