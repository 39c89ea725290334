import type { Explanation, RuleFinding } from '../gateway/guard/explain.ts';
import type { Limits, Policy } from '../gateway/guard/policy.ts';
import { isNamed, subjectText } from '../gateway/guard/subject-match.ts';

/** What is right but perhaps not meant in a policy, each as `FILE:LINE: what; remedy`. */
export function policyWarnings(file: string, { rules }: Policy): string[] {
  return rules.flatMap(({ name, subjects, line }) =>
    subjects
      .filter((subject) => !isNamed(subject))
      .map(
        (subject) =>
          `${file}:${line}: rule "${name}" means everybody but some: ${subjectText(subject)}; ` +
          'say with all: who is meant besides, unless that is meant',
      ),
  );
}

/** A decision and its reasons, as lines for people. */
export function explanationLines(file: string, { decision, entry, findings }: Explanation): string[] {
  const first = decision.allow
    ? `allow: rule "${decision.rule}" (${file}:${entry?.line ?? '?'})${limitsText(decision.limits)}`
    : `deny: ${decision.reason}`;
  const shadowed = decision.shadowed.map((rule) => `in shadow mode only: enforced, rule "${rule}" would not allow it`);
  return [first, ...shadowed, ...findings.flatMap((finding) => findingLines(file, finding))];
}

function findingLines(file: string, { rule, notNamed, entries }: RuleFinding): string[] {
  const head = `  rule "${rule.name}" (${file}:${rule.line})`;
  if (notNamed !== undefined) return [`${head}: ${notNamed}`];
  return [`${head}:`, ...entries.map(({ entry, why }) => `    ${file}:${entry.line}: ${why}`)];
}

function limitsText(limits: Limits): string {
  const texts = Object.entries(limits).map(([name, value]) => `${name} ${value}`);
  return texts.length === 0 ? '' : `, with ${texts.join(', ')}`;
}

/** The rules and entries under which a method may be called, with those whom they mean, as lines for people. */
export function whoCanLines(file: string, findings: readonly RuleFinding[]): string[] {
  const lines = findings.flatMap(({ rule, entries }) => {
    const allowing = entries.filter(({ answer }) => answer !== 'no');
    if (allowing.length === 0) return [];
    return [
      `rule "${rule.name}" (${file}:${rule.line}): ${rule.subjects.map(subjectText).join(', ')}`,
      ...allowing.map(({ entry, why }) => `    ${file}:${entry.line}: ${why}${limitsText(entry.limits)}`),
    ];
  });
  return lines.length === 0 ? ['nobody'] : lines;
}
