// The examples, as they are, in real pods with the image just built.
import assert from 'node:assert/strict';
import { appendFileSync, closeSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { makeDataset, makeModel } from '../../examples/demo/make-artifacts.ts';
import {
  asPod,
  type Container,
  fillVolume,
  type Manifest,
  type PodResult,
  playAsIs,
  readExample,
  runPod,
} from './pod.ts';

const UID = 65532;
const SHARD = 'model-00001-of-00002.safetensors';
const OTHER_SHARD = 'model-00002-of-00002.safetensors';

function runInference(
  damage: (folder: string) => void = () => {},
  change: (pod: Manifest) => void = () => {},
): PodResult {
  fillVolume('models', UID, (volume) => {
    makeModel(join(volume, 'mistral-small'));
    damage(join(volume, 'mistral-small'));
  });
  const manifests = readExample('inference-pod.yaml');
  for (const manifest of manifests) if (manifest.kind === 'Pod') change(manifest);
  return runPod(manifests);
}

function runTraining(
  damage: (folder: string) => void = () => {},
  change: (gate: Container) => void = () => {},
): PodResult {
  fillVolume('datasets', UID, (volume) => {
    makeDataset(join(volume, 'train'));
    damage(join(volume, 'train'));
  });
  const manifests = readExample('training-job.yaml').map(asPod);
  for (const { spec } of manifests) if (spec.initContainers[0] !== undefined) change(spec.initContainers[0]);
  return runPod(manifests);
}

function flipByte(file: string): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, Buffer.from([0x55]), 0, 1, 1_000_000);
  closeSync(descriptor);
}

function blocked(result: PodResult, exitCode: number, ...words: string[]): void {
  assert.equal(result.exitCode, exitCode, `${result.message}\n${result.log}`);
  assert.equal(result.started, false, 'the main container was started');
  for (const word of words) assert.ok(result.message.includes(word), `"${word}" is not in: ${result.message}`);
  assert.ok(Buffer.byteLength(result.message) <= 4096);
}

function setEnvironment(gate: Container, name: string, value: string): void {
  gate.env = [...(gate.env ?? []).filter((entry) => entry.name !== name), { name, value }];
}

describe('examples/inference-pod.yaml', () => {
  it('runs as it is: the server starts', () => {
    fillVolume('models', UID, (volume) => makeModel(join(volume, 'mistral-small')));
    assert.equal(playAsIs('inference-pod.yaml'), true);
  });

  it('runs as it is: the server does not start on a changed model', () => {
    fillVolume('models', UID, (volume) => {
      makeModel(join(volume, 'mistral-small'));
      flipByte(join(volume, 'mistral-small', SHARD));
    });
    assert.equal(playAsIs('inference-pod.yaml'), false);
  });

  it('starts the server on untouched content', () => {
    const result = runInference();
    assert.equal(result.exitCode, 0, result.log);
    assert.equal(result.started, true);
    assert.match(result.message, /^weighlock PASSED \(exit 0\): the pod may start\n/);
  });

  it('does not start it after one flipped byte', () => {
    const result = runInference((model) => flipByte(join(model, SHARD)));
    blocked(result, 65, 'DIGEST_MISMATCH', SHARD, '6ec426ab39edf7d20a55c177c4dad4a5927851828a2228bf171c5738278a6ede');
  });

  it('does not start it with a file missing', () => {
    blocked(
      runInference((model) => rmSync(join(model, 'config.json'))),
      65,
      'FILE_MISSING config.json',
    );
  });

  it('does not start it with a file added', () => {
    const result = runInference((model) => writeFileSync(join(model, 'modeling_evil.py'), 'import os\n'));
    blocked(result, 65, 'FILE_UNEXPECTED modeling_evil.py');
  });

  it('does not start it with a file renamed, and says which', () => {
    const result = runInference((model) => renameSync(join(model, 'config.json'), join(model, 'config.old')));
    blocked(result, 65, 'FILE_MISSING config.json', 'FILE_UNEXPECTED config.old', 'config.old has its content');
  });

  it('does not start it with two shards swapped', () => {
    const result = runInference((model) => {
      renameSync(join(model, SHARD), join(model, 'x'));
      renameSync(join(model, OTHER_SHARD), join(model, SHARD));
      renameSync(join(model, 'x'), join(model, OTHER_SHARD));
    });
    blocked(result, 65, `DIGEST_MISMATCH ${SHARD}`, `DIGEST_MISMATCH ${OTHER_SHARD}`);
  });

  it('does not start it when the checksums file is not the pinned one', () => {
    fillVolume('models', UID, (volume) => makeModel(join(volume, 'mistral-small')));
    const manifests = readExample('inference-pod.yaml');
    for (const manifest of manifests) {
      if (manifest.kind !== 'ConfigMap') continue;
      const data = manifest['data'] as Record<string, string>;
      data['SHA256SUMS'] = `${data['SHA256SUMS']}${'0'.repeat(64)}  extra\n`;
    }
    blocked(
      runPod(manifests),
      65,
      'DIGEST_MISMATCH',
      'the checksums file /etc/weighlock/SHA256SUMS is not the pinned one',
    );
  });

  it('in Audit starts the server and says what failed', () => {
    const audit = (pod: Manifest) => pod.spec.initContainers[0]?.args?.push('--mode=Audit');
    const result = runInference((model) => flipByte(join(model, SHARD)), audit);
    assert.equal(result.exitCode, 0);
    assert.equal(result.started, true);
    assert.match(
      result.message,
      /^weighlock FAILED \(exit 0\): UNVERIFIED, the pod starts all the same \(mode Audit\)\n/,
    );
    assert.ok(result.message.includes(`DIGEST_MISMATCH ${SHARD}`));
  });

  it('works under a random UID and group 0, as OpenShift runs it', () => {
    const anyUid = (pod: Manifest) => {
      pod.spec.securityContext = { ...pod.spec.securityContext, runAsUser: 1_000_730_000, runAsGroup: 0 };
    };
    const good = runInference(undefined, anyUid);
    assert.equal(good.exitCode, 0, good.log);
    assert.equal(good.started, true);
    blocked(
      runInference((model) => flipByte(join(model, SHARD)), anyUid),
      65,
      'DIGEST_MISMATCH',
    );
  });

  it('follows the restricted Pod Security profile and mounts everything read-only', () => {
    for (const manifest of [...readExample('inference-pod.yaml'), ...readExample('training-job.yaml')].map(asPod)) {
      if (manifest.kind !== 'Pod') continue;
      const { securityContext, initContainers, containers, volumes } = manifest.spec;
      assert.equal(securityContext['runAsNonRoot'], true);
      assert.deepEqual(securityContext['seccompProfile'], { type: 'RuntimeDefault' });
      assert.ok(volumes.every((volume) => volume['persistentVolumeClaim'] ?? volume['configMap']));
      for (const container of [...initContainers, ...containers]) {
        assert.equal(container.securityContext?.['allowPrivilegeEscalation'], false);
        assert.equal(container.securityContext?.['readOnlyRootFilesystem'], true);
        assert.deepEqual(container.securityContext?.['capabilities'], { drop: ['ALL'] });
        assert.ok(container.volumeMounts?.every((mount) => mount['readOnly'] === true));
        assert.ok(container['resources']);
      }
    }
  });
});

describe('examples/training-job.yaml', () => {
  it('trains on the pinned dataset', () => {
    const result = runTraining();
    assert.equal(result.exitCode, 0, result.log);
    assert.match(result.mainLog, /trained/);
  });

  it('does not train on a changed dataset', () => {
    const result = runTraining((data) => appendFileSync(join(data, 'train-00001-of-00002.jsonl'), '{"id":4000}\n'));
    blocked(
      result,
      65,
      'DIGEST_MISMATCH',
      'DATASET_SHA256',
      '8b34fd1dbc8f922453db61a299ce71397f2ab9f8bb5ea5505f6a57960429099b',
    );
  });

  it('does not train when DATASET_SHA256 is another one', () => {
    const result = runTraining(undefined, (gate) => setEnvironment(gate, 'DATASET_SHA256', 'ab'.repeat(32)));
    blocked(result, 65, 'DIGEST_MISMATCH', 'ab'.repeat(32));
  });

  it('does not train when DATASET_SHA256 is malformed', () => {
    const result = runTraining(undefined, (gate) =>
      setEnvironment(gate, 'DATASET_SHA256', `sha256:${'ab'.repeat(32)}`),
    );
    blocked(result, 78, 'CONFIG_INVALID', '"sha256:" prefix');
  });

  it('does not train on an empty volume', () => {
    blocked(
      runTraining((data) => rmSync(data, { recursive: true })),
      65,
      'FILE_MISSING',
      'nothing lies at this path',
    );
  });

  it('does not train when the dataset cannot be read, and says so', () => {
    const lock = (data: string) => rmSync(join(data, 'dataset_info.json'));
    const unreadable = (data: string) => writeFileSync(join(data, 'dataset_info.json'), '{}', { mode: 0o000 });
    const result = runTraining((data) => {
      lock(data);
      unreadable(data);
    });
    blocked(result, 65, 'ACCESS_DENIED dataset_info.json', 'EACCES');
  });
});
