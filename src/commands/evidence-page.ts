import { Api, evidencePage, readPods, rowsOf } from '../cluster/index.ts';
import { EXIT, errno, WeighlockError } from '../error/index.ts';
import { writeWhole } from '../report/index.ts';
import { targetOf } from './api-connection.ts';
import type { Context, Finished } from './context.ts';
import { type RawValues, textOf } from './option-values.ts';
import { imagesOf } from './verifier-image.ts';

/** `weighlock report --html FILE`: one page for the auditor and the person on call. */
export async function writePage(file: string, values: RawValues, context: Context): Promise<Finished> {
  const images = imagesOf(values);
  const { connection } = await targetOf(values, context.environment);
  const namespace = textOf(values, 'namespace');
  const isJudging = images.length > 0;
  const wanted = namespace === undefined ? {} : { namespace };
  const read = await readPods(new Api(connection), wanted, isJudging, context.signal);
  const rows = rowsOf(read.pods, read.reports, { images, authors: !isJudging }, (name) => read.namespaces.get(name));
  const page = evidencePage(rows, {
    cluster: new URL(connection.server).host,
    scope: namespace === undefined ? 'all namespaces' : `namespace ${namespace}`,
    now: new Date(),
  });
  if (file === '-') await context.out.writeAll(page);
  else await writeFile(file, page);
  return { exitCode: EXIT.verified };
}

async function writeFile(path: string, text: string): Promise<void> {
  try {
    await writeWhole(path, (file) => file.writeFile(text));
  } catch (error) {
    throw new WeighlockError(
      { code: 'REPORT_UNWRITABLE', message: `cannot write the page ${path}: ${errno(error) ?? 'unknown error'}` },
      { cause: error },
    );
  }
}
