/** The kinds of name that a policy may ask for, as written before the colon. */
export const SUBJECT_KINDS = ['cn', 'o', 'ou', 'dns', 'uri', 'email', 'sha256'] as const;

/** One kind of name. */
export type SubjectKind = (typeof SUBJECT_KINDS)[number];

/** One `kind:pattern` of a policy: part of an identity that a caller must have. */
export interface NameSubject {
  readonly kind: SubjectKind;
  readonly pattern: string;
}

/** Who is meant: a name, or a combination of such. */
export type Subject =
  | NameSubject
  /** `all:` whoever every one of them means; `any:` whoever one of them means. */
  | { readonly kind: 'all' | 'any'; readonly subjects: readonly Subject[] }
  /** `not:` whoever it does not mean. */
  | { readonly kind: 'not'; readonly subject: Subject };
