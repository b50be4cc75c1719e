const SIGNATURE = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1');

/**
 * Looks for HDF5 within a file of another format. Its readers look for the signature at the
 * beginning, at 512, and at each double of that, so that something else may lie before it (HDF5
 * File Format Specification, "Format Signature and Superblock").
 */
export class Hdf5Watcher {
  isThere = false;
  #next = 512;
  #at = 0;
  #matched = 0;

  push(chunk: Buffer): void {
    const end = this.#at + chunk.length;
    while (!this.isThere && this.#next + this.#matched < end) {
      const from = this.#next + this.#matched - this.#at;
      const wanted = SIGNATURE.subarray(this.#matched, this.#matched + chunk.length - from);
      if (chunk.subarray(from, from + wanted.length).equals(wanted)) this.#matched += wanted.length;
      else this.#toNext();
      if (this.#matched === SIGNATURE.length) this.isThere = true;
    }
    this.#at = end;
  }

  /** Bytes that are left out; what lies within is not seen. */
  skip(bytes: number): void {
    this.#at += bytes;
    while (this.#next < this.#at) this.#toNext();
  }

  #toNext(): void {
    this.#next *= 2;
    this.#matched = 0;
  }
}
