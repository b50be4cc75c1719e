import { usage } from './usage.ts';

/** `[HOST]:PORT` of `--listen`. @throws WeighlockError `USAGE` */
export function addressOf(text: string): { host: string; port: number } {
  const [, host = '', port = ''] = /^(\[[0-9a-f:.]+\]|[a-z0-9.-]*):(\d{1,5})$/i.exec(text) ?? [];
  if (port === '' || Number(port) > 65_535) throw usage(`--listen cannot be "${text}"`, 'write it as HOST:PORT');
  return { host: host === '' ? '0.0.0.0' : host.replace(/^\[|\]$/g, ''), port: Number(port) };
}
