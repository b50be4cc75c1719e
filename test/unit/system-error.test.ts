import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { codeOfErrno, EXIT_CODE_OF, errno, failureOf } from '../../src/error/index.ts';
import { ioFailure } from '../../src/fs/index.ts';

/** What Node throws for a failed system call. */
function failed(code: string, number: number, syscall = 'fstat'): Error {
  return Object.assign(new Error(`${code}: something, ${syscall}`), { code, errno: -number, syscall });
}

describe('a failed system call', () => {
  for (const [name, exit] of [
    // Whoever writes content can cause these.
    ['EACCES', 65],
    ['EPERM', 65],
    ['ELOOP', 65],
    ['ENAMETOOLONG', 65],
    ['ENOTDIR', 65],
    ['ENOENT', 65],
    ['EISDIR', 65],
    ['ENXIO', 65],
    ['EMFILE', 65],
    ['EOVERFLOW', 65],
    ['EFBIG', 65],
    ['EILSEQ', 65],
    ['EAGAIN', 65],
    ['ENOKEY', 65],
    ['ETXTBSY', 65],
    // The storage, the kernel and the network answer these.
    ['EIO', 75],
    ['ESTALE', 75],
    ['ETIMEDOUT', 75],
    ['ENOTCONN', 75],
    ['ECONNREFUSED', 75],
    ['ECONNABORTED', 75],
    ['EHOSTDOWN', 75],
    ['EREMOTEIO', 75],
    ['EPROTO', 75],
    ['ENOSYS', 75],
    ['EINVAL', 75],
    ['EBADF', 75],
    ['EINTR', 75],
    ['ENOMEM', 75],
    ['ENFILE', 75],
    ['ENOSPC', 75],
    ['EDQUOT', 75],
    ['EROFS', 75],
    ['EUCLEAN', 75],
    ['EBADMSG', 75],
    ['errno 399', 75],
  ] as const) {
    it(`15.9, 15.16: ${name} ends with ${exit}, whoever reports it`, () => {
      assert.equal(EXIT_CODE_OF[codeOfErrno(name)], exit);
      assert.equal(EXIT_CODE_OF[ioFailure(failed(name, 1), 'read').code], exit);
      const unexpected = failureOf(failed(name, 1));
      assert.equal(EXIT_CODE_OF[unexpected.code], exit);
      if (!name.startsWith('errno')) assert.match(unexpected.message, new RegExp(name));
    });
  }

  it('15.16: has a name also where Node has none', () => {
    const unknown = failed('Unknown system error -126', 126);
    assert.equal(errno(unknown), 'ENOKEY');
    assert.equal(failureOf(unknown).code, 'ACCESS_DENIED');
    assert.equal(errno(failed('Unknown system error -116', 116)), 'ESTALE');
    assert.equal(failureOf(failed('Unknown system error -122', 122)).code, 'NO_SPACE');
    assert.equal(failureOf(failed('Unknown system error -117', 117)).code, 'SOURCE_UNAVAILABLE');
    assert.match(failureOf(failed('Unknown system error -399', 399)).message, /errno 399/);
  });

  it('15.16: is told from a defect of ours', () => {
    let thrown: unknown;
    try {
      readFileSync('/nonexistent/file');
    } catch (error) {
      thrown = error;
    }
    assert.equal(failureOf(thrown).code, 'FILE_MISSING');
    assert.equal(failureOf(new TypeError('x')).code, 'INTERNAL');
    assert.equal(failureOf(Object.assign(new Error('x'), { code: 'ERR_INVALID_ARG_TYPE' })).code, 'INTERNAL');
    assert.equal(failureOf(Object.assign(new Error('x'), { code: 'ERR_FS', syscall: 'read' })).code, 'INTERNAL');
  });
});
