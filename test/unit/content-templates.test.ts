// Issue 21: chat templates within the sandbox's grammar, and beyond it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { templateFinding } from '../../src/content/jinja.ts';

const USUAL = [
  "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate') }}{% endif %}{{ '[INST] ' + message['content'] | trim + ' [/INST]' }}{% endfor %}",
  "{%- set ns = namespace(is_first=false, system_prompt='') -%}{%- for m in messages -%}{%- if m.role == 'system' -%}{%- set ns.system_prompt = m.content -%}{%- endif -%}{%- endfor -%}{{ ns.system_prompt }}",
  '{% macro render(x, depth=0) %}{{- x | tojson(indent=4) -}}{% endmacro %}{{ render(tools[0]) }}{{ messages[1:] | length }}{{ messages[loop.index0 - 1].role }}',
  "{%- if tools is defined and tools is not none %}{{ tools | map(attribute='function') | list | tojson }}{% endif %}",
  "{% for k, v in tool.function.parameters.properties.items() %}{{ k }}: {{ params[k].type }}{{ ', '.join(v.enum) }}{% endfor %}",
  "{{ strftime_now('%d %b %Y') }}{% generation %}{{ x }}{% endgeneration %}{# a comment with __class__ #}",
  "{{ message.content.split('</think>')[-1].lstrip('\\n') }}{% raw %}{{ anything.__class__ }}{% endraw %}",
  "{{ {'role': 'user', 'content': {'a': 1}} | tojson }}{{ [1, 'a'] | join(', ') }}",
  "{%- macro rest(given, known) %}{% for k in given if k not in known %}{{ k }}: {{ given[k] | tojson }}{% endfor %}{% endmacro %}{{ rest(tool, ['name', 'a_type']) }}",
  "{%- macro type(spec) %}{% set names = {'string': 'str'} %}{{ names[spec.type] }}{{ type({'type': 'x'}) }}{% endmacro %}",
  "{% set parts = [] %}{% set _ = parts.append(message['content']) %}{{ parts[0] }}{{ parts | join('_') }}",
  "{% set role = message['my_role'] %}{% if role == 'the_user' %}{{ roles[role] }}{% endif %}{{ message.get('tool_calls')[0] }}",
  '{{ messages[messages | length - 1].content }}{{ messages[(ns.last_index) + 1] }}{%- raw -%}{{ a.__b__ }}{%- endraw -%}',
  "{{ tools | selectattr('type', 'in', ['a_b', 'c']) | map(attribute='function.name', default='_') | sort(attribute='x') | list }}",
  '{% set ns = namespace(last_index=messages | length - 1, i=0) %}{{ messages[ns.last_index - 1] }}{{ messages[loop.index0 + 1] }}{{ messages[1 + ns.i] }}',
  '{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}x{% endcall %}',
];

const BEYOND = [
  "{{ ''.__class__.__mro__[1].__subclasses__() }}",
  "{{ x['__class__'] }}",
  "{{ x['\\x5f\\x5fclass\\x5f\\x5f'] }}",
  "{{ x['_' ~ '_class_' ~ '_'] }}",
  "{% set a = '_' ~ '_class_' ~ '_' %}{{ x[a] }}",
  "{% set a = ['_', 'class'] | join %}{% set b = a %}{{ x[b] }}",
  "{% for a in ['_', 'b'] %}{{ x[a] }}{% endfor %}",
  '{% set a %}_{% endset %}{{ x[a] }}',
  "{{ x | attr('class') }}",
  "{{ x | attr('\\u005f') }}",
  "{{ x[('cl', 'ass') | join] }}",
  "{{ x['%c%c' | format(95, 95)] }}",
  "{{ '{0.a}'.format(x) }}",
  "{{ 'a'.format_map(x) }}",
  '{{ lipsum.a }}',
  "{{ cycler.a }}{{ joiner('a') }}",
  '{{ self.a }}',
  "{% include 'x' %}",
  "{% import 'x' as y %}",
  "{% from 'x' import y %}",
  "{% extends 'x' %}",
  '{{ x.gi_frame }}',
  '{{ x.mro }}',
  "{{ open('/etc/passwd') }}",
  '{{ x.read() }}',
  '{{ x()() }}',
  '{{ x | pprint }}',
  '{% filter forceescape %}a{% endfilter %}',
  '{{ a',
  '{% raw %} without an end',
  '{# without an end',
  '{{ `a` }}',
  '{% do x.append(1) %}',
  'a'.repeat((1 << 18) + 1),
  `{{ ${'['.repeat(65)}${']'.repeat(65)} }}`,
  `{{ ${'x['.repeat(100_000)}`,
  // The name of an attribute as the argument of a filter.
  "{{ [x] | map(attribute='_' ~ '_class_' ~ '_') | list }}",
  "{{ [x] | map(attribute='a._b') | list }}",
  "{{ [x] | map('attr', 'b') | list }}",
  '{{ [x] | map(bos_token) | list }}',
  "{% set f = 'at' ~ 'tr' %}{{ [x] | map(f, y) | list }}",
  "{{ [x] | sort(attribute='_' '_class_' '_') }}",
  "{{ [x] | groupby('_' + '_class_' + '_') }}",
  "{{ [x] | sum('_a') }}",
  "{{ [x] | join(', ', '_a') }}",
  "{{ [x] | join(', ', attribute='_' ~ y) }}",
  "{{ [x] | map(**{'attribute': y}) | list }}",
  "{{ [x] | selectattr('_a') | list }}",
  "{% filter join('a') %}x{% endfilter %}",
  // A text that becomes a name on its way through something else.
  "{% macro f(k) %}{{ x[k] }}{% endmacro %}{{ f('_' ~ '_class_' ~ '_') }}",
  "{% macro f(a, k) %}{{ x[k] }}{% endmacro %}{{ f(1, k='_a') }}",
  "{% macro f(k='_a') %}{{ x[k] }}{% endmacro %}{{ f() }}",
  "{% macro f(k) %}{{ x[k] }}{% endmacro %}{{ f(*['_a']) }}",
  "{% macro f() %}{{ x[varargs[0]] }}{% endmacro %}{{ f('_a') }}",
  "{% macro f() %}{{ x[kwargs.a] }}{% endmacro %}{{ f(a='_a') }}",
  '{% macro u() %}_{% endmacro %}{{ x[u()] }}',
  "{% macro f() %}{{ x[a] }}{% endmacro %}{% set a = '_' ~ '_b' %}{{ f() }}",
  "{% macro m() %}{{ caller('_a') }}{% endmacro %}{% call(k) m() %}{{ x[k] }}{% endcall %}",
  "{% for k in messages recursive %}{{ x[k] }}{{ loop(['_a']) }}{% endfor %}",
  "{% set l = [] %}{% set _ = l.append('_a') %}{{ x[l[0]] }}",
  "{% set d = {} %}{% set _ = d.update({'k': '_a'}) %}{{ x[d.k] }}",
  "{% set ns = namespace(k='_a') %}{{ x[ns.k] }}",
  '{% set u = (raise_exception | string)[10] %}{% set k = u + u %}{{ x[k] }}',
  '{{ x[bos_token] }}',
  '{% set t = additional_special_tokens %}{% set k = t[0] %}{{ x[k] }}',
  "{% set a = '_a' if y == 'b' else z %}{{ x[a] }}",
  "{% set a = ('c' in '_a') or '_a' %}{{ x[a] }}",
  // A function of somebody else by a name that may be called.
  "{% macro f() %}{% endmacro %}{% set f = 'a'.format %}{{ f(x) }}",
  '{% set range = x.y %}{{ range(1) }}',
  '{% for dict in x %}{{ dict() }}{% endfor %}',
  '{% macro g(namespace) %}{{ namespace() }}{% endmacro %}{{ g(x.y) }}',
  '{# {% macro open() %}{% endmacro %} #}{{ open(x) }}',
  '{% raw %}{% macro open() %}{% endraw %}{{ open(x) }}',
  '{{ x.ag_frame }}',
  "{{ {'a': x}('b') }}",
  // Without a text that has an underscore.
  "{% set d = dict(_=1) %}{% for u in d %}{% set k = u + u + 'class' + u + u %}{{ x[k] }}{% endfor %}",
  '{% for k in dict(_a=1) %}{{ x[k] }}{% endfor %}',
  '{% set d = {} %}{% set _ = d.update(_a=1) %}{% for k in d %}{{ x[k] }}{% endfor %}',
  "{% for k in messages[0] %}{% set u = k[4] %}{% set n = u + u + 'class' + u + u %}{{ x[n] }}{% endfor %}",
  "{% set n = 'xxclassxx'.replace('x', messages[0].u) %}{{ x[n] }}",
  "{% set u = messages[0].u %}{% set n = ''.join([u, u, 'class', u, u]) %}{{ x[n] }}",
  '{% set u = messages[0].u %}{{ x[u + u + messages[0].c + u + u] }}',
  // Rounds without end.
  `${Array.from({ length: 99 }, (_, i) => `{% set a${i} = a${i + 1} %}`).join('')}{% set a99 = '_' ~ x %}{{ y[a0] }}`,
];

describe('21: a chat template', () => {
  for (const template of USUAL)
    it(`that is usual passes: ${template.slice(0, 60)}`, () => assert.deepEqual(templateFinding(template), []));
  for (const template of BEYOND)
    it(`beyond the grammar does not: ${template.slice(0, 60)}`, () => {
      const [finding, ...more] = templateFinding(template);
      assert.equal(finding?.kind, 'jinja');
      assert.deepEqual(more, []);
    });
});
