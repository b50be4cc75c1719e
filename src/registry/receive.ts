import type { Socket } from 'node:net';
import { buildConnector } from 'undici';

/**
 * Bytes asked of the kernel at once. Measured with one 2 GiB blob: 64 KiB in buffers of their own
 * (Node's default) take 3.7 s to receive and hash, most of the difference in page faults of ever
 * new buffers; 512 KiB used again, 2.0 s.
 */
const RECEIVE_BYTES = 512 << 10;

/**
 * Connections that receive into two buffers by turns. Whoever gets a chunk must be done with it, or
 * have copied it, when it returns: the next but one read writes over it.
 */
export function receivingConnector(options: buildConnector.BuildOptions): buildConnector.connector {
  return (target, callback) => {
    const buffers = new ReceiveBuffers();
    const onread = {
      buffer: () => buffers.next(),
      callback: (length: number, bytes: Uint8Array) => buffers.read(length, bytes),
    };
    const connect = buildConnector({ ...options, onread } as buildConnector.BuildOptions);
    // The declared type hides it: a connector returns its socket at once, before anything can be
    // read.
    buffers.socket = (connect as (...args: Parameters<typeof connect>) => unknown)(target, callback) as Socket;
  };
}

class ReceiveBuffers {
  socket: Socket | undefined;
  #current: Buffer = Buffer.allocUnsafeSlow(RECEIVE_BYTES);
  #other: Buffer | undefined;
  /** Bytes of the last read: they may still wait in the socket, and are not in the other buffer. */
  #last = 0;

  /** A place for the next read: never one whose bytes still wait in the socket. */
  next(): Buffer {
    const free = (this.socket?.readableLength ?? 0) <= this.#last ? this.#other : undefined;
    this.#other = this.#current;
    this.#current = free ?? Buffer.allocUnsafeSlow(RECEIVE_BYTES);
    return this.#current;
  }

  /** @returns false when the socket has enough for now */
  read(length: number, bytes: Uint8Array): boolean {
    this.#last = length;
    return this.socket?.push(Buffer.from(bytes.buffer, bytes.byteOffset, length)) ?? false;
  }
}
