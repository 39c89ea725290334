import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { serviceDefinition } from '../../src/backend/protos.ts';
import { knownMethods, loadKnownMethods } from '../../src/cli/known-methods.ts';
import { loadDescriptors, PASSBAND_PROTO } from '../../src/descriptors.ts';
import { UsageError } from '../../src/errors.ts';
import { decide } from '../../src/gateway/guard/decide.ts';
import type { Identity } from '../../src/gateway/guard/identity.ts';
import { parsePolicy } from '../../src/gateway/guard/policy.ts';
import { encodeMessage, type Message } from '../../src/gateway/routes/message.ts';
import { viewMessage } from '../../src/gateway/routes/message-view.ts';
import { planOf } from '../../src/gateway/routes/plan.ts';
import { describeProto } from '../support/protos.ts';

describe('what a policy may say of a request', () => {
  const PROTO = `syntax = "proto3"; package test; import "google/api/httpbody.proto"; import "passband/v1/field_options.proto";
    enum Mode { OFF = 0; ON = 1; }
    message Inner { int64 id = 1; double rate = 2 [(passband.v1.sample_rate_hz) = true]; }
    message Request {
      string text = 1; bool flag = 2; Mode mode = 3; optional float gain = 4; bytes data = 5;
      repeated string tags = 6; map<string, string> labels = 7; Inner inner = 8; repeated Inner many = 9;
      oneof choice { uint32 number = 10; string name = 11; }
    }
    message Plain { string text = 1; }
    service S { rpc Ask(Request) returns (Plain); rpc Body(Plain) returns (stream google.api.HttpBody); }`;
  const load = async (): Promise<ReturnType<typeof knownMethods>> => knownMethods(await describeProto(PROTO));

  test.each<[string, Readonly<Record<string, unknown>> | undefined]>([
    ['text', { kind: 'text', presence: false }],
    ['flag', { kind: 'bool', presence: false }],
    [
      'mode',
      {
        kind: 'enum',
        presence: false,
        values: new Map([
          ['OFF', 0],
          ['ON', 1],
        ]),
      },
    ],
    ['gain', { kind: 'number', presence: true }],
    ['inner.id', { kind: 'number', presence: false }],
    ['number', { kind: 'number', presence: true }],
    ['name', { kind: 'text', presence: true }],
    ['data', { kind: 'bytes', presence: false }],
    ['tags', { kind: 'text', presence: true }],
    ['labels', undefined],
    ['labels.key', { kind: 'text', presence: false }],
    ['labels.value', { kind: 'text', presence: false }],
    ['labels.other', undefined],
    ['labels.value.more', undefined],
    ['inner', undefined],
    ['many', undefined],
    ['many.id', { kind: 'number', presence: false }],
    ['text.length', undefined],
    ['constructor', undefined],
    ['nothing', undefined],
  ])('%s', async (path, field) => {
    expect((await load()).field('test.S/Ask', path)).toEqual(field);
  });

  it('of its rates of samples, and where nobody can tell them', async () => {
    const known = await load();
    // A list of messages with a rate in each cannot be held to a cap.
    expect(() => known.sampleRates('test.S/Ask')).toThrow(UsageError);
    expect(known.sampleRates('test.S/Body')).toEqual({ request: [], hidden: true });
    expect((await loadKnownMethods([])).sampleRates('sdr.oran.IQStreamService/StreamIQ')).toEqual({
      request: ['sample_rate'],
      hidden: false,
    });
    expect(known.sampleRates('passband.Gateway/Docs')).toEqual({ request: [], hidden: false });
  });
});

it('a policy says the same of a request at the gateway, by JSON or by protobuf, and at the backend', async () => {
  const { methods } = await loadDescriptors({ paths: [PASSBAND_PROTO] });
  const name = 'sdr.oran.IQStreamService/StartStream';
  const method = methods.get(name);
  const start = serviceDefinition('sdr.oran.IQStreamService').StartStream;
  if (method === undefined || start === undefined) throw new Error('the method is gone');
  const plan = planOf(method.request);
  const known = await loadKnownMethods([]);
  const caller: Identity = {
    cn: 'a',
    organizations: [],
    organizationalUnits: [],
    dns: [],
    uris: [],
    emails: [],
    sha256: '00',
    serial: '01',
    issuer: '',
    notBeforeMs: 0,
    notAfterMs: 1,
  };
  const anyCondition = fc.oneof(
    fc.constantFrom('gs-*', '*', 'a').map((pattern) => `station_id: ["${pattern}"]`),
    fc.constantFrom('NONE', 'ZSTD', 'L*', '1', '7').map((pattern) => `compression: ["${pattern}"]`),
    fc.constantFrom('true', 'false', '*').map((pattern) => `enable_compression: ["${pattern}"]`),
    fc
      .constantFrom('{ max: 1e6 }', '{ min: 0 }', '{ min: 0.5, max: 2e6 }', '["0"]', '["1000000"]')
      .map((test) => `sample_rate: ${test}`),
    fc.constantFrom('{ max: 4096 }', '{ min: 1 }', '["0"]', '["8*"]').map((test) => `batch_size_samples: ${test}`),
  );
  const anyEntry = fc.uniqueArray(anyCondition, { maxLength: 3, selector: (text) => text.split(':')[0] });
  const anyRequest = fc.record(
    {
      stationId: fc.constantFrom('', 'a', 'gs-1', 'x.y'),
      compression: fc.constantFrom('NONE', 'ZSTD', 'LZ4', 0, 1, 7),
      enableCompression: fc.boolean(),
      sampleRate: fc.constantFrom(0, 0.25, 1e6, 2.4e6, 'NaN', 'Infinity', '1e6'),
      batchSizeSamples: fc.constantFrom(0, 1, 4096, 8192, '8192'),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(anyEntry, fc.boolean(), anyRequest, (conditions, isCapped, request) => {
      const where = conditions.length === 0 ? '' : `, where: { ${conditions.join(', ')} }`;
      const limits = isCapped ? ', limits: { maxSampleRateHz: 1e6 }' : '';
      const text = `version: 1\nrules: [{ name: r, subjects: ["cn:a"], allow: [{ methods: ["${name}"]${where}${limits} }] }]`;
      const policy = parsePolicy(text, 'policy.yaml', known);
      const byJson = known.request(name, JSON.stringify(request));
      const bytes = encodeMessage(plan, byJson as Message);
      const views = [byJson, viewMessage(plan, bytes), start.requestDeserialize(bytes) as Record<string, unknown>];
      const answers = views.map((view) => decide(policy, caller, name, view, 0).allow);
      expect(new Set(answers).size).toBe(1);
    }),
    { numRuns: 1000 },
  );
});
