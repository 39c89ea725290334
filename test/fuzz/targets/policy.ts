import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { decide } from '../../../src/gateway/guard/decide.ts';
import type { Identity } from '../../../src/gateway/guard/identity.ts';
import { type Policy, parsePolicy } from '../../../src/gateway/guard/policy.ts';
import { PACKAGE_ROOT } from '../../../src/package-root.ts';
import { knownMethods } from '../../gateway/guard/known-methods.ts';
import { BAD_POLICIES, GOOD_POLICIES } from '../../gateway/guard/policy-cases.ts';
import { mutatedText } from '../mutation.ts';
import { type FuzzTarget, orRefusal, same } from '../target.ts';

const CORPUS = [...GOOD_POLICIES.map(([, text]) => text), ...BAD_POLICIES.map(({ text }) => text)];
const TOKENS = [
  'cn:*',
  'cn:',
  'uri:**',
  '- ',
  '  ',
  '[]',
  '{}',
  '? ',
  ': ',
  '&a',
  '*a',
  '<<: ',
  '!!js/function',
  '!!set',
  '---\n',
  '...\n',
  '|\n',
  '>-\n',
  '#',
  '~',
  'where:',
  'limits:',
  'mode: shadow',
  '"*"',
  '%YAML 1.1\n',
  '[[[[',
];

const CALLER: Identity = {
  cn: 'a',
  organizations: ['ACME'],
  organizationalUnits: ['O-RAN-DU'],
  dns: ['gw-1.ran.example'],
  uris: ['spiffe://ran.example/ops/1'],
  emails: ['ops@ran.example'],
  sha256: '0f'.repeat(32),
  serial: '1',
  issuer: 'CN=x',
  notBeforeMs: 0,
  notAfterMs: 1,
};

/** A Tuesday noon, for time windows. */
const NOW_MS = Date.parse('2030-01-01T12:00:00Z');

/** Policies: refused in a sentence with its place, or a policy that means the same however its YAML is written. */
export async function policyTarget(): Promise<FuzzTarget<string>> {
  const file = join(PACKAGE_ROOT, 'docs', 'policy.schema.json');
  const schema = new Ajv2020({ strict: false }).compile(JSON.parse(readFileSync(file, 'utf8')));
  return {
    inputs: mutatedText(CORPUS, TOKENS),
    check: (text) => {
      const policy = orRefusal(() => parsePolicy(text, 'policy.yaml', knownMethods));
      if (policy === undefined) return;
      if (!Object.isFrozen(policy.rules)) throw new Error('it can be changed');
      // An editor with the published schema must not call wrong what the program takes.
      if (!schema(parse(text))) throw new Error(`the schema refuses it: ${JSON.stringify(schema.errors?.[0])}`);
      const again = parsePolicy(JSON.stringify(parse(text)), 'policy.json', knownMethods);
      same('the policy, written as JSON', withoutLines(again), withoutLines(policy));
      for (const method of knownMethods.names()) {
        for (const request of [undefined, {}, { station_id: 'gs-1' }]) {
          const { allow } = decide(policy, CALLER, method, request, NOW_MS);
          same(
            'the decision with the rules in another order',
            decide(turned(policy), CALLER, method, request, NOW_MS).allow,
            allow,
          );
        }
      }
    },
  };
}

function turned<T extends { readonly rules: readonly unknown[] }>(policy: T): T {
  return { ...policy, rules: policy.rules.toReversed() };
}

/** A policy without the lines that its parts stand at. */
function withoutLines(policy: Policy): unknown {
  return JSON.parse(JSON.stringify(policy, (key, value: unknown) => (key === 'line' ? undefined : value)));
}
