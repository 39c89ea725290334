import { patternFault } from './pattern.ts';
import type { YamlValue } from './policy-file.ts';
import { SUBJECT_KINDS, type Subject } from './subject.ts';
import { isNamed, subjectText } from './subject-match.ts';

/** How deep `all`, `any` and `not` may nest: deeper ones nobody can read. */
const MAX_SUBJECT_DEPTH = 8;

/** The list under `subjects`. */
export function parseSubjects(list: YamlValue): readonly Subject[] {
  return list.items().map((item) => parseSubject(item, 1));
}

/** The list under `delegates`: like subjects, but each must say whom it means and not only whom it does not. */
export function parseDelegates(list: YamlValue): readonly Subject[] {
  return list.items().map((item) => {
    const subject = parseSubject(item, 1);
    if (!isNamed(subject)) {
      item.fail(`delegate ${subjectText(subject)} is everybody but some; name those who may speak for others`);
    }
    return subject;
  });
}

function parseSubject(item: YamlValue, depth: number): Subject {
  if (!item.isMapping) return parseName(item);
  if (depth > MAX_SUBJECT_DEPTH) item.fail(`all, any and not nest deeper than ${MAX_SUBJECT_DEPTH}; write it flatter`);
  const members = item.members([], ['all', 'any', 'not']);
  const given = (['all', 'any', 'not'] as const).filter((key) => members[key] !== undefined);
  const [kind] = given;
  const value = kind && members[kind];
  if (kind === undefined || value === undefined || given.length > 1) {
    return item.fail(`${item.name} has ${given.join(' and ')}; write one of them, and nest the others`);
  }
  if (kind === 'not') return { kind, subject: parseSubject(value, depth + 1) };
  return { kind, subjects: value.items().map((each) => parseSubject(each, depth + 1)) };
}

function parseName(item: YamlValue): Subject {
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
