import type { ClientDuplexStream } from '@grpc/grpc-js';
import { afterEach, expect, it } from '@jest/globals';
import { until } from '../support/until.ts';
import { BackendUnderTest, policyOf } from './backend-under-test.ts';

const REFLECTION = 'grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
const at = (host: string): string =>
  `{ methods: ["${REFLECTION}"], where: { host: ["${host}"] }, limits: { concurrentStreams: 1 } }`;
const TWO_RULES = `version: 1
rules:
  - { name: at-a, subjects: ["cn:*"], allow: [${at('a')}] }
  - { name: at-n, subjects: ["cn:*"], allow: [${at('n')}] }
`;
const TWO_ENTRIES = `version: 1
rules:
  - { name: both, subjects: ["cn:*"], allow: [${at('a')}, ${at('n')}] }
`;

let backend: BackendUnderTest;
afterEach(() => backend.stop());

/** Asks for the services at a host, in protobuf. */
const asking = (host: string): Buffer => Buffer.concat([Buffer.from([0x0a, 1]), Buffer.from(`${host}:\u0001*`)]);

/** A stream of questions: how many were answered, and the status it ended with. */
class Questions {
  answers = 0;
  status: string | undefined;
  readonly #stream: ClientDuplexStream<Buffer, Buffer>;

  constructor(stream: ClientDuplexStream<Buffer, Buffer>) {
    this.#stream = stream;
    stream.on('data', () => this.answers++).on('error', () => {});
    stream.on('status', ({ code, details }) => {
      this.status = `${code}: ${details}`;
    });
  }

  /** Asks, and waits for the answer or the end. */
  async ask(host: string): Promise<string | undefined> {
    const before = this.answers;
    this.#stream.write(asking(host));
    await until(
      'an answer',
      () => this,
      ({ answers, status }) => answers > before || status !== undefined,
    );
    return this.status;
  }

  cancel(): void {
    this.#stream.cancel();
  }
}

it.each([
  ['rule', TWO_RULES, 'at-n'],
  ['entry of its rule', TWO_ENTRIES, 'both'],
])('another %s, and is refused when there is no place', async (_what, policy, rule) => {
  backend = await BackendUnderTest.start({ policy: policyOf(policy) });
  const { raw } = await backend.client('sdr.oran.StationService');
  const asIs = (bytes: Buffer): Buffer => bytes;
  const open = (): Questions => new Questions(raw.makeBidiStreamRequest(`/${REFLECTION}`, asIs, asIs));

  const first = open();
  // It may go to and fro, and has one place wherever it is.
  for (const host of ['a', 'n', 'n', 'a', 'n']) expect(await first.ask(host)).toBeUndefined();
  const second = open();
  expect(await second.ask('a')).toBeUndefined();
  expect(await second.ask('n')).toBe('8: no more than 1 streams at one time');
  expect(backend.log).toContainEqual(expect.objectContaining({ audit: 'deny', code: 'RESOURCE_EXHAUSTED', rule }));
  expect(await first.ask('n')).toBeUndefined();
  first.cancel();
});
