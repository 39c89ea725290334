import { join } from 'node:path';
import type { Config } from '../config.ts';
import { type Descriptors, descriptorsOf, ERROR_DETAILS_PROTO, loadDescriptors } from '../descriptors.ts';
import { UsageError } from '../errors.ts';
import type { Policy } from '../gateway/guard/policy.ts';
import { PAGES } from '../gateway/pages.ts';
import { buildRouteTable, type RouteTable } from '../gateway/routes/table.ts';
import { refuseNearlyDead } from '../trust/expiry-watch.ts';
import { loadMaterial } from '../trust/material.ts';
import { knownMethods, loadKnownMethods } from './known-methods.ts';
import { loadPolicy } from './policy.ts';
import { revocationOptions } from './reloadables.ts';

/** The pairs of a gateway: what it shows to callers, and what it shows to the backend. */
export const GATEWAY_PAIRS = ['server', 'gateway'] as const;

/** What a gateway reads once and for all; its policy and its certificates are read again when they change. */
export interface GatewayFiles {
  readonly descriptors: Descriptors;
  /** google.rpc's error details, which any backend may send. */
  readonly errorTypes: Descriptors;
  readonly table: RouteTable;
}

/** The pair of a backend. */
export const BACKEND_PAIRS = ['backend'] as const;

/** The policy file of a program. */
export function policyFile(config: Config): string {
  return config.policy ?? join(config.certs, 'policy.yaml');
}

/**
 * Reads and proves all files of a gateway, before anything is opened.
 *
 * @throws UsageError naming the file and the remedy.
 */
export async function readGatewayFiles(config: Config): Promise<GatewayFiles> {
  const descriptors = await descriptorsOf(config.proto, config.protoPath);
  const errorTypes = await loadDescriptors({ paths: [ERROR_DETAILS_PROTO] });
  const table = buildRouteTable(descriptors);
  refuseHiddenRoutes(table);
  await gatewayPolicy(config, descriptors);
  refuseNearlyDead(await loadMaterial(config.certs, GATEWAY_PAIRS, revocationOptions(config)), config.minDays);
  return { descriptors, errorTypes, table };
}

/**
 * Reads and proves all files of a backend, before anything is opened. It keeps none: all of them are read again when they
 * change.
 *
 * @throws UsageError naming the file and the remedy.
 */
export async function proveBackendFiles(config: Config): Promise<void> {
  await loadPolicy(policyFile(config), await loadKnownMethods([]));
  refuseNearlyDead(await loadMaterial(config.certs, BACKEND_PAIRS, revocationOptions(config)), config.minDays);
}

/**
 * The policy of a gateway; where it is the certs folder's and the protos are others, a mistake in it is most likely that.
 *
 * @throws UsageError naming the file, and for what is in it the line and column.
 */
export async function gatewayPolicy(config: Config, descriptors: Descriptors): Promise<Policy> {
  try {
    return await loadPolicy(policyFile(config), knownMethods(descriptors));
  } catch (error) {
    if (!(error instanceof UsageError) || config.policy !== undefined || config.proto.length === 0) throw error;
    throw new UsageError(`${error.message}; name a policy for the protos of --proto with --policy`, { cause: error });
  }
}

/** The gateway's own pages come first; an RPC bound to exactly such a path could never be called. */
function refuseHiddenRoutes(table: RouteTable): void {
  for (const { method, httpMethod, template } of table.routes) {
    const path = `/${template.segments.map((segment) => (segment.kind === 'literal' ? segment.text : '*')).join('/')}`;
    if (template.verb === undefined && PAGES.some((page) => page.path === path)) {
      throw new UsageError(`${method.name} binds ${httpMethod} ${path}, which is a page of the gateway itself`);
    }
  }
}
