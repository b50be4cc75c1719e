// A real Chromium, driven through its DevTools protocol.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

// biome-ignore lint/suspicious/noExplicitAny: answers of a protocol
type Json = any;

export function lacksChromium(): string | false {
  return spawnSync('chromium', ['--version']).status === 0 ? false : 'chromium is not installed';
}

export class Chromium {
  readonly #child: ChildProcess;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: Json) => void>();
  readonly events: { readonly method: string; readonly params: Json }[] = [];
  #id = 0;
  #session: string | undefined;

  private constructor(child: ChildProcess, socket: WebSocket) {
    this.#child = child;
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const answer = JSON.parse(String(data));
      if (answer.id === undefined) this.events.push(answer);
      else this.#waiting.get(answer.id)?.(answer);
    });
  }

  /** @param profile - an empty folder */
  static async start(profile: string): Promise<Chromium> {
    const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--remote-debugging-port=0'];
    const child = spawn('chromium', [...flags, `--user-data-dir=${profile}`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let text = '';
    const address = await new Promise<string>((resolve, reject) => {
      child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        const found = /DevTools listening on (ws:\S+)/.exec(text)?.[1];
        if (found !== undefined) resolve(found);
      });
      child.on('exit', () => reject(new Error(text)));
    });
    const socket = new WebSocket(address);
    await once(socket, 'open');
    return new Chromium(child, socket);
  }

  async send(method: string, params: object = {}): Promise<Json> {
    this.#id += 1;
    const id = this.#id;
    const session = this.#session === undefined ? {} : { sessionId: this.#session };
    const answer = new Promise<Json>((resolve) => this.#waiting.set(id, resolve));
    this.#socket.send(JSON.stringify({ id, method, params, ...session }));
    const { result, error } = await answer;
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  /** Opens a page in a tab of its own, and waits until it is loaded. */
  async open(url: string, width = 1280): Promise<void> {
    this.#session = undefined;
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    this.#session = sessionId;
    this.events.length = 0;
    for (const domain of ['Page', 'Runtime', 'Log', 'Network', 'Accessibility']) await this.send(`${domain}.enable`);
    const size = { width, height: 900, deviceScaleFactor: 1, mobile: false };
    await this.send('Emulation.setDeviceMetricsOverride', size);
    await this.send('Page.navigate', { url });
    while (!this.events.some(({ method }) => method === 'Page.loadEventFired'))
      await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** What an expression is in the page. */
  async evaluate(expression: string): Promise<Json> {
    const { result } = await this.send('Runtime.evaluate', { expression, returnByValue: true });
    return result.value;
  }

  async stop(): Promise<void> {
    // Its other processes write into the profile until they are told that it is over.
    this.#session = undefined;
    const ended = once(this.#child, 'exit');
    await this.send('Browser.close');
    await ended;
    this.#socket.close();
  }
}
