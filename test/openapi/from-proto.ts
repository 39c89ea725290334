import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Descriptors, loadDescriptors } from '../../src/descriptors.ts';
import { parseRequestTarget } from '../../src/gateway/routes/path.ts';
import { buildRouteTable, type RouteTable } from '../../src/gateway/routes/table.ts';
import { openApiDocument } from '../../src/openapi/document.ts';
import { type OpenApiDocument, type Operation, operationsOf } from '../../src/openapi/model.ts';
import { documentText } from '../../src/openapi/serialize.ts';
import { PACKAGE_ROOT } from '../../src/package-root.ts';

/** Runs something in a new temporary folder and removes the folder afterwards. */
export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'passband-openapi-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A document and what it was made from. */
export interface Described {
  readonly descriptors: Descriptors;
  readonly routes: RouteTable;
  readonly document: OpenApiDocument;
}

/** Describes descriptors as the command does. */
export function describeApi(descriptors: Descriptors, gatewayPages = true): Described {
  const routes = buildRouteTable(descriptors);
  const options = { title: 'Test', version: '1.2.3', serverUrl: 'https://localhost:8443', gatewayPages };
  return { descriptors, routes, document: openApiDocument(descriptors, routes, options) };
}

/** Describes a proto given as text; a head and the import of annotations are put before it. */
export function fromProto(body: string, head = 'syntax = "proto3"; package odd.v1;'): Promise<Described> {
  return inFolder(async (folder) => {
    const file = join(folder, 'odd.proto');
    await writeFile(file, `${head}\nimport "google/api/annotations.proto";\n${body}`);
    return describeApi(await loadDescriptors({ paths: [file] }));
  });
}

/** One operation with its HTTP method and path. */
export interface Listed {
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}

/** Every operation of a document that stands for an RPC. */
export function rpcOperations(document: OpenApiDocument): Listed[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    operationsOf(item)
      .map(([method, operation]) => ({ path, method, operation }))
      .filter(({ operation }) => operation['x-grpc-method'] !== undefined),
  );
}

/** `METHOD path -> rpc`, sorted: what a document says leads where. */
export function outline(document: OpenApiDocument): string[] {
  return rpcOperations(document)
    .map(({ path, method, operation }) => `${method} ${path} -> ${operation['x-grpc-method']?.split('/')[1]}`)
    .sort();
}

/** The RPC that the gateway's own matcher finds for a request built as the document says. */
export function reached(routes: RouteTable, { path, method }: Listed): string {
  const target = path.replace(/\{[^}]*\}/g, 'x1');
  const match = routes.match(method === '*' ? 'PURGE' : method, parseRequestTarget(target).segments);
  return match.kind === 'route' ? match.route.method.name : match.kind;
}

/** What Redocly's linter finds wrong with a document, and pointers to nothing; empty when all is well. */
export function lint(document: OpenApiDocument): Promise<string> {
  return inFolder(async (folder) => {
    const file = join(folder, 'document.yaml');
    await writeFile(file, documentText(document, 'yaml'));
    return [lintFile(file), ...danglingPointers(document)].filter((line) => line !== '').join('\n');
  });
}

/** Pointers that lead nowhere, also those in members that linters do not follow. */
function danglingPointers(document: OpenApiDocument): string[] {
  const pointers = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/(\w+)\/([^"]+)"/g)];
  return pointers
    .filter(([, kind = '', name = '']) => {
      const components: Readonly<Record<string, object>> = document.components;
      return !Object.hasOwn(components[kind] ?? {}, name);
    })
    .map(([text]) => `dangling ${text}`);
}

/** What Redocly's linter finds wrong with a file, errors and warnings alike; empty when it has nothing to say. */
export function lintFile(file: string): string {
  const redocly = join(PACKAGE_ROOT, 'node_modules', '@redocly', 'cli', 'bin', 'cli.js');
  const config = join(PACKAGE_ROOT, 'redocly.yaml');
  const run = spawnSync(process.execPath, [redocly, 'lint', file, '--config', config, '--format', 'json'], {
    encoding: 'utf8',
    env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true', NODE_OPTIONS: '' },
  });
  const report = JSON.parse(run.stdout) as { problems: readonly { ruleId: string; message: string }[] };
  return report.problems.map(({ ruleId, message }) => `${ruleId}: ${message}`).join('\n');
}
