import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { loadDescriptors, PASSBAND_PROTO } from '../../src/descriptors.ts';
import { openApiDocument } from '../../src/openapi/document.ts';
import { documentText, GENERATED_BY } from '../../src/openapi/serialize.ts';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { type Described, describeApi, lintFile, reached, rpcOperations } from './from-proto.ts';

const COMMITTED = join(PACKAGE_ROOT, 'openapi', 'passband.yaml');

describe("the description of Passband's own API", () => {
  let described: Described;
  beforeAll(async () => {
    described = describeApi(await loadDescriptors({ paths: [PASSBAND_PROTO] }));
  });
  const operation = (id: string) => {
    const found = rpcOperations(described.document).find(({ operation }) => operation.operationId === id);
    if (found === undefined) throw new Error(`no operation ${id}`);
    return found.operation;
  };

  test('is committed as the protos say it', async () => {
    const { version } = JSON.parse(await readFile(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as { version: string };
    const options = { title: 'Passband', version, serverUrl: 'https://localhost:8443', gatewayPages: true };
    const current = documentText(openApiDocument(described.descriptors, described.routes, options), 'yaml');
    const committed = await readFile(COMMITTED, 'utf8');
    expect(committed === current ? 'current' : `out of date: run \`npx passband openapi -o ${COMMITTED}\``).toBe(
      'current',
    );
    expect(committed.split('\n')[0]).toBe(GENERATED_BY);
  });

  test('has nothing that a linter minds', () => {
    expect(lintFile(COMMITTED)).toBe('');
  });

  test('has an operation for every route, and every operation leads to its RPC', () => {
    const operations = rpcOperations(described.document);
    expect(operations.map(({ operation }) => operation['x-grpc-method']).sort()).toEqual(
      described.routes.routes.map(({ method }) => method.name).sort(),
    );
    for (const listed of operations) {
      expect(`${listed.method} ${listed.path} ${reached(described.routes, listed)}`).toBe(
        `${listed.method} ${listed.path} ${listed.operation['x-grpc-method']}`,
      );
    }
  });

  test('asks for a client certificate everywhere', () => {
    expect(described.document.security).toEqual([{ mutualTLS: [] }]);
    expect(described.document.components.securitySchemes.mutualTLS.type).toBe('mutualTLS');
  });

  test('lists the pages of the gateway', () => {
    for (const page of ['/', '/docs', '/openapi.json', '/whoami', '/healthz', '/readyz']) {
      expect([page, described.document.paths[page]?.get?.tags]).toEqual([page, ['Gateway']]);
    }
  });

  test('says how a stream is read, resumed and thinned', () => {
    const { parameters = [], responses } = operation('IQStreamService_SubscribeIQ');
    const named = parameters.flatMap((parameter) => ('name' in parameter ? [`${parameter.in} ${parameter.name}`] : []));
    expect(named).toEqual([
      'path station_id',
      'query datatype',
      'query batchSizeSamples',
      'query afterSequence',
      'query start',
      'query frequencyOffsetHz',
      'query outputRate',
      'query afterTimeNs',
      'query afterEpoch',
      'header Last-Event-ID',
      'query lastEventId',
      'query overflow',
    ]);
    const overflow = parameters.find((parameter) => 'name' in parameter && parameter.name === 'overflow');
    expect(overflow).toMatchObject({ schema: { enum: ['drop-oldest', 'block', 'latest'], default: 'drop-oldest' } });
    const frame = { $ref: '#/components/schemas/sdr.oran.IQFrame' };
    expect(responses['200']).toMatchObject({
      content: {
        'text/event-stream': { schema: { type: 'string' }, 'x-itemSchema': frame },
        'application/x-ndjson': { 'x-itemSchema': frame },
        'application/jsonl': { 'x-itemSchema': frame },
        'application/json': { schema: { type: 'array', items: frame } },
        'application/x-protobuf': {},
      },
    });
    expect(Object.keys(responses)).toContain('204');
  });

  test('takes what the path gives out of the body', () => {
    const schema = operation('IQStreamService_StartStream').requestBody?.content['application/json']?.schema;
    expect(Object.keys(schema?.properties ?? {})).toEqual([
      'band',
      'centerFrequencyHz',
      'sampleRate',
      'batchSizeSamples',
      'enableCompression',
      'compression',
      'gainDb',
      'automaticGain',
      'frequencyCorrectionPpm',
    ]);
  });

  test('knows streams of requests and raw bodies', () => {
    const push = operation('IQStreamService_StreamIQ').requestBody;
    expect(push).toMatchObject({ required: true });
    expect(Object.keys(push?.content ?? {})).toEqual([
      'application/x-ndjson',
      'application/jsonl',
      'application/x-protobuf',
    ]);
    expect(operation('IQStreamService_DownloadIQ').responses['200']).toMatchObject({
      content: { '*/*': { schema: { format: 'binary' } } },
    });
  });

  test('answers every error as a problem', () => {
    for (const {
      operation: { operationId, responses },
    } of rpcOperations(described.document)) {
      for (const [status, response] of Object.entries(responses).filter(([code]) => !code.startsWith('2'))) {
        const name = '$ref' in response ? response.$ref.replace('#/components/responses/', '') : '';
        const content = described.document.components.responses[name]?.content;
        expect([operationId, status, content]).toEqual([
          operationId,
          status,
          { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        ]);
      }
      expect(Object.keys(responses)).toEqual(expect.arrayContaining(['400', '401', '403', '404', 'default']));
    }
  });

  test('is the same data in YAML and JSON', () => {
    const { document } = described;
    expect(parse(documentText(document, 'yaml'))).toEqual(JSON.parse(documentText(document, 'json')));
    expect(JSON.parse(documentText(document, 'json'))).toEqual(document);
  });
});
