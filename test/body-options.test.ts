import { describe, expect, test } from '@jest/globals';
import type { BodyHeader } from '../src/body-options.ts';
import { UsageError } from '../src/errors.ts';
import { describeProto } from './support/protos.ts';

async function headersOf(option: string, answer = 'stream google.api.HttpBody'): Promise<readonly BodyHeader[]> {
  const { methods } = await describeProto(`syntax = "proto3"; package test;
    import "google/api/httpbody.proto"; import "passband/v1/body_options.proto";
    message Request { string id = 1; }
    service S { rpc M(Request) returns (${answer}) { ${option} } }`);
  return methods.get('test.S/M')?.bodyHeaders ?? [];
}

describe('passband.v1.body', () => {
  test('absent or empty, names no header', async () => {
    expect(await headersOf('')).toEqual([]);
    expect(await headersOf('option (passband.v1.body) = {};')).toEqual([]);
  });

  test('names headers in their order, with what they say and what their values are', async () => {
    const option = `option (passband.v1.body) = {
      header: { name: "x-rate" description: "Samples a second." kind: HEADER_KIND_NUMBER }
      header: { name: "x-index" kind: HEADER_KIND_INTEGER }
      header: { name: "content-disposition" description: "A name." kind: HEADER_KIND_UNSPECIFIED }
    };`;
    expect(await headersOf(option)).toEqual([
      { name: 'x-rate', description: 'Samples a second.', kind: 'number' },
      { name: 'x-index', description: '', kind: 'integer' },
      { name: 'content-disposition', description: 'A name.', kind: 'text' },
    ]);
    const one = 'option (.passband.v1.body).header = { name: "x-one" };';
    expect(await headersOf(one)).toEqual([{ name: 'x-one', description: '', kind: 'text' }]);
  });

  const MAY_NOT =
    'is none that a backend may ask for; name content-disposition, or one that begins with x-, in lower case';
  test.each([
    ['header: { name: "set-cookie" }', `header "set-cookie" ${MAY_NOT}`],
    ['header: { name: "X-Rate" }', `header "X-Rate" ${MAY_NOT}`],
    ['header: { name: "x-accel-redirect" }', `header "x-accel-redirect" ${MAY_NOT}`],
    ['header: { name: "x-a b" }', `header "x-a b" ${MAY_NOT}`],
    ['header: { description: "Nothing." }', `header "undefined" ${MAY_NOT}`],
    ['header: { name: "x-a" } header: { name: "x-a" }', 'header x-a is named twice'],
    ['header: { name: "x-a" kind: HEADER_KIND_DATE }', 'unknown kind HEADER_KIND_DATE of x-a'],
    ['header: { name: "x-a" kind: toString }', 'unknown kind toString of x-a'],
    ['header: { name: "x-a" description: 5 }', 'description of x-a must be one string'],
    ['header: { name: "x-a" value: "b" }', 'header has no field "value"'],
    ['header: "x-a"', 'header must be a message with a name'],
    ['headers: { name: "x-a" }', 'has no field "headers"'],
  ])('refuses { %s }', async (fields, message) => {
    const refused = headersOf(`option (passband.v1.body) = { ${fields} };`);
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow(/^test\.S\/M: \(passband\.v1\.body\)/);
    await expect(refused).rejects.toThrow(message);
  });

  test.each(['google.api.HttpBody', 'stream Request', 'Request'])('is not for an answer of %s', async (answer) => {
    await expect(headersOf('option (passband.v1.body) = { header: { name: "x-a" } };', answer)).rejects.toThrow(
      'test.S/M: (passband.v1.body) is for methods that answer with a stream of google.api.HttpBody',
    );
  });
});
