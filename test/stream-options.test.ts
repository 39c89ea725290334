import { describe, expect, test } from '@jest/globals';
import { UsageError } from '../src/errors.ts';
import type { StreamOptions } from '../src/stream-options.ts';
import { describeProto } from './support/protos.ts';

const MESSAGES = `
message Request { string id = 1; uint64 after = 2; repeated int32 many = 3; uint64 since = 4; string era = 5; sint32 signed = 6; }
message Response { string name = 1; int64 sequence = 2; double ratio = 3; repeated int64 list = 4; Response inner = 5; map<string, int32> map = 6; bool flag = 7; fixed64 epoch = 8; }`;

async function streamOptions(options: string): Promise<StreamOptions | undefined> {
  const { methods } =
    await describeProto(`syntax = "proto3"; package test; import "passband/v1/stream_options.proto"; ${MESSAGES}
    service S { rpc M(Request) returns (stream Response) { ${options} } }`);
  return methods.get('test.S/M')?.stream;
}

describe('passband.v1.stream', () => {
  test('absent, everything has its default', async () => {
    expect(await streamOptions('')).toEqual({
      idField: undefined,
      resumeField: undefined,
      beginFields: [],
      contiguousIds: false,
      shareable: false,
      overflow: 'block',
      allowedOverflow: new Set(['block']),
    });
  });

  test('complete', async () => {
    const given = `option (passband.v1.stream) = { id_field: "sequence" resume_field: "after" contiguous_ids: true shareable: true
      overflow: OVERFLOW_DROP_OLDEST allowed_overflow: [OVERFLOW_BLOCK, OVERFLOW_LATEST] };`;
    expect(await streamOptions(given)).toEqual({
      idField: 'sequence',
      resumeField: 'after',
      beginFields: ['after'],
      contiguousIds: true,
      shareable: true,
      overflow: 'drop-oldest',
      allowedOverflow: new Set(['drop-oldest', 'block', 'latest']),
    });
  });

  test.each<[string, Partial<StreamOptions>]>([
    [
      'option (passband.v1.stream) = { id_field: "sequence" resume_field: "after" epoch_field: "epoch" resume_epoch_field: "since" };',
      { idField: 'sequence', resumeField: 'after', epochField: 'epoch', resumeEpochField: 'since' },
    ],
    [
      'option (passband.v1.stream) = { id_field: "sequence" resume_field: "after" epoch_field: "name" resume_epoch_field: "era" };',
      { epochField: 'name', resumeEpochField: 'era' },
    ],
    [
      'option (passband.v1.stream) = { id_field: "sequence" epoch_field: "epoch" };',
      { epochField: 'epoch', resumeEpochField: undefined },
    ],
    [
      'option (.passband.v1.stream).id_field = "name"; option (passband.v1.stream).shareable = true;',
      { idField: 'name', shareable: true },
    ],
    ['option (passband.v1.stream) = { overflow: OVERFLOW_UNSPECIFIED };', { overflow: 'block' }],
    [
      'option (passband.v1.stream) = { allowed_overflow: OVERFLOW_LATEST };',
      { allowedOverflow: new Set(['block', 'latest'] as const) },
    ],
    [
      'option (passband.v1.stream) = { allowed_overflow: OVERFLOW_LATEST allowed_overflow: OVERFLOW_BLOCK };',
      { allowedOverflow: new Set(['block', 'latest'] as const) },
    ],
    ['option (passband.v1.stream) = { shareable: false };', { shareable: false }],
    [
      'option (passband.v1.stream) = { id_field: "sequence" resume_field: "after" begin_fields: "era" };',
      { beginFields: ['after', 'era'] },
    ],
    ['option (passband.v1.stream) = { begin_fields: ["after", "era"] };', { beginFields: ['after', 'era'] }],
  ])('%s', async (options, expected) => {
    expect(await streamOptions(options)).toMatchObject(expected);
  });

  test.each([
    ['id_field: "nope"', 'id_field "nope" is no field of .test.Response'],
    ['id_field: "constructor"', 'id_field "constructor" is no field'],
    ['id_field: "ratio"', 'id_field "ratio" must be one string or integer'],
    ['id_field: "flag"', 'must be one string or integer'],
    ['id_field: "list"', 'must be one string or integer'],
    ['id_field: "inner"', 'must be one string or integer'],
    ['id_field: "map"', 'must be one string or integer'],
    ['id_field: 5', 'id_field "5" is no field'],
    ['id_field: "sequence" resume_field: "nope"', 'resume_field "nope" is no field of .test.Request'],
    ['id_field: "sequence" resume_field: "many"', 'must be one string or integer'],
    ['resume_field: "after"', 'resume_field needs an id_field'],
    ['id_field: "name" resume_field: "after"', '"name" and "after" must both be strings or both be integers'],
    ['epoch_field: "epoch"', 'epoch_field needs an id_field'],
    ['id_field: "sequence" epoch_field: "nope"', 'epoch_field "nope" is no field of .test.Response'],
    ['id_field: "sequence" epoch_field: "sequence"', 'epoch "sequence" must be one string or unsigned integer'],
    ['id_field: "sequence" epoch_field: "ratio"', 'must be one string or integer'],
    [
      'id_field: "sequence" epoch_field: "epoch" resume_epoch_field: "since"',
      'resume_epoch_field needs a resume_field',
    ],
    ['id_field: "sequence" resume_field: "after" resume_epoch_field: "since"', 'and an epoch_field'],
    ['id_field: "sequence" resume_field: "after" epoch_field: "epoch"', 'need a resume_epoch_field'],
    [
      'id_field: "sequence" resume_field: "after" epoch_field: "epoch" resume_epoch_field: "era"',
      '"epoch" and "era" must both be strings or both be integers',
    ],
    [
      'id_field: "sequence" resume_field: "after" epoch_field: "epoch" resume_epoch_field: "signed"',
      'epoch "signed" must be one string or unsigned integer',
    ],
    ['begin_fields: "nope"', 'begin_fields "nope" is no field of .test.Request'],
    ['begin_fields: ["after", 5]', 'begin_fields "5" is no field'],
    ['contiguous_ids: true', 'contiguous_ids needs an integer id_field'],
    ['id_field: "name" contiguous_ids: true', 'contiguous_ids needs an integer id_field'],
    ['overflow: OVERFLOW_NEVER', 'unknown overflow OVERFLOW_NEVER'],
    ['overflow: 2', 'unknown overflow 2'],
    ['allowed_overflow: [OVERFLOW_BLOCK, nope]', 'unknown overflow nope'],
    ['id_feild: "sequence"', 'has no field "id_feild"'],
    ['shareable: "yes"', 'shareable must be true or false'],
  ])('refuses { %s }', async (fields, why) => {
    const loading = streamOptions(`option (passband.v1.stream) = { ${fields} };`);
    await expect(loading).rejects.toThrow(UsageError);
    await expect(loading).rejects.toThrow(`test.S/M: (passband.v1.stream)`);
    await expect(loading).rejects.toThrow(why);
  });

  test('refuses being given twice', async () => {
    const twice =
      'option (passband.v1.stream) = { shareable: true }; option (passband.v1.stream) = { shareable: true };';
    await expect(streamOptions(twice)).rejects.toThrow('option (passband.v1.stream) is given more than once');
  });
});
