import { matchesMethod, methodPatternFault, patternFault } from './pattern.ts';
import type { Entry, FieldCondition, KnownMethods, Limits, Policy, Rule } from './policy.ts';
import { readYaml, type YamlValue } from './policy-file.ts';
import { SUBJECT_KINDS, type Subject } from './subject.ts';

/** Characters of a rule's name, which goes into every log line. */
const MAX_RULE_NAME_CHARACTERS = 64;

/** Field names of a proto joined by dots. */
const FIELD_PATH = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/;

/**
 * Parses a policy (YAML 1.2) and checks every part of it against what there is to be allowed.
 *
 * @param file name for error messages.
 * @throws UsageError `FILE:LINE:COL: what is wrong; remedy` for the first mistake.
 */
export function parsePolicy(text: string, file: string, known: KnownMethods): Policy {
  const root = readYaml(text, file);
  const members = root.members(['version', 'rules'], ['delegates']);
  const version = members.version;
  if (version.integer() !== 1) version.fail('the file has a version that this program does not read; write version: 1');
  const delegates = members.delegates?.items().map(parseSubject) ?? [];
  const names = [...known.names()];
  const rules: Rule[] = [];
  for (const item of members.rules.items()) {
    rules.push(parseRule(item, new Set(rules.map(({ name }) => name)), names, known));
  }
  return freeze({ delegates, rules });
}

function parseRule(item: YamlValue, taken: ReadonlySet<string>, names: readonly string[], known: KnownMethods): Rule {
  const members = item.members(['name', 'subjects', 'allow'], ['mode']);
  const name = members.name.text();
  if (!/^[^\p{Cc}\p{Cs}]+$/u.test(name) || name.trim() === '' || name.length > MAX_RULE_NAME_CHARACTERS) {
    members.name.fail(`the rule's name is not one; write 1 to ${MAX_RULE_NAME_CHARACTERS} printable characters`);
  }
  if (taken.has(name)) members.name.fail(`rule "${name}" is there twice; give each rule a name of its own`);
  const subjects = members.subjects.items().map(parseSubject);
  const allow = members.allow.items().map((entry) => parseEntry(entry, names, known));
  const mode = members.mode;
  if (mode !== undefined && mode.text() !== 'shadow') {
    mode.fail(`mode "${mode.text()}" is unknown; write shadow, or remove mode to enforce the rule`);
  }
  if (mode !== undefined && allow.every(({ where }) => where.length === 0)) {
    mode.fail(
      'has nothing to try out: mode: shadow suspends the where of a rule that has none; add where, or remove mode',
    );
  }
  return { name, shadow: mode !== undefined, subjects, allow, line: item.line };
}

function parseSubject(item: YamlValue): Subject {
  const text = item.text();
  const colon = text.indexOf(':');
  const kind = SUBJECT_KINDS.find((candidate) => candidate === text.slice(0, Math.max(colon, 0)));
  if (kind === undefined) {
    return item.fail(`subject "${text}" has no known prefix; write one of ${SUBJECT_KINDS.join(':, ')}: in front`);
  }
  const pattern = text.slice(colon + 1);
  if (kind === 'sha256') {
    if (!/^[0-9a-f]{64}$/.test(pattern))
      item.fail('subject sha256: wants 64 lower-case hex digits; remove colons and capitals');
  } else {
    const fault = patternFault(pattern, kind === 'uri');
    if (fault !== undefined) item.fail(`subject "${text}" ${fault}`);
  }
  return { kind, pattern };
}

function parseEntry(item: YamlValue, names: readonly string[], known: KnownMethods): Entry {
  const members = item.members(['methods'], ['where', 'limits']);
  const methods = members.methods.items().map((method) => parseMethod(method, names));
  const matched = names.filter((name) => methods.some((pattern) => matchesMethod(pattern, name)));
  const where = members.where?.entries().map(([key, value]) => parseCondition(key, value, matched, known)) ?? [];
  return { methods, where, when: [], limits: parseLimits(members.limits), sampleRates: {}, line: item.line };
}

function parseMethod(item: YamlValue, names: readonly string[]): string {
  const pattern = item.text();
  const fault = methodPatternFault(pattern);
  if (fault !== undefined) item.fail(`"${pattern}" ${fault}`);
  if (!names.some((name) => matchesMethod(pattern, name))) {
    const service = `${pattern.slice(0, pattern.indexOf('/'))}/`;
    const siblings = names.filter((name) => name.startsWith(service));
    const services = new Set(names.map((name) => `${name.slice(0, name.indexOf('/'))}/*`));
    const choice = siblings.length > 0 ? siblings : [...services];
    item.fail(`"${pattern}" is no known method; there are ${choice.join(', ')}`);
  }
  return pattern;
}

function parseCondition(
  key: YamlValue,
  value: YamlValue,
  methods: readonly string[],
  known: KnownMethods,
): FieldCondition {
  const fieldPath = key.text();
  if (!FIELD_PATH.test(fieldPath)) key.fail(`"${fieldPath}" is not a field; write proto field names joined by dots`);
  const without = methods.find((method) => known.field(method, fieldPath) === undefined);
  if (without !== undefined) {
    key.fail(`${without} has no field "${fieldPath}"; correct it, or move that method to an entry without it`);
  }
  const patterns = value.items().map((item) => {
    const pattern = item.text();
    const fault = patternFault(pattern, false);
    if (fault !== undefined) item.fail(`"${pattern}" ${fault}`);
    return pattern;
  });
  return { path: fieldPath.split('.'), test: { kind: 'patterns', patterns }, absent: undefined };
}

function parseLimits(item: YamlValue | undefined): Limits {
  if (item === undefined) return {};
  const members = item.members([], ['concurrentStreams', 'requestsPerMinute']);
  const limits: { concurrentStreams?: number; requestsPerMinute?: number } = {};
  for (const key of ['concurrentStreams', 'requestsPerMinute'] as const) {
    const limit = members[key]?.integer();
    if (limit === undefined) continue;
    if (limit < 1) members[key]?.fail(`${key} is ${limit}; write a positive number, or remove the rule to deny`);
    limits[key] = limit;
  }
  return limits;
}

/** Freezes a value of plain objects and lists all the way down. */
function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const part of Object.values(Object.freeze(value))) freeze(part);
  return value;
}
