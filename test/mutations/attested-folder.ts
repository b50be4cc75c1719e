import type { Mutation } from '../../scripts/mutate/mutation.ts';

const FOLDER = ['test/integration/attested-folder.test.ts'];

export default [
  {
    id: '19-root-without-names',
    file: 'src/verdict/judge-attested-folder.ts',
    from: 'if (model !== undefined) return compareModel(model);',
    to: 'if (model !== undefined) return { failures: [], unlisted: [] };',
    tests: FOLDER,
    name: 'root digest',
  },
  {
    id: '19-any-subject',
    file: 'src/verdict/judge-attested-folder.ts',
    from: "hash === 'sha256' && digests.includes(digest)",
    to: "hash === 'sha256' && digests.length > 0",
    tests: FOLDER,
    name: 'covers every file',
  },
  {
    id: '19-models-of-anybody',
    file: 'src/run/evidence.ts',
    from: "await proveFiles(files, leaf.attestors, undefined, 'signature');\n    const models",
    to: "await proveFiles(files, leaf.attestors.slice(1), undefined, 'signature');\n    const models",
    tests: FOLDER,
    name: 'root digest',
  },
  {
    id: '19-exempt-all',
    file: 'src/verdict/exempt.ts',
    from: 'if (judged.isAllowed)',
    to: "if (judged.isAllowed || entryText(nameAt(files, i)).includes('sigstore'))",
    tests: FOLDER,
    name: 'lets pass nothing',
  },
  {
    id: '19-evidence-of-others',
    file: 'src/verdict/judge-signature.ts',
    from: "evidence: kind === 'file' ? [] : scope.files,",
    to: "evidence: kind === 'file' ? [] : [],",
    tests: FOLDER,
    name: 'each no part',
  },
  {
    id: '19-predicate-unchecked',
    file: 'src/commands/attest.ts',
    from: "new Fields(parseStrictJson(bytes, 'it', MOST_PREDICATE_VALUES), 'it');",
    to: "parseStrictJson(bytes, 'it', MOST_PREDICATE_VALUES);",
    tests: FOLDER,
    name: 'refuses a predicate',
  },
] satisfies readonly Mutation[];
