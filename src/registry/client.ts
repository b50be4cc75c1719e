import { createHash } from 'node:crypto';
import { WeighlockError } from '../error/index.ts';
import type { ArtifactSource, BlobTask, Expectation, Fetched, Referrers, WrongContent } from './artifact-source.ts';
import { TooSlow, withinTime } from './deadline.ts';
import { type Digest, digestOf, hexOf, parseDigest } from './digest.ts';
import { Hosts, type Notice, type RegistrySettings } from './hosts.ts';
import { MAX_MANIFEST_BYTES } from './limits.ts';
import { ACCEPT_MANIFESTS, type Descriptor, type Index, type Manifest, parseManifest } from './manifest.ts';
import type { Move } from './move.ts';
import { contentRangeFault } from './range.ts';
import { type Reference, referenceText } from './reference.ts';
import { listReferrers } from './referrers.ts';
import { type Sleep, sleep } from './retry.ts';
import { headerOf, readBody } from './transport.ts';

/**
 * Reads one repository. A tag is resolved once, by whoever calls; everything else is asked for by
 * digest.
 */
export class Repository implements ArtifactSource {
  readonly missingPlatform = 'CONFIG_INVALID';
  readonly #hosts: Hosts;
  readonly #move: Move;

  /**
   * @param move - brings the bytes of a blob
   * @throws WeighlockError `CONFIG_INVALID` when a file that was named for registries cannot be
   * used
   */
  constructor(reference: Reference, settings: RegistrySettings, notice: Notice, move: Move, wait: Sleep = sleep) {
    this.#move = move;
    this.#hosts = new Hosts(reference, settings, notice, wait);
  }

  async close(): Promise<void> {
    await this.#hosts.close();
  }

  top(signal: AbortSignal): Promise<Fetched<Manifest | Index>> {
    return this.manifest(this.#hosts.reference.digest ?? this.#hosts.reference.tag ?? 'latest', signal);
  }

  /** The tags that cosign gives to what it attaches. */
  async attached(subject: Digest): Promise<readonly string[]> {
    return ['sig', 'att'].map((suffix) => `sha256-${hexOf(subject)}.${suffix}`);
  }

  /**
   * Fetches a manifest or index. By digest its bytes must have that digest; by tag the digest is
   * computed from the bytes, whatever the server's headers say.
   */
  async manifest(
    which: Digest | string,
    signal: AbortSignal,
    expectation: Expectation = {},
  ): Promise<Fetched<Manifest | Index>> {
    const expected = parseDigest(which);
    return this.#hosts.any(signal, async (host) => {
      const answer = await this.#hosts.get(host, `manifests/${which}`, { accept: ACCEPT_MANIFESTS }, signal);
      if (answer.status !== 200) throw await this.#hosts.refusal(answer, `manifest ${which}`, expectation);
      const bytes = await readBody(answer, MAX_MANIFEST_BYTES);
      const digest = digestOf(createHash('sha256').update(bytes).digest('hex'));
      if (expected !== undefined && digest !== expected) throw this.#mismatch('the manifest', expected, digest);
      return { digest, size: bytes.length, document: parseManifest(bytes, headerOf(answer.headers, 'content-type')) };
    });
  }

  /** Everything that says it refers to a digest, as `listReferrers` has it. */
  referrers(subject: Digest, signal: AbortSignal): Promise<Referrers> {
    return listReferrers(this.#hosts, subject, signal);
  }

  /** A small blob whole: a configuration, a signature. Its size and digest are checked. */
  async smallBlob(
    descriptor: Descriptor,
    signal: AbortSignal,
    mostBytes = MAX_MANIFEST_BYTES,
    missing: Expectation['missing'] = 'SOURCE_UNAVAILABLE',
  ): Promise<Buffer> {
    if (descriptor.size > mostBytes) {
      throw new WeighlockError({
        code: 'LIMIT_EXCEEDED',
        message: `a configuration or signature of ${descriptor.size} bytes, more than ${mostBytes}`,
        remedy: 'push the artifact again with a current tool',
      });
    }
    for (let upstreamOnly = !this.hasMirrors; ; upstreamOnly = true) {
      const pieces: Buffer[] = [];
      const offset = () => pieces.reduce((sum, { length }) => sum + length, 0);
      const sink = (chunk: Buffer) => void pieces.push(Buffer.from(chunk));
      const task = { offset, sink, restart: () => void pieces.splice(0) };
      try {
        await withinTime(this.#hosts.timeFor(descriptor.size), signal, (bounded) =>
          this.blob(descriptor, task, bounded, { upstreamOnly, missing }),
        );
      } catch (error) {
        if (!(error instanceof TooSlow) || signal.aborted) throw error;
        if (upstreamOnly) throw this.#hosts.tooSlow(descriptor.size);
        continue;
      }
      const bytes = Buffer.concat(pieces);
      const digest = digestOf(createHash('sha256').update(bytes).digest('hex'));
      if (digest === descriptor.digest) return bytes;
      if (upstreamOnly) throw this.#mismatch('a configuration or signature', descriptor.digest, digest);
    }
  }

  /** True when content may come from somebody else than the registry itself. */
  get hasMirrors(): boolean {
    return this.#hosts.all.length > 1;
  }

  /**
   * Streams a blob into a sink, through broken connections and expired tokens. The length is
   * checked here, the digest is the sink's business. The registry is asked again after every break:
   * a pre-signed address may have expired.
   *
   * @param task - `offset` says how many bytes the sink has: the next host goes on where a mirror
   * failed
   * @param options - `upstreamOnly` leaves out the mirrors, after one of them sent something else
   */
  async blob(
    descriptor: Descriptor,
    task: BlobTask,
    signal: AbortSignal,
    options: { readonly upstreamOnly?: boolean; readonly missing?: Expectation['missing'] } = {},
  ): Promise<void> {
    const { digest, size } = descriptor;
    const { missing = 'SOURCE_UNAVAILABLE' } = options;
    const hosts = options.upstreamOnly === true ? this.#hosts.all.slice(-1) : this.#hosts.all;
    const { sink, keptSink, restart } = task;
    await this.#hosts.any(
      signal,
      (host) =>
        this.#move(
          {
            sink,
            keptSink,
            restart,
            offset: task.offset(),
            size,
            isAddressed: true,
            open: (headers, along) =>
              this.#hosts.get(host, `blobs/${digest}`, headers, signal, { asStored: true, along }),
            refusal: (answer) => this.#hosts.refusal(answer, `blob ${digest}`, { missing, isExpected: true }),
          },
          this.#hosts.patience(signal),
        ),
      hosts,
    );
  }

  /**
   * Some bytes of a blob. Nothing says that they are the right ones: only a whole blob has a
   * digest, so nothing may rest on them.
   *
   * @throws WeighlockError `SOURCE_UNAVAILABLE` also for a registry that answers no ranges
   */
  async range({ digest, size }: Descriptor, start: number, length: number, signal: AbortSignal): Promise<Buffer> {
    const end = start + length;
    return this.#hosts.any(signal, async (host) => {
      const headers = { range: `bytes=${start}-${end - 1}` };
      const answer = await this.#hosts.get(host, `blobs/${digest}`, headers, signal, { asStored: true });
      if (answer.status !== 206 && !(answer.status === 200 && start === 0 && length === size)) {
        if (answer.status !== 200) throw await this.#hosts.refusal(answer, `blob ${digest}`, {});
        answer.body.destroy();
        throw new WeighlockError({
          code: 'SOURCE_UNAVAILABLE',
          message: `${host.base.host} does not send a part of a blob`,
          remedy: 'pull the artifact, and look at what was pulled',
        });
      }
      const range = headerOf(answer.headers, 'content-range');
      const fault = answer.status === 206 ? contentRangeFault(range, start, size, end) : undefined;
      const bytes = await readBody(answer, length);
      if (fault === undefined && bytes.length === length) return bytes;
      throw new WeighlockError({
        code: 'SOURCE_UNAVAILABLE',
        message: `${host.base.host} sent another part of a blob than was asked for: ${fault ?? `${bytes.length} bytes`}`,
        remedy: 'check the registry and what lies between',
      });
    });
  }

  within(_manifest: Digest, error: WeighlockError): WeighlockError {
    return error;
  }

  wrongContent({ file, expected, found }: WrongContent): WeighlockError {
    return new WeighlockError({
      code: 'DIGEST_MISMATCH',
      message: 'the registry sent something else than the manifest promises',
      ...(file === undefined ? {} : { file }),
      expected,
      found,
      remedy: 'do not use this content; check the registry and what lies between',
    });
  }

  #mismatch(what: string, expected: string, found: string): WeighlockError {
    return new WeighlockError({
      code: 'DIGEST_MISMATCH',
      message: `${referenceText(this.#hosts.reference)}: ${what} is not what was asked for`,
      expected,
      found,
      remedy: 'the registry or something before it sends other content: do not use it',
    });
  }
}
