// gs:// against fake-gcs-server. It asks for no credentials: those are tested against our own
// servers (test/integration).
import assert from 'node:assert/strict';
import { storeProgram } from './build.ts';
import { describeServer } from './cases.ts';
import { freePort, startServer } from './server.ts';

const program = storeProgram('fake-gcs-server');

describeServer({
  name: 'fake-gcs-server',
  skip: program === undefined && 'there is no build/stores-go: see .ci/run',
  url: (bucket, key) => `gs://${bucket}/${key}`,
  ofVersion: ({ url }) => /[?&]generation=\d+/.test(url) && /[?&]ifGenerationMatch=\d+/.test(url),
  reported: { etag: /^"\d{6,}"$/, version: /^\d{6,}$/ },
  says: { noBucket: /404/ },
  async start() {
    assert.ok(program);
    const port = await freePort();
    const flags = ['-scheme', 'http', '-host', '127.0.0.1', '-port', `${port}`, '-backend', 'memory'];
    const server = await startServer([program, ...flags], port);
    const origin = `http://127.0.0.1:${port}`;
    const post = async (path: string, body: string | Buffer, type: string) => {
      const answer = await fetch(origin + path, { method: 'POST', body, headers: { 'content-type': type } });
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      await answer.body?.cancel();
    };
    await post('/storage/v1/b', '{"name":"models"}', 'application/json');
    return {
      port,
      async put(files) {
        for (const [key, content] of Object.entries(files)) {
          const path = `/upload/storage/v1/b/models/o?uploadType=media&name=${encodeURIComponent(key)}`;
          await post(path, content, 'application/octet-stream');
        }
      },
      environment: (host) => ({ STORAGE_EMULATOR_HOST: host }),
      stop: () => server.kill(),
    };
  },
});
