import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { decide } from '../../src/gateway/guard/decide.ts';
import type { Identity } from '../../src/gateway/guard/identity.ts';
import {
  type FieldTest,
  type KnownMethods,
  type Policy,
  parsePolicy,
  type Rule,
} from '../../src/gateway/guard/policy.ts';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import type { RequestView } from '../../src/request-view.ts';

const POLICY = join(PACKAGE_ROOT, 'test', 'fuzz', 'policies', 'desk.yaml');

/** Fields that are taken to state a sample rate, one at a time: a number of each width, an optional one, nested, in a oneof. */
const RATES: Readonly<Record<string, readonly string[]>> = {
  'fuzz.Desk': ['ratio', 'small', 'n', 'big', 'amount', 'unsigned', 'perhaps', 'code', 'book.pages', 'novel.pages'],
  'fuzz.Lectern': ['explicit', 'implicit', 'delimited.number', 'inner.number'],
};

/** Steps inwards at which paths of fields end; messages may contain themselves. */
const MAX_STEPS = 4;

/** Texts of one field that a rule is written for: matching costs as many patterns as there are values. */
const MAX_PATTERNS = 32;

const CALLER: Identity = {
  cn: 'a',
  organizations: [],
  organizationalUnits: [],
  dns: [],
  uris: [],
  emails: [],
  sha256: '0f'.repeat(32),
  serial: '1',
  issuer: 'CN=x',
  notBeforeMs: 0,
  notAfterMs: 1,
};
const NOW_MS = Date.parse('2030-01-01T12:00:00Z');

/** What somebody reads in a request. */
export interface Reading {
  readonly reader: string;
  readonly request: RequestView;
}

/** Decisions on one request by what several readers find in it. */
export interface Rulings {
  /** Fails where a decision on what the backend reads is another than on what the policy was given. */
  compare(method: string, given: RequestView, readings: readonly Reading[]): void;
}

/** A rule with a condition on one field, and the numbers of its enum by their names. */
interface Template {
  readonly rule: Rule;
  readonly path: readonly string[];
  readonly values: ReadonlyMap<string, number> | undefined;
}

/** Paths to all fields with a value of their own, by what is not the policy's own reading of the protos. */
function leavesOf(desc: DescMessage, steps = MAX_STEPS): string[] {
  if (steps === 0) return [];
  const below = (field: DescField): string[] => {
    if (field.fieldKind === 'map') {
      const values = field.message === undefined ? [''] : leavesOf(field.message, steps - 2).map((path) => `.${path}`);
      return ['.key', ...values.map((path) => `.value${path}`)];
    }
    return field.message === undefined ? [''] : leavesOf(field.message, steps - 1).map((path) => `.${path}`);
  };
  return desc.fields.flatMap((field) => below(field).map((path) => field.name + path));
}

/** All texts that a path leads to. */
function textsAt(at: unknown, [name, ...rest]: readonly string[]): readonly string[] {
  if (at === undefined || at === null) return [];
  if (Array.isArray(at)) return at.flatMap((one) => textsAt(one, name === undefined ? [] : [name, ...rest]));
  if (at instanceof Map) return [...(name === 'key' ? at.keys() : at.values())].flatMap((one) => textsAt(one, rest));
  if (at instanceof Uint8Array) return [Buffer.from(at).toString('hex')];
  if (name === undefined) return [String(at)];
  return textsAt(Reflect.get(Object(at), name), rest);
}

/** A rule for exactly these texts of a field: whoever reads another one in the same bytes has it refused. */
function writtenFor({ rule, values }: Template, texts: readonly string[]): Policy {
  const numbers = texts.map((text) => values?.get(text) ?? Number(text));
  const test: FieldTest =
    values === undefined
      ? { kind: 'patterns', patterns: texts }
      : {
          kind: 'values',
          values: [
            ...numbers.map(String),
            ...[...values].flatMap(([name, one]) => (numbers.includes(one) ? [name] : [])),
          ],
        };
  const allow = rule.allow.map((entry) => ({ ...entry, where: entry.where.map((one) => ({ ...one, test })) }));
  return { delegates: [], rules: [{ ...rule, allow }] };
}

/**
 * @param types of the requests of each service.
 */
export function openRulings(known: KnownMethods, types: Readonly<Record<string, DescMessage>>): Rulings {
  const whole = parsePolicy(readFileSync(POLICY, 'utf8'), POLICY, known);
  const fixed = new Map<string, Policy[]>();
  const templates = new Map<string, Template[]>();
  for (const [service, desc] of Object.entries(types)) {
    const parsed = (rule: string, terms = known): Policy => {
      const about = `name: r, subjects: ["cn:a"], allow: [{ methods: ["${service}/*"], ${rule} }]`;
      return parsePolicy(`version: 1\nrules: [{ ${about} }]`, 'one rule', terms);
    };
    const caps = (RATES[service] ?? []).map((path) =>
      parsed('limits: { maxSampleRateHz: 5 }', {
        ...known,
        sampleRates: () => ({ request: [path], hidden: false }),
      }),
    );
    const alone = whole.rules
      .filter(({ allow }) => allow.some(({ methods }) => methods.includes(`${service}/*`)))
      .map((rule) => ({ delegates: [], rules: [rule] }));
    fixed.set(service, [whole, ...alone, ...caps]);
    const method = [...known.names()].find((name) => name.startsWith(`${service}/`)) ?? '';
    const one = (path: string): Template[] => {
      const field = known.field(method, path);
      if (field === undefined) throw new Error(`the policy knows no ${path} of ${method}`);
      const pattern = { bool: 'true', enum: '0' }[field.kind as string] ?? '*';
      const [rule] = parsed(`where: { "${path}": ["${pattern}"] }`).rules;
      return rule === undefined ? [] : [{ rule, path: path.split('.'), values: field.values }];
    };
    templates.set(service, leavesOf(desc).flatMap(one));
  }
  return {
    compare: (method, given, readings) => {
      const service = method.slice(0, method.indexOf('/'));
      for (const policy of fixed.get(service) ?? []) compareBy(policy, method, given, readings);
      for (const template of templates.get(service) ?? []) {
        const texts = [given, ...readings.map(({ request }) => request)].map((view) => textsAt(view, template.path));
        // Most are read alike.
        const different = new Map(
          texts.map((some) => [JSON.stringify(some), [...new Set(some)].slice(0, MAX_PATTERNS)]),
        );
        for (const some of different.values()) {
          if (some.length > 0) compareBy(writtenFor(template, some), method, given, readings);
        }
      }
    },
  };
}

/** Fails where somebody's reading has another answer. */
function compareBy(policy: Policy, method: string, given: RequestView, readings: readonly Reading[]): void {
  const ours = JSON.stringify(decide(policy, CALLER, method, given, NOW_MS));
  for (const { reader, request } of readings) {
    const theirs = JSON.stringify(decide(policy, CALLER, method, request, NOW_MS));
    if (ours === theirs) continue;
    const [rule] = policy.rules;
    const where = JSON.stringify(rule?.allow[0]?.where);
    throw new Error(
      `decided ${ours}, with what ${reader} reads ${theirs}; the rule is "${rule?.name}", where ${where}`,
    );
  }
}
