import { describe, expect, it } from '@jest/globals';
import { upstreamMetadata } from '../../../src/gateway/upstream/metadata.ts';
import { IDENTITY_METADATA } from '../../../src/identity-metadata.ts';

/** What the backend would see, besides the two entries that are always there. */
function passedOn(headers: Readonly<Record<string, string | string[]>>): Record<string, unknown> {
  const {
    'x-request-id': id,
    [IDENTITY_METADATA]: identity,
    ...rest
  } = upstreamMetadata(headers, 'r-1', '{}').getMap();
  expect([id, identity]).toEqual(['r-1', '{}']);
  return rest;
}

describe('headers', () => {
  it.each([
    ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
    ['tracestate', 'vendor=1'],
  ])('%s goes on as it is', (name, value) => {
    expect(passedOn({ [name]: value })).toEqual({ [name]: value });
  });

  it('with the prefix go on without it', () => {
    expect(passedOn({ 'grpc-metadata-tenant': 'acme', 'grpc-metadata-x-b3-traceid': '1' })).toEqual({
      tenant: 'acme',
      'x-b3-traceid': '1',
    });
  });

  it('given several times go on several times', () => {
    const metadata = upstreamMetadata({ 'grpc-metadata-a': ['1', '2'] }, 'r', '{}');
    expect(metadata.get('a')).toEqual(['1', '2']);
  });

  it('of binary metadata are base64', () => {
    expect(passedOn({ 'grpc-metadata-trace-bin': 'AAH/' })).toEqual({ 'trace-bin': Buffer.from([0, 1, 255]) });
  });
});

const NEVER = [
  'accept',
  'authorization',
  'cookie',
  'host',
  'user-agent',
  'connection',
  'te',
  'x-forwarded-for',
  'x-forwarded-client-cert',
  'forwarded',
  'client-cert',
  'client-cert-chain',
  'x-client-cert',
  'x-ssl-client-cn',
  'ssl-client-verify',
  'grpc-timeout',
  'grpc-encoding',
  'content-type',
  'x-anything-else',
  IDENTITY_METADATA,
];

describe('what steers, or claims an identity,', () => {
  it.each(NEVER)('%s does not go on', (name) => {
    expect(passedOn({ [name]: 'forged' })).toEqual({});
  });

  it.each(NEVER.filter((name) => name !== 'accept' && name !== 'x-anything-else'))(
    'grpc-metadata-%s does not go on either',
    (name) => {
      expect(passedOn({ [`grpc-metadata-${name}`]: 'forged' })).toEqual({});
    },
  );

  it.each([
    'grpc-metadata-x-passband-identity',
    'grpc-metadata-x-passband-identity-bin',
    'grpc-metadata-x-passband-anything',
    'grpc-metadata-grpc-status',
    'grpc-metadata-:path',
    'grpc-metadata-',
    'grpc-metadata-grpc-metadata-x-passband-identity',
  ])('%s does not go on', (name) => {
    expect(passedOn({ [name]: 'forged' })).toEqual({});
  });

  it('is set by the gateway alone, whatever the caller sends', () => {
    const metadata = upstreamMetadata(
      { 'x-request-id': 'forged', [IDENTITY_METADATA]: 'forged', 'grpc-metadata-x-request-id': 'forged' },
      'r-1',
      '{"cn":"real"}',
    );
    expect(metadata.get('x-request-id')).toEqual(['r-1']);
    expect(metadata.get(IDENTITY_METADATA)).toEqual(['{"cn":"real"}']);
  });
});

describe('values', () => {
  it.each(['ü', 'a\tb', '\u0000', 'a\u007f'])('that gRPC cannot carry are left out: %j', (value) => {
    expect(passedOn({ 'grpc-metadata-a': value, 'grpc-metadata-b': 'ok' })).toEqual({ b: 'ok' });
  });

  it('of more than 4 KiB in all are left out from there on', () => {
    const headers = Object.fromEntries(
      Array.from({ length: 8 }, (_, i) => [`grpc-metadata-h${i}`, 'x'.repeat(1_000)] as const),
    );
    expect(Object.keys(passedOn(headers))).toEqual(['h0', 'h1', 'h2', 'h3']);
  });
});
