// Who may change what decides about pods: the policies about trust, namespaces, and what of a pod
// is written past its own resource. Their CEL is evaluated; test/cluster asks an API server.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { deny, documentsOf, type Json } from '../kyverno/evaluate.ts';

const FOLDER = fileURLToPath(new URL('../../examples/kyverno/', import.meta.url));

describe('the trust of a namespace', () => {
  const [, protect, namespaces] = documentsOf(readFileSync(join(FOLDER, 'base/trust.yaml'), 'utf8'));

  const by = (policy: Json, request: Json, more: Json = {}) => {
    const object = { metadata: { name: 'weighlock-trust' } };
    const kept = { operation: 'UPDATE', namespace: 'ml', ...request };
    const states = kept.operation === 'DELETE' ? { object: null, oldObject: object } : { object };
    return deny(policy, { ...states, request: kept, ...more });
  };
  const user = (username: string, ...groups: string[]) => ({ userInfo: { username, groups } });

  it('17.2: is written by Kyverno and admins, in every way to change or delete it', () => {
    // A deletecollection asks without a name, for each of its objects.
    for (const operation of ['CREATE', 'UPDATE', 'DELETE'])
      for (const name of ['weighlock-trust', '']) {
        const request = { operation, name };
        assert.equal(by(protect, { ...request, ...user('alice'), namespace: 'weighlock-system' }), undefined);
        for (const allowed of [
          user('bob', 'weighlock-admins'),
          user('root', 'system:masters'),
          user('system:serviceaccount:kyverno:kyverno-background-controller'),
          user('system:serviceaccount:kube-system:namespace-controller'),
        ])
          assert.equal(by(protect, { ...request, ...allowed }), undefined, JSON.stringify(allowed));
        for (const other of [
          user('alice', 'ml-devs'),
          user('system:serviceaccount:kyverno:default', 'system:serviceaccounts:kyverno'),
          user('system:serviceaccount:ml:default'),
          { userInfo: { username: 'alice' } },
        ])
          assert.match(by(protect, { ...request, ...other }) ?? '', /decides what is trusted/, JSON.stringify(other));
      }
    const other = { object: { metadata: { name: 'other' } } };
    assert.equal(by(protect, user('alice'), other), undefined, "other ConfigMaps are nobody's concern");
  });

  it('where there is no Kyverno, is not written by whoever takes its name', () => {
    const [alone] = documentsOf(readFileSync(join(FOLDER, '../admission/base/trust.yaml'), 'utf8'));
    const kyverno = user('system:serviceaccount:kyverno:kyverno-background-controller');
    assert.match(by(alone, kyverno) ?? '', /decides what is trusted/);
    assert.equal(by(alone, user('bob', 'weighlock-admins')), undefined);
  });

  it('17.2, 17.4: and what of a namespace decides about it, are set by admins', () => {
    const namespace = (labels?: object, annotations?: object): Json => ({
      metadata: { name: 'ml', ...(labels && { labels }), ...(annotations && { annotations }) },
    });
    const on = { 'weighlock.dev/enforce': 'true' };
    const judge = (groups: string[], object: Json, oldObject: Json) =>
      deny(namespaces, { object, oldObject, request: { operation: 'UPDATE', ...user('x', ...groups) } });
    const cases: [string, Json, Json][] = [
      ['the label is taken off', namespace({}), namespace(on)],
      ['the label goes with all of them', namespace(), namespace(on)],
      ['the label becomes an annotation', namespace({}, on), namespace(on)],
      ['the label is put on', namespace(on), namespace({})],
      ['the label gets another value', namespace({ 'weighlock.dev/enforce': 'false' }), namespace(on)],
      ...['scratch-claims', 'host-paths', 'platform-containers', 'what-comes-later'].flatMap(
        (name): [string, Json, Json][] => {
          const note = { [`weighlock.dev/${name}`]: 'x' };
          return [
            [`${name} is added`, namespace(on, note), namespace(on)],
            [`${name} is removed`, namespace(on, {}), namespace(on, note)],
            [`${name} is changed`, namespace(on, { [`weighlock.dev/${name}`]: 'y' }), namespace(on, note)],
            [`a namespace is made with ${name}`, namespace(undefined, note), {}],
            [`a namespace is made with ${name}, as the API server says it`, namespace(undefined, note), null],
          ];
        },
      ),
      ['a namespace is made with the label', namespace(on), {}],
      ['a namespace is made with the label, as the API server says it', namespace(on), null],
    ];
    for (const [name, object, oldObject] of cases) {
      assert.match(judge(['dev'], object, oldObject) ?? 'admitted', /are set by members of/, name);
      assert.equal(judge(['weighlock-admins'], object, oldObject), undefined, name);
    }
    for (const oldObject of [{}, null]) assert.equal(judge(['dev'], namespace({ team: 'x' }), oldObject), undefined);
    assert.equal(judge(['dev'], namespace({ ...on, team: 'x' }, { a: 'b' }), namespace(on)), undefined);
    const [{ resources, operations }] = namespaces.spec.matchConstraints.resourceRules;
    assert.deepEqual(resources, ['namespaces', 'namespaces/status', 'namespaces/finalize']);
    assert.deepEqual(operations, ['CREATE', 'UPDATE']);
  });

  it('17.2: and the namespace that it comes from is deleted by admins alone', () => {
    const [, { resources, operations }] = namespaces.spec.matchConstraints.resourceRules;
    assert.deepEqual([resources, operations], [['namespaces'], ['DELETE']]);
    const remove = (name: string, ...groups: string[]) =>
      deny(namespaces, {
        object: null,
        oldObject: { metadata: { name, labels: { 'weighlock.dev/enforce': 'true' } } },
        request: { operation: 'DELETE', name, ...user('x', ...groups) },
      });
    assert.match(remove('weighlock-system', 'dev') ?? 'deleted', /alone delete weighlock-system/);
    assert.equal(remove('weighlock-system', 'weighlock-admins'), undefined);
    assert.equal(remove('ml', 'dev'), undefined, 'with another namespace goes all that was protected in it');
  });
});

describe('what of a pod is written past its own resource', () => {
  const [labels, verdicts] = documentsOf(readFileSync(join(FOLDER, 'base/status.yaml'), 'utf8'));
  const decisive: [Json, Json][] = [
    [{ labels: { team: 'x', 'workload-type': 'training' } }, { labels: { team: 'x' } }],
    [{ labels: { 'app.kubernetes.io/component': 'inference' } }, {}],
    [{ annotations: { a: 'b', 'model.ai/signature-verified': 'true' } }, { annotations: { a: 'b' } }],
    [{ annotations: { 'model.ai/name': 'a' } }, { annotations: { 'model.ai/name': 'b' } }],
    [{ annotations: { 'weighlock.dev/volumes': 'tmp' } }, {}],
  ];

  it('17: decides nothing by labels and annotations: not through pods/status, not by a binding', () => {
    const [ofStatus, ofBinding] = labels.spec.matchConstraints.resourceRules;
    assert.deepEqual([ofStatus.resources, ofStatus.operations], [['pods/status'], ['UPDATE']]);
    assert.deepEqual([ofBinding.resources, ofBinding.operations], [['pods/binding', 'bindings'], ['CREATE']]);
    const write = (metadata: Json, old: Json) =>
      deny(labels, { object: { metadata, status: {} }, oldObject: old === null ? null : { metadata: old } });
    for (const [one, other] of decisive) {
      assert.match(write(one, other) ?? '', /through pods/, JSON.stringify(one));
      assert.match(write(other, one) ?? '', /through pods/, `${JSON.stringify(one)} is taken away`);
      assert.equal(write(one, one), undefined, 'what a kubelet writes changes none');
      for (const none of [null, undefined])
        assert.match(write(one, none ?? null) ?? '', /or a binding/, `${JSON.stringify(one)}, bound`);
      assert.match(
        deny(labels, { object: { metadata: one }, oldObject: {} }) ?? '',
        /or a binding/,
        'as Kyverno says it',
      );
    }
    assert.equal(write({ labels: { a: 'b' }, annotations: { c: 'd' } }, { labels: {} }), undefined);
    const zone = {
      name: 'p',
      labels: { 'topology.kubernetes.io/zone': 'z' },
      annotations: { 'scheduler.example/x': 'y' },
    };
    for (const metadata of [zone, { name: 'p' }])
      assert.equal(write(metadata, null), undefined, 'what a scheduler sends');
  });

  it('17.6: says nothing about the verifier but what its node says', () => {
    assert.deepEqual(verdicts.spec.matchConstraints.resourceRules[0].resources, ['pods/status']);
    const write = (status: Json, old: Json, ...groups: string[]) =>
      deny(verdicts, {
        object: { metadata: {}, status },
        oldObject: { metadata: {}, status: old },
        request: { operation: 'UPDATE', userInfo: { username: 'x', groups } },
      });
    const running = { name: 'weighlock', ready: false, state: { running: {} } };
    const passed = { ...running, ready: true, state: { terminated: { exitCode: 0, message: 'PASSED' } } };
    const other = { name: 'server', ready: true };
    for (const field of ['initContainerStatuses', 'containerStatuses'])
      for (const [now, before] of [
        [{ [field]: [passed] }, { [field]: [running] }],
        [{ [field]: [other, passed] }, { [field]: [other] }],
        [{ [field]: [passed] }, undefined],
        [{ [field]: [] }, { [field]: [passed] }],
        [{}, { [field]: [passed] }],
      ] as const) {
        const name = JSON.stringify([now, before]);
        assert.match(write(now, before, 'ml-devs') ?? '', /is said by its node/, name);
        for (const group of ['system:nodes', 'system:masters', 'weighlock-admins'])
          assert.equal(write(now, before, group), undefined, name);
      }
    const kept = { initContainerStatuses: [passed, other] };
    assert.equal(write({ ...kept, phase: 'Failed', containerStatuses: [other] }, kept, 'ml-devs'), undefined);
    assert.equal(write({ phase: 'Failed' }, undefined, 'ml-devs'), undefined);
  });
});
