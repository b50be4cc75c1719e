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
  'a'.repeat((1 << 20) + 1),
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
