// The one question that needs nothing else: answered before the rest of the program is even
// evaluated (15 ms), since tools ask it again and again. `--version` beside other words goes the
// usual way.
import { writeSync } from 'node:fs';
import { VERSION } from './version.ts';

if (process.argv.length === 3 && process.argv[2] === '--version') {
  writeSync(1, `${VERSION}\n`);
  process.exit(0);
}
