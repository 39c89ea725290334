import { Metadata } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { CODES, type Code, codeNumber } from '../../../src/errors.ts';
import { callStatus } from '../../../src/gateway/upstream/status.ts';

const DETAIL = { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'WHY' };

function statusOf(code: number, details: string): ReturnType<typeof callStatus> {
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', Buffer.from('packed'));
  return callStatus({ code, details, metadata }, (bytes) => (bytes.toString() === 'packed' ? [DETAIL] : []));
}

/** Codes that the transport or a crash can leave as well as a service: their text may hold addresses and stacks. */
const GENERIC: readonly Code[] = ['CANCELLED', 'UNKNOWN', 'DEADLINE_EXCEEDED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS'];

describe('a status of the backend', () => {
  it.each(CODES.filter((code) => !GENERIC.includes(code)))('%s keeps its text and details', (code) => {
    expect(statusOf(codeNumber(code), 'no such shelf')).toEqual({
      code,
      message: 'no such shelf',
      details: [DETAIL],
      internal: 'no such shelf',
    });
  });

  it.each(GENERIC)('%s keeps its text for the log only', (code) => {
    const secret = 'connect ECONNREFUSED 10.0.0.7:50051 at /srv/app.js:1';
    const status = statusOf(codeNumber(code), secret);
    expect(status).toMatchObject({ code, details: [], internal: secret });
    expect(status.message).not.toMatch(/10\.0|srv|ECONN/);
    expect(status.message).not.toBe('');
  });

  it.each([7, 16])('with code %d that is about this gateway, and not its caller, is UNAVAILABLE', (code) => {
    const refusal = { '@type': DETAIL['@type'], reason: 'PEER_REFUSED', domain: 'passband', metadata: {} };
    const metadata = new Metadata();
    metadata.set('grpc-status-details-bin', Buffer.from('packed'));
    const why = 'the client certificate has been revoked';
    expect(callStatus({ code, details: why, metadata }, () => [DETAIL, refusal])).toEqual({
      code: 'UNAVAILABLE',
      message: 'the backend does not accept this gateway',
      details: [],
      internal: why,
      isOfGateway: true,
    });
    const another = { ...refusal, domain: 'acme.example' };
    expect(callStatus({ code, details: why, metadata }, () => [another])).toMatchObject({ message: why });
  });

  it('with a code that gRPC has none for is UNKNOWN', () => {
    expect(statusOf(99, 'x').code).toBe('UNKNOWN');
  });

  it('without details has none', () => {
    expect(callStatus({ code: 5, details: '', metadata: new Metadata() }, () => [DETAIL]).details).toEqual([]);
  });
});
