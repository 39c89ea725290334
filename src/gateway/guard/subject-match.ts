import type { Identity } from './identity.ts';
import { matches } from './pattern.ts';
import type { NameSubject, Subject } from './subject.ts';

/** Whether one of the subjects means this caller. */
export function isSubject(subjects: readonly Subject[], identity: Identity): boolean {
  return subjects.some((subject) => isMeant(subject, identity));
}

function isMeant(subject: Subject, identity: Identity): boolean {
  switch (subject.kind) {
    case 'all':
      return subject.subjects.every((each) => isMeant(each, identity));
    case 'any':
      return subject.subjects.some((each) => isMeant(each, identity));
    case 'not':
      return !isMeant(subject.subject, identity);
    default:
      return hasName(subject, identity);
  }
}

function hasName({ kind, pattern }: NameSubject, identity: Identity): boolean {
  switch (kind) {
    case 'cn':
      return matches(pattern, identity.cn);
    case 'o':
      return identity.organizations.some((value) => matches(pattern, value));
    case 'ou':
      return identity.organizationalUnits.some((value) => matches(pattern, value));
    case 'dns':
      return identity.dns.some((value) => matches(pattern, value));
    case 'uri':
      return identity.uris.some((value) => matches(pattern, value));
    case 'email':
      return identity.emails.some((value) => matches(pattern, value));
    case 'sha256':
      return pattern === identity.sha256;
    default:
      return kind satisfies never;
  }
}

/**
 * Whether a subject means only callers that have something it names. `not` alone does not: it means everybody else, and
 * whoever gets a certificate in future.
 */
export function isNamed(subject: Subject): boolean {
  switch (subject.kind) {
    case 'all':
      return subject.subjects.some(isNamed);
    case 'any':
      return subject.subjects.every(isNamed);
    case 'not':
      return isNamedByExclusion(subject.subject);
    default:
      return true;
  }
}

/** Whether "not this" means only callers that have something named: a double negation. */
function isNamedByExclusion(subject: Subject): boolean {
  switch (subject.kind) {
    case 'all':
      return subject.subjects.every(isNamedByExclusion);
    case 'any':
      return subject.subjects.some(isNamedByExclusion);
    case 'not':
      return isNamed(subject.subject);
    default:
      return false;
  }
}

/** A subject as a policy writes it. */
export function subjectText(subject: Subject): string {
  switch (subject.kind) {
    case 'all':
    case 'any':
      return `{${subject.kind}: [${subject.subjects.map(subjectText).join(', ')}]}`;
    case 'not':
      return `{not: ${subjectText(subject.subject)}}`;
    default:
      return `${subject.kind}:${subject.pattern}`;
  }
}
