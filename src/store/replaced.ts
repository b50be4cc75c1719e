import { WeighlockError } from '../error/index.ts';

/** A file is of another version than was listed, or than the part of it that was fetched before. */
export class Replaced extends WeighlockError {
  constructor(url: URL) {
    super({
      code: 'SOURCE_UNAVAILABLE',
      message: `${url.protocol}//${url.host}${url.pathname}: was replaced while it was fetched`,
      remedy: 'something writes to the store: restart the pod when it is done, or name a version that does not move',
    });
  }
}
