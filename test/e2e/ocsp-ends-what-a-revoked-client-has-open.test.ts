// needs: openssl
import { credentials, Metadata, makeGenericClientConstructor } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { IssuedCertificate } from '../../src/pki/authority.ts';
import { FrameReader } from '../support/frames.ts';
import { type Caller, callerOf } from '../support/https.ts';
import { type Responder, startResponder } from '../support/ocsp-responder.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
let responder: Responder;
const known = { good: [] as string[], revoked: [] as string[] };
const callers: Caller[] = [];

beforeAll(async () => {
  stack = await startStack({ flags: { ocsp: 'prefer', 'ocsp-timeout': '20' } });
  responder = await startResponder(await stack.pki.pair('ca'), known);
  // Without a next update in them, answers are believed for the least time that any is.
  responder.behaviour.args = [];
});
afterAll(async () => {
  for (const caller of callers) await caller.close();
  await responder?.close();
  await stack?.close();
});

async function newClient(): Promise<IssuedCertificate> {
  const extensions = `authorityInfoAccess=OCSP;URI:${responder.url}\nextendedKeyUsage=clientAuth\n`;
  const certificate = await responder.issue(extensions, 'oran-client');
  known.good.push(certificate.certPem);
  return certificate;
}

const IQ = '/v1/stations/sim-1/iq?batch_size_samples=8192&datatype=ci8';

/** A stream straight from the backend; resolves with the status that ends it, once it has begun. */
async function directStream({ certPem, keyPem }: IssuedCertificate): Promise<{ readonly ended: Promise<string> }> {
  const asIs = (bytes: Buffer): Buffer => bytes;
  const path = '/sdr.oran.IQStreamService/SubscribeIQ';
  const definition = {
    path,
    requestStream: false,
    responseStream: true,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  };
  const Client = makeGenericClientConstructor({ Subscribe: definition }, 'IQ');
  const tls = credentials.createSsl(Buffer.from(stack.pki.caPem), Buffer.from(keyPem), Buffer.from(certPem));
  const client = new Client(`localhost:${stack.backendPort}`, tls);
  // station_id = "sim-1"
  const request = Buffer.from('0a0573696d2d31', 'hex');
  const call = client.makeServerStreamRequest(path, asIs, asIs, request, new Metadata());
  call.on('error', () => {});
  const ended = new Promise<string>((resolve) => {
    call.on('status', ({ code, details }) => {
      client.close();
      resolve(`${code}: ${details}`);
    });
  });
  await new Promise((resolve) => call.once('data', resolve));
  return { ended };
}

it('at the gateway and at the backend, and nothing of anybody else', async () => {
  const [revoked, neighbour] = [await newClient(), await newClient()];
  const [revokedCaller, neighbourCaller] = [revoked, neighbour].map((pair) => {
    const caller = callerOf(stack.gatewayUrl, stack.pki.caPem, pair);
    callers.push(caller);
    return caller;
  }) as [Caller, Caller];
  const lost = new FrameReader(await revokedCaller.events(IQ));
  const kept = new FrameReader(await neighbourCaller.events(IQ));
  // From here on: who does not read for seconds loses frames, whatever becomes of others.
  const reading = kept.until(() => lost.end !== undefined);
  const direct = await directStream(revoked);
  await lost.until(() => lost.frames.length >= 3);

  known.good.splice(known.good.indexOf(revoked.certPem), 1);
  known.revoked.push(revoked.certPem);
  await lost.until(() => false);
  const status = { code: 16, message: 'the client certificate has been revoked', details: [] };
  expect(lost.end?.status).toEqual(status);
  expect(await direct.ended).toBe(`16: ${status.message}`);
  await reading;
  expect({ gaps: kept.gaps, end: kept.end }).toEqual({ gaps: [], end: undefined });
  kept.stop();
});
