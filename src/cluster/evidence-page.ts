// The evidence page: which bytes run where, signed by whom, verified when; what was refused, and
// why. One file without a script, a link or anything from elsewhere: the policy in its head lets a
// browser load nothing but its own style.
import { html, Markup } from '../html.ts';
import { sha256 } from '../library/index.ts';
import { VERSION } from '../version.ts';
import { STYLE } from './evidence-style.ts';
import type { PodRow, Standing } from './pod-rows.ts';
import type { ArtifactVerdict } from './pod-verdict.ts';

export interface PageOptions {
  /** Which cluster this is about, and which part of it. */
  readonly cluster: string;
  readonly scope: string;
  readonly now: Date;
}

/** Pods that a card names; the table at the end has all. */
const MAX_PODS = 12;

/** In the order in which somebody has to do something about it. */
const STANDINGS: readonly (readonly [Standing, string, string])[] = [
  ['fail', 'Refused', 'the content is not what was signed or pinned'],
  ['error', 'Not evaluated', 'it could not be found out whether the content is right'],
  ['warn', 'Not vouched for', 'it started, and nobody vouches for the content'],
  ['unconfirmed', 'Unconfirmed', 'the pod alone says that it passed'],
  ['pass', 'Verified', 'the content is what was signed or pinned'],
  ['waiting', 'Waiting', 'the verifier has not ended yet'],
  ['none', 'No verifier', 'nothing in the pod is verified'],
];

const ORDER = STANDINGS.map(([standing]) => standing);
const WORDS = new Map(STANDINGS.map(([standing, word]) => [standing, word]));

const CONFIRMED = {
  report: 'by the reporter',
  status: "by the digest of the verifier's image",
  nobody: 'by nobody',
} as const;

export function evidencePage(rows: readonly PodRow[], options: PageOptions): string {
  const { cluster, scope, now } = options;
  const refused = rows.filter(({ verdict }) => ['fail', 'error', 'warn', 'unconfirmed'].includes(verdict));
  const style = `style-src 'sha256-${sha256(STYLE).toString('base64')}'`;
  const policy = `default-src 'none'; ${style}; base-uri 'none'; form-action 'none'`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Markup(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>Weighlock evidence: ${cluster}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the verdicts</a>
<header>
<h1>Which bytes run, and who signed them</h1>
<p>Cluster <b>${cluster}</b>, ${scope}. Read on <time datetime="${now.toISOString()}">${dateText(now.toISOString())}</time>
by Weighlock ${VERSION}; what happened later is not in it.</p>
<nav aria-label="Sections"><ul>
<li><a href="#attention">What needs somebody (${refused.length})</a></li>
<li><a href="#content">Content, from its source to its pods</a></li>
<li><a href="#pods">All pods (${rows.length})</a></li>
<li><a href="#words">What the words mean</a></li>
</ul></nav>
</header>
<main id="main">
${counts(rows)}
<section aria-labelledby="attention"><h2 id="attention">What needs somebody</h2>${attention(refused)}</section>
<section aria-labelledby="content"><h2 id="content">Content, from its source to its pods</h2>${content(rows)}</section>
<section aria-labelledby="pods"><h2 id="pods">All pods</h2>${allPods(rows)}</section>
<section aria-labelledby="words"><h2 id="words">What the words mean</h2>${words()}</section>
</main>
</body>
</html>
`;
  return page.text;
}

function counts(rows: readonly PodRow[]): Markup {
  const items = STANDINGS.flatMap(([standing, word]) => {
    const count = rows.filter(({ verdict }) => verdict === standing).length;
    if (count === 0 && !['fail', 'pass'].includes(standing)) return [];
    return [html`<li class="${standing}"><b>${count}</b><span>${word}</span></li>`];
  });
  return html`<ul class="counts" aria-label="Pods by verdict">${items}</ul>`;
}

function attention(rows: readonly PodRow[]): Markup {
  if (rows.length === 0)
    return html`<p>Nothing: no pod was refused, and none runs content that nobody vouches for.</p>`;
  const sorted = rows.toSorted((a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict));
  const lines = sorted.map(
    (row) => html`<tr><th scope="row">${row.namespace}/${row.pod}</th><td>${badge(row)}</td>
<td>${row.codes.join(', ') || 'no code'}${row.message === '' ? '' : html`<pre>${lined(row.message)}</pre>`}</td>
<td>${dateText(row.time)}</td></tr>
`,
  );
  return table('Pods that were refused, or that run what nobody vouches for', ['Pod', 'Verdict', 'Why', 'When'], lines);
}

interface Group {
  readonly verdict: Standing;
  readonly artifact: ArtifactVerdict;
  readonly rows: PodRow[];
}

/**
 * One card for each content with the same evidence: the chain from where it came to where it runs.
 */
function content(rows: readonly PodRow[]): Markup {
  const groups = new Map<string, Group>();
  for (const row of rows) {
    for (const artifact of row.artifacts) {
      const key = JSON.stringify([row.verdict, artifact]);
      const group = groups.get(key) ?? { verdict: row.verdict, artifact, rows: [] };
      group.rows.push(row);
      groups.set(key, group);
    }
  }
  if (groups.size === 0) return html`<p>No verifier has named any content yet.</p>`;
  const inOrder = [...groups.values()].sort((a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict));
  return html`${inOrder.map(card)}`;
}

function card({ verdict, artifact, rows }: Group): Markup {
  const { name, sha256: digest, manifest, signers = [], policies = [] } = artifact;
  const distinct = (values: readonly string[]) => [...new Set(values)].sort();
  const sources = distinct(rows.flatMap(({ origin }) => origin.sources));
  const volumes = distinct(rows.flatMap(({ origin }) => origin.volumes));
  const times = rows
    .map(({ time }) => time)
    .filter((time) => time !== '')
    .sort();
  const pods = rows.slice(0, MAX_PODS).map(({ namespace, pod }) => `${namespace}/${pod}`);
  const more = rows.length > pods.length ? [`and ${rows.length - pods.length} more, in the table below`] : [];
  const digests = [
    ...(digest === undefined ? [] : [`content sha256:${digest}`]),
    ...(manifest === undefined ? [] : [`manifest ${manifest}`]),
  ];
  const count = rows.length === 1 ? 'One pod' : `${rows.length} pods`;
  return html`<article><h3>${name}: <span class="verdict ${verdict}">${WORDS.get(verdict) ?? ''}</span></h3>
<ol class="chain">
${step("Source, as the pod's author says", sources, 'not said')}${step('Content', digests, 'not measured', true)}
${step('Signed by', signers, 'none named')}${step('Asked for by the policy', policies, 'none named')}
${step('Volume', volumes, 'none that is verified')}
<li class="wide"><span class="step">${count}, judged ${spanText(times)}</span>${[...pods, ...more].join(', ')}</li>
</ol></article>
`;
}

function step(title: string, values: readonly string[], otherwise: string, isCode = false): Markup {
  const shown = values.length === 0 ? html`<span class="soft">${otherwise}</span>` : lines(values, isCode);
  return html`<li><span class="step">${title}</span>${shown}</li>
`;
}

function allPods(rows: readonly PodRow[]): Markup {
  if (rows.length === 0) return html`<p>There are no pods.</p>`;
  const all = rows.flatMap((row) =>
    (row.artifacts.length === 0 ? [undefined] : row.artifacts).map(
      (artifact) => html`<tr><th scope="row">${row.namespace}/${row.pod}</th><td>${badge(row)}</td>
<td>${artifact?.name ?? 'none named'}</td><td><code>${artifact?.sha256 ?? artifact?.manifest ?? 'none'}</code></td>
<td><span class="long">${artifact?.signers?.join(', ') ?? 'none named'}</span></td><td>${dateText(row.time)}</td></tr>
`,
    ),
  );
  const heads = ['Pod', 'Verdict', 'Content', 'SHA-256', 'Signed by', 'Judged'];
  return table('Every pod, with each content that its verifier named', heads, all);
}

function words(): Markup {
  const lines = STANDINGS.map(([, word, meaning]) => html`<li><b>${word}</b>: ${meaning}.</li>`);
  return html`<ul>${lines}</ul>
<p>A verdict is about the moment at which the verifier ended. What somebody writes to a volume afterwards is not in it, nor
what a signer signed without meaning to. Where a pod's content came from is what its author says.</p>`;
}

function table(caption: string, heads: readonly string[], rows: readonly Markup[]): Markup {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table><caption>${caption}</caption>
<thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${rows}</tbody></table></div>`;
}

function badge({ verdict, confirmedBy }: PodRow): Markup {
  const by = ['none', 'waiting'].includes(verdict) ? '' : html`<br><span class="soft">${CONFIRMED[confirmedBy]}</span>`;
  return html`<span class="verdict ${verdict}">${WORDS.get(verdict) ?? ''}</span>${by}`;
}

function lines(values: readonly string[], isCode: boolean): Markup {
  return html`${values.map((value, i) => {
    const shown = isCode ? html`<code>${value}</code>` : html`${value}`;
    return i === 0 ? shown : html`<br>${shown}`;
  })}`;
}

/** Lines stay lines; what else is hidden in them is shown. */
function lined(text: string): Markup {
  const all = text.trimEnd().split('\n');
  return html`${all.map((line, i) => (i === 0 ? html`${line}` : new Markup(`\n${html`${line}`.text}`)))}`;
}

/** To the second, in UTC: an auditor compares it with logs. */
function dateText(time: string): string {
  const milliseconds = Date.parse(time);
  if (!Number.isFinite(milliseconds)) return 'never';
  return `${new Date(milliseconds).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function spanText(times: readonly string[]): string {
  const [first = ''] = times;
  const last = times.at(-1) ?? '';
  return first === last ? dateText(first) : `${dateText(first)} to ${dateText(last)}`;
}
