// The evidence page as text: everything from a cluster is escaped, and a browser is told to load
// nothing.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { evidencePage } from '../../src/cluster/evidence-page.ts';
import type { PodRow } from '../../src/cluster/pod-rows.ts';
import { originOf } from '../../src/cluster/pod-volumes.ts';
import { html } from '../../src/html.ts';
import { command } from '../integration/in-process.ts';
import { fillForEvidence, HOSTILE } from '../kubernetes/evidence.ts';
import { pod } from '../kubernetes/pods.ts';
import { fakeApi } from '../kubernetes/reporting.ts';

const row = (more: Partial<PodRow> = {}): PodRow => ({
  namespace: HOSTILE,
  pod: HOSTILE,
  verdict: 'fail',
  confirmedBy: 'report',
  codes: [HOSTILE],
  artifacts: [
    { name: HOSTILE, result: HOSTILE, sha256: HOSTILE, manifest: HOSTILE, signers: [HOSTILE], policies: [HOSTILE] },
  ],
  message: `${HOSTILE}\n${HOSTILE}`,
  time: HOSTILE,
  imageId: HOSTILE,
  origin: { sources: [HOSTILE], volumes: [HOSTILE] },
  ...more,
});

const page = (rows: readonly PodRow[]) => evidencePage(rows, { cluster: HOSTILE, scope: HOSTILE, now: new Date(0) });

describe('17: the evidence page', () => {
  it('17: has no markup but its own, whatever a cluster says', () => {
    const tags = (text: string) => new Set([...text.matchAll(/<\/?([a-z0-9]+)/g)].map(([, tag]) => tag));
    const own = tags(
      page([
        row({
          namespace: 'n',
          pod: 'p',
          codes: [],
          artifacts: [{ name: 'a', result: 'x', sha256: 'b' }],
          message: 'm',
        }),
      ]),
    );
    assert.deepEqual(
      [...tags(page([row()]))].filter((tag) => !own.has(tag)),
      [],
    );
    for (const text of [page([row()]), page([]), page([row({ artifacts: [] })])]) {
      assert.doesNotMatch(text, /<script|<img|onerror="|javascript:|\u202e|href="(?!#)|src=(?!x)/);
      assert.doesNotMatch(text, /https?:\/\//, 'nothing from elsewhere');
    }
  });

  it('17: lets a browser take its one style and nothing else', () => {
    const text = page([]);
    const [, style = ''] = /<style>(.*)<\/style>/s.exec(text) ?? [];
    const [, policy = ''] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(text) ?? [];
    const hash = createHash('sha256').update(style).digest('base64');
    assert.equal(policy, `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`);
    assert.ok(text.indexOf('Content-Security-Policy') < text.indexOf('<style>'));
    assert.doesNotMatch(text, / style="/);
  });

  it('17: escapes in templates all that is not of a template', () => {
    assert.equal(html`<b>${'<&>"\'`'}</b>`.text, '<b>&lt;&amp;&gt;&quot;&#39;&#96;</b>');
    assert.equal(html`${html`<i>`}${[html`<u>`, html`${'<'}`]}${7}`.text, '<i><u>&lt;7');
    assert.equal(html`${'a\u202eb'}`.text, 'a\\u{202e}b');
  });

  it('17: says from where and on which volume, without the secrets of a URL', () => {
    const one = pod('one', 0, '');
    one.metadata.annotations = { 'model.ai/source': 'https://u:p@example.com/m?token=x#y' };
    assert.deepEqual(originOf(one).sources, ['https://example.com/m']);
    assert.deepEqual(originOf(one).volumes, ['claim mistral']);
    const volumes = [
      { name: 'a', image: { reference: 'r@sha256:1' } },
      { name: 'b', nfs: { server: 's', path: '/p' } },
      { name: 'c', hostPath: { path: '/h' } },
      { name: 'd', emptyDir: {} },
      { name: 'unused', emptyDir: {} },
    ];
    const volumeMounts = ['a', 'b', 'c', 'd'].map((name) => ({ name, mountPath: `/verify/${name}` }));
    const spec = { initContainers: [{ name: 'weighlock', volumeMounts }], volumes };
    assert.deepEqual(originOf({ spec }).volumes, ['image r@sha256:1', 'NFS s:/p', "node's folder /h", 'emptyDir d']);
  });

  it('17: is written whole, or not at all', async () => {
    const work = mkdtempSync(join(tmpdir(), 'weighlock-page-'));
    after(() => rmSync(work, { recursive: true, force: true }));
    const api = await fakeApi();
    fillForEvidence(api);
    const server = `--api-server=${api.url}`;
    const file = join(work, 'page.html');
    writeFileSync(file, 'old');
    assert.equal((await command(['report', '--html', file, server])).status, 0);
    const text = readFileSync(file, 'utf8');
    assert.match(text, /<\/html>\n$/);
    assert.match(text, /Unconfirmed/, 'without a reporter nobody confirms a pass');
    assert.deepEqual(readdirSync(work), ['page.html']);
    const printed = await command(['report', '--html=-', '-n', 'ml', server]);
    assert.match(printed.stdout, /^<!doctype html>.*namespace ml/s);
    const nowhere = await command(['report', '--html', join(work, 'absent/page.html'), server]);
    assert.equal(nowhere.status, 75);
    assert.equal(
      api.requests.every(({ method }) => method === 'GET'),
      true,
      'nothing in the cluster is changed',
    );
  });
});
