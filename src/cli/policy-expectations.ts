import { readFile } from 'node:fs/promises';
import { UsageError } from '../errors.ts';
import { explain } from '../gateway/guard/explain.ts';
import { SUBJECT_KINDS } from '../gateway/guard/policy.ts';
import { readYaml, type YamlValue } from '../gateway/guard/policy-file.ts';
import { momentMs } from '../gateway/guard/policy-when.ts';
import type { RequestView } from '../request-view.ts';
import type { NamedPolicy } from './policy-file-option.ts';
import { identityOf, type Who } from './policy-who.ts';

/** One line of a table of expectations. */
export interface Expectation {
  /** What to call it: its own name, or caller, method and answer. */
  readonly name: string;
  readonly line: number;
  readonly who: Who;
  readonly method: string;
  /** Undefined asks before there is a request. */
  readonly request: RequestView | undefined;
  /** Milliseconds since 1970; undefined for now. */
  readonly atMs: number | undefined;
  readonly expect: 'allow' | 'deny';
  /** Rule that must be named for it; undefined when it does not matter. */
  readonly rule: string | undefined;
}

/** An expectation and what came of it. */
export interface Outcome {
  readonly expectation: Expectation;
  /** Undefined when it came as expected. */
  readonly miss: string | undefined;
}

/**
 * Reads a table of expectations (YAML).
 *
 * @throws UsageError `FILE:LINE:COL: what is wrong; remedy` for the first mistake.
 */
export async function readExpectations(file: string, { policy, terms }: NamedPolicy): Promise<readonly Expectation[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UsageError(`${file} cannot be read; name a table of expectations that is there`, { cause: error });
  });
  const { version, expect } = readYaml(text, file).members(['version', 'expect'], []);
  if (version.integer() !== 1) version.fail('the file has a version that this program does not read; write version: 1');
  const methods = new Set(terms.names());
  const rules = new Set(policy.rules.map(({ name }) => name));
  return expect.items().map((item) => {
    const members = item.members(['who', 'method', 'expect'], ['name', 'request', 'at', 'rule']);
    const method = members.method.text();
    if (!methods.has(method)) members.method.fail(`"${method}" is no known method; write package.Service/Method`);
    const answer = members.expect.text();
    if (answer !== 'allow' && answer !== 'deny') members.expect.fail(`"${answer}" is no answer; write allow or deny`);
    const rule = members.rule?.text();
    if (rule !== undefined && !rules.has(rule))
      members.rule?.fail(`the policy has no rule "${rule}"; write one of its own`);
    const who = parseWho(members.who);
    return {
      name: members.name?.text() ?? `${who.cn ?? 'somebody'} ${method} ${answer}`,
      line: item.line,
      who,
      method,
      request: members.request && parseRequest(members.request, method, terms),
      atMs: members.at && parseMoment(members.at),
      expect: answer === 'allow' ? 'allow' : 'deny',
      rule,
    };
  });
}

/** Holds a policy against its expectations. */
export function testPolicy(
  { policy, file }: NamedPolicy,
  expectations: readonly Expectation[],
  nowMs: number,
): Outcome[] {
  return expectations.map((expectation) => {
    const { who, method, request, atMs, expect, rule } = expectation;
    const { decision, entry } = explain(policy, identityOf(who), method, request, atMs ?? nowMs);
    const because = decision.allow ? `rule "${decision.rule}", ${file}:${entry?.line ?? '?'}` : decision.reason;
    const came = decision.allow ? 'allow' : 'deny';
    if (came !== expect) return { expectation, miss: `expected ${expect}, came ${came} (${because})` };
    if (rule !== undefined && decision.rule !== rule) {
      return { expectation, miss: `expected rule "${rule}", came ${decision.rule === undefined ? 'none' : because}` };
    }
    return { expectation, miss: undefined };
  });
}

function parseWho(value: YamlValue): Who {
  if (!value.isMapping) return { cn: value.text() };
  const members = value.members([], SUBJECT_KINDS);
  const texts = (list: YamlValue): readonly string[] =>
    list.isList ? list.items().map((item) => item.text()) : [list.text()];
  const who: { -readonly [Key in keyof Who]: Who[Key] } = {};
  for (const kind of SUBJECT_KINDS) {
    const member = members[kind];
    if (member === undefined) continue;
    if (kind === 'cn' || kind === 'sha256') who[kind] = member.text();
    else who[kind] = texts(member);
  }
  return who;
}

function parseRequest(value: YamlValue, method: string, terms: NamedPolicy['terms']): RequestView {
  const json = JSON.stringify(value.json());
  try {
    return terms.request(method, json);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return value.fail(`${error.message}; write it as the method's JSON body`);
  }
}

function parseMoment(value: YamlValue): number {
  const ms = momentMs(value.text());
  return ms ?? value.fail('at is no moment; write ISO 8601 with its offset, as in 2026-03-01T08:00:00Z');
}
