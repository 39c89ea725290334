import { matchesMethod, methodPatternFault } from './pattern.ts';
import type { Entry, KnownMethods, Policy, Rule } from './policy.ts';
import { readYaml, type YamlValue } from './policy-file.ts';
import { parseLimits } from './policy-limits.ts';
import { parseDelegates, parseSubjects } from './policy-subjects.ts';
import { parseWhen } from './policy-when.ts';
import { parseWhere } from './policy-where.ts';

/** Characters of a rule's name, which goes into every log line. */
const MAX_RULE_NAME_CHARACTERS = 64;

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
  const delegates = members.delegates === undefined ? [] : parseDelegates(members.delegates);
  const names = [...known.names()];
  const taken = new Set<string>();
  const rules = members.rules.items().map((item) => {
    const rule = parseRule(item, taken, names, known);
    taken.add(rule.name);
    return rule;
  });
  return freeze({ delegates, rules });
}

function parseRule(item: YamlValue, taken: ReadonlySet<string>, names: readonly string[], known: KnownMethods): Rule {
  const members = item.members(['name', 'subjects', 'allow'], ['mode']);
  const name = members.name.text();
  if (!/^[^\p{Cc}\p{Cs}]+$/u.test(name) || name.trim() === '' || name.length > MAX_RULE_NAME_CHARACTERS) {
    members.name.fail(`the rule's name is not one; write 1 to ${MAX_RULE_NAME_CHARACTERS} printable characters`);
  }
  if (taken.has(name)) members.name.fail(`rule "${name}" is there twice; give each rule a name of its own`);
  const subjects = parseSubjects(members.subjects);
  const allow = members.allow.items().map((entry, at) => parseEntry(entry, `${at + 1} ${name}`, names, known));
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

function parseEntry(item: YamlValue, id: string, names: readonly string[], known: KnownMethods): Entry {
  const members = item.members(['methods'], ['where', 'when', 'limits']);
  const methods = members.methods.items().map((method) => parseMethod(method, names));
  const matched = names.filter((name) => methods.some((pattern) => matchesMethod(pattern, name)));
  return {
    id,
    methods,
    where: members.where === undefined ? [] : parseWhere(members.where, matched, known),
    when: members.when === undefined ? [] : parseWhen(members.when),
    ...parseLimits(members.limits, matched, known),
    line: item.line,
  };
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

/** Freezes a value of plain objects and lists all the way down; maps have no such thing. */
function freeze<T>(value: T): T {
  if (Object.isFrozen(value)) return value;
  if (typeof value === 'object' && value !== null) for (const part of Object.values(Object.freeze(value))) freeze(part);
  return value;
}
