// Pickles that call something, written opcode by opcode, in each of the ways that the virtual
// machine has.

/** What is imported, and what it is called with. */
export interface Call {
  readonly module: string;
  readonly name: string;
  readonly argument: string;
}

export const ID: Call = { module: 'os', name: 'system', argument: 'id' };

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const short = (text: string): string => `\x8c${String.fromCharCode(text.length)}${text}`;
const binary = (text: string): string => `X${String.fromCharCode(text.length)}\0\0\0${text}`;

/** Each way by its name. Those of protocol 0 are text. */
export const ENCODINGS: Readonly<Record<string, (call: Call) => Buffer>> = {
  'protocol 0, REDUCE': ({ module, name, argument }) => bytes(`c${module}\n${name}\n(S'${argument}'\ntR.`),
  'protocol 0, INST': ({ module, name, argument }) => bytes(`(S'${argument}'\ni${module}\n${name}\n.`),
  'protocol 0, OBJ': ({ module, name, argument }) => bytes(`(c${module}\n${name}\nS'${argument}'\no.`),
  'protocol 0, by a memo': ({ module, name, argument }) =>
    bytes(`V${argument}\np0\n0c${module}\n${name}\np1\n0g1\n(g0\ntR.`),
  'protocol 0, POP behind the call': ({ module, name, argument }) => bytes(`c${module}\n${name}\n(V${argument}\ntR0N.`),
  'protocol 0, dead ends before': ({ module, name, argument }) =>
    bytes(`(((I1\nF2.5\nL3L\ntlp7\n1]}(N0I01\n0c${module}\n${name}\n(V${argument}\ntR.`),
  'protocol 0, BUILD with a state': ({ module, name, argument }) =>
    bytes(`c${module}\n${name}\n(V${argument}\ntR(dVx\nI1\nsb.`),
  'protocol 0, NEWOBJ': ({ module, name, argument }) => bytes(`\x80\x02c${module}\n${name}\n(V${argument}\nt\x81.`),
  'protocol 1': ({ module, name, argument }) => bytes(`c${module}\n${name}\nq\0(${binary(argument)}q\x01tq\x02R.`),
  'protocol 2': ({ module, name, argument }) => bytes(`\x80\x02c${module}\n${name}\n${binary(argument)}\x85R.`),
  'protocol 4, STACK_GLOBAL': ({ module, name, argument }) =>
    bytes(`\x80\x04${short(module)}\x94${short(name)}\x94\x93\x94${short(argument)}\x94\x85\x94R\x94.`),
  'protocol 4, STACK_GLOBAL by a memo that was put twice': ({ module, name, argument }) =>
    bytes(
      `\x80\x04${short(module)}q\x000${short(name)}q\x010${short('torch')}\x940${short('save')}\x940h\0h\x01\x93${short(argument)}\x85R.`,
    ),
  'protocol 4 without its first opcode': ({ module, name, argument }) =>
    bytes(`${short(module)}${short(name)}\x93${short(argument)}\x85R.`),
  'protocol 5 with a frame': (call) => {
    const inner = ENCODINGS['protocol 4, STACK_GLOBAL']?.(call).subarray(2) ?? Buffer.alloc(0);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(inner.length));
    return Buffer.concat([bytes('\x80\x05\x95'), length, inner]);
  },
  'broken behind the call': (call) =>
    Buffer.concat([ENCODINGS['protocol 0, REDUCE']?.(call).subarray(0, -1) ?? Buffer.alloc(0), bytes('~~~~')]),
  'a text of 9,000 characters before': ({ module, name, argument }) =>
    bytes(`V${'a'.repeat(9000)}\n0S'${'b'.repeat(9000)}'\n0c${module}\n${name}\n(V${argument}\ntR.`),
  'a million opcodes before': ({ module, name, argument }) =>
    bytes(`${'N0'.repeat(1 << 20)}c${module}\n${name}\n(V${argument}\ntR.`),
  'a million marks before': ({ module, name, argument }) =>
    bytes(`${'('.repeat(3 << 19)}c${module}\n${name}\n(V${argument}\ntR.`),
  'four harmless ones before, as torch.load of before 1.6 reads them': ({ module, name, argument }) =>
    bytes(`L119547037146038801333356L\n.I1001\n.(dVlittle_endian\nI01\ns.c${module}\n${name}\n(V${argument}\ntR.`),
  'a persistent identifier before': ({ module, name, argument }) =>
    bytes(`PAR1 and more\n0c${module}\n${name}\n(V${argument}\ntR.`),
};

/**
 * What scanners call dangerous, or did not when they should have (advisories of picklescan,
 * fickling and modelscan).
 */
export const CALLABLES: readonly (readonly [module: string, name: string])[] = [
  ['os', 'system'],
  ['os', 'popen'],
  ['posix', 'system'],
  ['nt', 'system'],
  ['subprocess', 'Popen'],
  ['subprocess', 'check_output'],
  ['builtins', 'eval'],
  ['builtins', 'exec'],
  ['builtins', 'getattr'],
  ['builtins', '__import__'],
  ['__builtin__', 'eval'],
  ['_io', 'FileIO'],
  ['_interpreters', 'run_string'],
  ['_pyrepl.pager', 'pipe_pager'],
  ['aiohttp.client', 'ClientSession'],
  ['asyncio.unix_events', '_UnixSubprocessTransport._start'],
  ['bdb', 'Bdb.run'],
  ['cProfile', 'runctx'],
  ['code', 'InteractiveInterpreter.runcode'],
  ['ctypes', 'CDLL'],
  ['distutils.file_util', 'write_file'],
  ['doctest', 'debug_script'],
  ['ensurepip', '_run_pip'],
  ['functools', 'partial'],
  ['http.client', 'HTTPSConnection'],
  ['idlelib.pyshell', 'ModifiedInterpreter.runcommand'],
  ['imaplib', 'IMAP4_stream'],
  ['importlib', 'import_module'],
  ['lib2to3.pgen2.grammar', 'Grammar.loads'],
  ['linecache', 'getline'],
  ['logging.config', 'listen'],
  ['marshal', 'loads'],
  ['mlflow.projects.backend.local', '_run_entry_point'],
  ['multiprocessing.util', 'spawnv_passfds'],
  ['numpy', 'load'],
  ['numpy.f2py.crackfortran', 'getlincoef'],
  ['numpy.testing._private.utils', 'runstring'],
  ['operator', 'attrgetter'],
  ['pandas.io.parsers.readers', 'read_csv'],
  ['pdb', 'run'],
  ['pickle', 'loads'],
  ['pip._internal', 'main'],
  ['pkgutil', 'resolve_name'],
  ['profile', 'Profile.run'],
  ['pty', 'spawn'],
  ['pydoc', 'pipepager'],
  ['requests.api', 'get'],
  ['runpy', '_run_code'],
  ['shutil', 'rmtree'],
  ['socket', 'create_connection'],
  ['ssl', 'get_server_certificate'],
  ['sys', 'settrace'],
  ['test.support.script_helper', 'assert_python_ok'],
  ['timeit', 'timeit'],
  ['torch', 'load'],
  ['torch._dynamo.guards', 'GuardBuilder.get'],
  ['torch.hub', 'load'],
  ['torch.jit.unsupported_tensor_ops', 'execWrapper'],
  ['torch.utils._config_module', 'load_config'],
  ['torch.utils.bottleneck.__main__', 'run_cprofile'],
  ['torch.utils.collect_env', 'run'],
  ['trace', 'Trace.run'],
  ['uuid', '_get_command_stdout'],
  ['venv', 'create'],
  ['webbrowser', 'open'],
];
