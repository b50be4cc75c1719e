// Makes `npm test`, `npm run demo` and the other scripts work on a fresh clone: installs what package-lock.json names
// when node_modules is absent or older than the lock file. Runs on whatever Node the machine has (20 or newer); what
// comes after it in a script runs on the Node 26 that the `node` package puts first in PATH.
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';

const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 20) {
  process.stderr.write(
    `these scripts begin on Node 20 or newer, and this is Node ${process.versions.node}: ` +
      'install one that is supported (nodejs.org), and run the command again; Node 26 is then installed beside it\n',
  );
  process.exit(1);
}

const root = new URL('..', import.meta.url);

/** Modification time in milliseconds since the epoch, 0 when the file is absent. */
function modified(path) {
  try {
    return statSync(new URL(path, root)).mtimeMs;
  } catch {
    return 0;
  }
}

const installed = modified('node_modules/.package-lock.json');
if (installed === 0 || modified('node_modules/node/bin/node') === 0 || installed < modified('package-lock.json')) {
  const { status } = spawnSync('npm', ['ci', '--no-fund', '--no-audit'], { cwd: root, stdio: 'inherit' });
  if (status !== 0) {
    process.stderr.write(
      'npm ci could not install what package-lock.json names: see above; it needs the network once\n',
    );
    process.exit(status ?? 1);
  }
}
