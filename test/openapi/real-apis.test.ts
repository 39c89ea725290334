import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadDescriptors } from '../../src/descriptors.ts';
import { docsPage } from '../../src/openapi/docs-page.ts';
import { describeApi, lint, reached, rpcOperations } from './from-proto.ts';

const GOOGLE_PROTOS = dirname(createRequire(import.meta.url).resolve('google-proto-files/package.json'));

// APIs that this project had no part in: additional bindings, nested variables, fields as bodies, deep messages.
describe('published APIs', () => {
  test.each([
    ['google/example/library/v1', 17],
    ['google/pubsub/v1', 40],
    ['google/cloud/run/v2', 50],
  ])('%s is described whole and without a fault', async (folder, operations) => {
    const paths = [join(GOOGLE_PROTOS, folder)];
    const { document, routes } = describeApi(await loadDescriptors({ paths, includePaths: [GOOGLE_PROTOS] }));
    const listed = rpcOperations(document);
    // Six of the operations are the gateway's own pages.
    expect(listed).toHaveLength(operations - 6);
    expect(listed).toHaveLength(routes.routes.length);
    const page = docsPage(document);
    for (const one of listed) {
      expect(page).toContain(`id="op-${one.operation.operationId}"`);
      expect([one.method, one.path, reached(routes, one)]).toEqual([
        one.method,
        one.path,
        one.operation['x-grpc-method'],
      ]);
    }
    expect(await lint(document)).toBe('');
  });
});
