// The evidence page in a real browser: whole without a network, deaf to what pods write into it,
// light and dark, on paper, by keyboard and for screen readers.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { workFolder } from '../integration/cli.ts';
import { command } from '../integration/in-process.ts';
import { fillForEvidence } from '../kubernetes/evidence.ts';
import { IMAGE } from '../kubernetes/pods.ts';
import { fakeApi } from '../kubernetes/reporting.ts';
import { Chromium, lacksChromium } from './chromium.ts';

const work = workFolder();
const file = join(work, 'evidence.html');
const url = pathToFileURL(file).href;
/** Where to leave pictures for somebody to look at. */
const pictures = process.env['WEIGHLOCK_SCREENSHOTS'];

describe('17: the evidence page in Chromium', { skip: lacksChromium() }, () => {
  let browser: Chromium;

  before(async () => {
    const api = await fakeApi();
    fillForEvidence(api);
    const server = `--api-server=${api.url}`;
    await command(['report', '--once', '--no-events', server, '--verifier-image', IMAGE]);
    assert.equal((await command(['report', '--html', file, server])).status, 0);
    browser = await Chromium.start(join(work, 'profile'));
  });

  after(() => browser?.stop());

  async function picture(name: string): Promise<void> {
    if (pictures === undefined) return;
    mkdirSync(pictures, { recursive: true });
    const { data } = await browser.send('Page.captureScreenshot', { captureBeyondViewport: true });
    writeFileSync(join(pictures, `${name}.png`), Buffer.from(data, 'base64'));
  }

  it('17: asks for nothing but itself, and has its own style', async () => {
    await browser.open(url);
    const asked = browser.events.filter(({ method }) => method === 'Network.requestWillBeSent');
    assert.deepEqual(
      asked.map(({ params }) => params.request.url),
      [url],
    );
    assert.deepEqual(
      browser.events.filter(({ method }) => method === 'Log.entryAdded').map(({ params }) => params.entry.text),
      [],
      'the policy of the page refuses nothing of its own',
    );
    assert.equal(await browser.evaluate('getComputedStyle(document.querySelector("article")).borderStyle'), 'solid');
    assert.match(await browser.evaluate('document.body.innerText'), /server-0.*and 3 more/s);
    await picture('light');
  });

  it('17: takes what pods write for text, and runs no script that somebody got into it', async () => {
    await browser.open(url);
    assert.match(await browser.evaluate('document.title'), /^Weighlock evidence: /);
    assert.equal(
      await browser.evaluate('document.querySelectorAll("script, img, iframe, object, form, [onerror]").length'),
      0,
    );
    assert.match(await browser.evaluate('document.body.innerText'), /<script>document\.title='owned'<\/script>/);
    const broken = join(work, 'broken.html');
    const attack =
      '<script>document.title="owned"</script><img src="http://127.0.0.1:1/x" onerror="document.title=\'owned\'">';
    writeFileSync(
      broken,
      readFileSync(file, 'utf8').replace('<main', `${attack}<style>main{display:none}</style><main`),
    );
    await browser.open(pathToFileURL(broken).href);
    assert.match(await browser.evaluate('document.title'), /^Weighlock evidence: /, 'also where escaping had failed');
    assert.notEqual(await browser.evaluate('getComputedStyle(document.querySelector("main")).display'), 'none');
    const refused = browser.events.filter(({ method }) => method === 'Log.entryAdded');
    assert.ok(refused.length >= 3, 'the script, the picture and the style');
  });

  it('17: can be read in the light, in the dark, on paper and on a telephone', async () => {
    for (const scheme of ['light', 'dark'] as const) {
      await browser.open(url);
      await browser.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
      for (const { text, contrast } of await browser.evaluate(CONTRASTS))
        assert.ok(contrast >= 4.5, `${scheme}: ${text} has ${contrast.toFixed(1)}`);
      await picture(scheme);
    }
    await browser.open(url, 360);
    const [content, width] = await browser.evaluate('[document.documentElement.scrollWidth, innerWidth]');
    assert.ok(content <= width, `${content} of ${width}: tables scroll by themselves`);
    await picture('narrow');
    await browser.open(url);
    await browser.send('Emulation.setEmulatedMedia', { media: 'print' });
    assert.equal(await browser.evaluate('getComputedStyle(document.querySelector("nav")).display'), 'none');
    assert.equal(await browser.evaluate('getComputedStyle(document.querySelector(".scroll")).overflowX'), 'visible');
    // As wide as A4 without its margins.
    await browser.send('Emulation.setDeviceMetricsOverride', {
      width: 700,
      height: 1000,
      deviceScaleFactor: 1,
      mobile: false,
    });
    const tables =
      '[...document.querySelectorAll("table")].map((t) => [t.scrollWidth, document.documentElement.clientWidth])';
    for (const [table, paper] of await browser.evaluate(tables)) assert.ok(table <= paper, `${table} of ${paper}`);
    await picture('paper');
    const { data } = await browser.send('Page.printToPDF', {});
    assert.ok(Buffer.from(data, 'base64').length > 10_000);
  });

  it('17: is walked through by keyboard, and says what it is to a screen reader', async () => {
    await browser.open(url);
    const walked: string[] = [];
    for (let i = 0; i < 7; i++) {
      for (const type of ['keyDown', 'keyUp'])
        await browser.send('Input.dispatchKeyEvent', { type, key: 'Tab', code: 'Tab', windowsVirtualKeyCode: 9 });
      walked.push(
        await browser.evaluate('document.activeElement.getAttribute("href") ?? document.activeElement.ariaLabel'),
      );
      assert.notEqual(
        await browser.evaluate('getComputedStyle(document.activeElement).outlineStyle'),
        'none',
        `${walked.at(-1)}`,
      );
    }
    assert.deepEqual(walked.slice(0, 5), ['#main', '#attention', '#content', '#pods', '#words']);
    assert.match(walked[5] ?? '', /Pods that were refused/);
    const { nodes } = await browser.send('Accessibility.getFullAXTree');
    const named = (role: string) =>
      nodes
        .filter((node: { ignored: boolean; role?: { value: string } }) => !node.ignored && node.role?.value === role)
        .map((node: { name?: { value: string } }) => node.name?.value ?? '');
    assert.deepEqual(named('main').length, 1);
    assert.ok(
      named('table').every((name: string) => name !== ''),
      'tables have captions',
    );
    assert.equal(named('table').length, 2);
    assert.ok(named('columnheader').length >= 10 && named('rowheader').length >= 20);
    assert.ok(named('heading').includes('What needs somebody'));
    assert.equal(await browser.evaluate('document.documentElement.lang'), 'en');
    const levels = await browser.evaluate(
      '[...document.querySelectorAll("h1,h2,h3")].map((h) => Number(h.tagName[1]))',
    );
    for (const [i, level] of levels.entries()) assert.ok(i === 0 ? level === 1 : level <= levels[i - 1] + 1);
  });
});

/** The contrast of each text against what is behind it, by the rule of WCAG 2. */
const CONTRASTS = `(() => {
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = (text) => {
    const [r, g, b] = parts(text).map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let one = element; one !== null; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (parts(colour)[3] !== 0) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  return [...document.querySelectorAll('h1,h2,h3,p,a,b,td,th,pre,code,span,caption,li')]
    .filter((one) => one.checkVisibility() && [...one.childNodes].some((n) => n.nodeType === 3 && n.data.trim() !== ''))
    .map((one) => {
      const [a, b] = [luminance(getComputedStyle(one).color), luminance(behind(one))].sort((x, y) => y - x);
      return { text: one.textContent.slice(0, 40), contrast: (a + 0.05) / (b + 0.05) };
    });
})()`;
