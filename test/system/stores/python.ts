import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Has moto, boto3 and huggingface_hub, from PyPI; made by .ci/run. */
export const PYTHON =
  process.env['STORES_PYTHON'] ?? fileURLToPath(new URL('../../../build/stores/bin/python', import.meta.url));

export const NO_PYTHON = existsSync(PYTHON)
  ? false
  : 'there is no build/stores (moto and huggingface_hub from PyPI): see .ci/run';
